// Many parts of one kind at a glance: mark the exceptions, decide all the others at once.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import {
  ApiError,
  api,
  cropUrl,
  type DecisionKind,
  type Filters,
  type Item,
  type ItemDetail,
  type Order,
} from "../api";
import { Grade, KeyButton, Problem } from "../controls";
import { CropPicture, distinct } from "../crop";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import { decisionName, kindName, opened, percent } from "../names";
import { DECISIONS } from "../panel";
import { filtersOf, go, orderOf, settle, to } from "../place";
import { useSettings } from "../settings";
import { useRoom } from "../size";
import { useSession } from "../who";
import { t, told } from "../words";

const SIZES = [12, 24, 48];
const SHOWN = 320; // px, of a crop's longer side as fetched

export function Sheet({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const order = orderOf(query);
  const size = SIZES.find((one) => one === Number(query.get("n"))) ?? 24;
  const show = (changed: Filters, n = size) => settle(to("sheet", { order, n }, changed));
  const sheet = useSheet(filters, order, size);
  return (
    <div class="sheet">
      <div class="sheet-head">
        <Kind filters={filters} onChange={show} />
        <label>
          {t("sheet_size")}{" "}
          <select
            value={size}
            onChange={(event) => show(filters, Number(event.currentTarget.value))}
          >
            {SIZES.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <span class="muted">{t("sheet_hint")}</span>
        <span class="spacer" />
        <span role="status">
          {sheet.waiting !== null && t("left", { count: sheet.waiting + sheet.items.length })}
        </span>
      </div>
      <Problem error={sheet.error} retry={sheet.reload} />
      {sheet.items.length === 0 ? (
        <p class="empty">{sheet.isLoading ? t("loading") : t("all_done")}</p>
      ) : null}
      <Grid sheet={sheet} filters={filters} order={order} />
    </div>
  );
}

/** One kind of part and condition: a sheet of mixed kinds cannot be taken in at a glance. */
function Kind({ filters, onChange }: { filters: Filters; onChange: (filters: Filters) => void }) {
  const { condition: _c, component: _k, ...others } = filters;
  const components = useLoaded(`sheet ${JSON.stringify(others)}`, () =>
    api.queueFilters(waiting(others)),
  );
  const component = filters.component?.[0] ?? "";
  const conditions = useLoaded(`sheet ${JSON.stringify([others, component])}`, () =>
    api.queueFilters(waiting(component ? { ...others, component: [component] } : others)),
  );
  const all = components.value?.facets.component ?? [];
  const first = all[0]?.value;
  // Only when nothing was chosen
  useEffect(() => {
    if (!component && first) onChange({ ...others, component: [first] });
  }, [component, first]);
  return (
    <>
      <label>
        {t("component")}{" "}
        <select
          value={component}
          onChange={(event) => onChange({ ...others, component: [event.currentTarget.value] })}
        >
          {all.map(({ value, label, count }) => (
            <option key={value} value={value}>
              {opened(told(label))} ({count})
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("condition")}{" "}
        <select
          value={filters.condition?.[0] ?? ""}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            const kind = { ...others, component: [component] };
            onChange(chosen ? { ...kind, condition: [chosen] } : kind);
          }}
        >
          <option value="">{t("any")}</option>
          {(conditions.value?.facets.condition ?? []).map(({ value, label, count }) => (
            <option key={value} value={value}>
              {opened(told(label))} ({count})
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

/** What is leased without a state: only what waits. */
function waiting(filters: Filters): Filters {
  return filters.state ? filters : { ...filters, state: ["open"] };
}

interface SheetState {
  items: ItemDetail[];
  waiting: number | null;
  isLoading: boolean;
  error: ApiError | null;
  /** What was decided last, to be undone together. */
  last: Item[];
  decide: (decision: DecisionKind, items: ItemDetail[]) => Promise<void>;
  undo: () => Promise<void>;
  reload: () => void;
}

function useSheet(filters: Filters, order: Order, size: number): SheetState {
  const { lease_minutes } = useSession();
  const [state, setState] = useState<
    Pick<SheetState, "items" | "waiting" | "isLoading" | "error" | "last">
  >({
    items: [],
    waiting: null,
    isLoading: true,
    error: null,
    last: [],
  });
  const held = useRef<number[]>([]);
  const key = JSON.stringify([filters, order, size]);

  const lease = async (n: number, keep: number[], release: number[]) => {
    try {
      const answer = await api.lease(filters, n, keep, release, order);
      held.current = [...keep, ...answer.items.map(({ id }) => id)];
      setState((old) => ({
        ...old,
        items: n ? answer.items : old.items.filter(({ id }) => answer.kept.includes(id)),
        waiting: answer.waiting,
        isLoading: false,
        error: null,
      }));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState((old) => ({ ...old, error, isLoading: false }));
    }
  };

  // Key stands for filters, order and size
  useEffect(() => {
    if (!filters.component) return;
    void lease(size, [], held.current);
    const renewing = setInterval(
      () => void lease(0, held.current, []),
      (lease_minutes * 60000) / 3,
    );
    const leaving = () => {
      if (held.current.length) void api.release(held.current).catch(() => {});
    };
    addEventListener("pagehide", leaving);
    return () => {
      clearInterval(renewing);
      removeEventListener("pagehide", leaving);
      leaving();
      held.current = [];
    };
  }, [key, lease_minutes]);

  const asked = async (call: () => Promise<void>) => {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      setState((old) => ({ ...old, error, items: refreshed(old.items, error.current) }));
    }
  };
  return {
    ...state,
    decide: (decision, items) =>
      asked(async () => {
        const answer = await api.decideAll(
          items.map(({ id, version }) => ({ item: id, version, decision })),
        );
        const decided = new Set(answer.items.map(({ id }) => id));
        setState((old) => ({ ...old, last: answer.items, isLoading: true }));
        // Exceptions stay in the queue and on no sheet: they are given back.
        const exceptions = held.current.filter((id) => !decided.has(id));
        await lease(size, [], exceptions);
      }),
    undo: () =>
      asked(async () => {
        const undone = state.last.filter(({ can_undo }) => can_undo);
        await api.undoAll(undone.map(({ id, version }) => ({ item: id, version })));
        setState((old) => ({ ...old, last: [] }));
        await lease(size, [], held.current);
      }),
    reload: () => void lease(size, [], held.current),
  };
}

function refreshed(items: ItemDetail[], current: Item[]): ItemDetail[] {
  const changed = new Set(current.filter(({ allowed }) => !allowed.length).map(({ id }) => id));
  return items.filter(({ id }) => !changed.has(id));
}

function Grid({ sheet, filters, order }: { sheet: SheetState; filters: Filters; order: Order }) {
  const { items } = sheet;
  const [marked, setMarked] = useState<ReadonlySet<number>>(new Set());
  const [at, setAt] = useState(0);
  const grid = useRef<HTMLDivElement>(null);
  const room = useRoom(grid);
  const isTall = useMemo(() => isMostlyTall(items), [items]);
  const columns = columnsFor(items.length, room.width, room.height, isTall);
  const first = items[0]?.id;

  // A new sheet begins without marks
  useEffect(() => {
    setMarked(new Set());
    setAt(0);
  }, [first]);

  const rest = items.filter((one) => !marked.has(one.id));
  const mark = (id: number) => {
    const changed = new Set(marked);
    if (!changed.delete(id)) changed.add(id);
    setMarked(changed);
  };
  const move = (by: number) => setAt(Math.max(0, Math.min(items.length - 1, at + by)));
  const decide = (decision: DecisionKind) => {
    const can = rest.filter(({ allowed }) => allowed.includes(decision));
    if (can.length) void sheet.decide(decision, can);
  };
  useKeys("sheet", {
    right: () => move(1),
    left: () => move(-1),
    down: () => move(columns),
    up: () => move(-columns),
    mark: () => items[at] && mark(items[at].id),
    open: () => items[at] && go(to("triage", { order, item: items[at].id }, filters)),
    confirm: () => decide("confirm"),
    reject: () => decide("reject"),
    observe: () => decide("observe"),
    cannotJudge: () => decide("cannot_judge"),
    undo: () => void sheet.undo(),
  });

  return (
    <>
      <div class="grid" ref={grid} style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }}>
        {items.map((item, i) => (
          <Cell
            key={item.id}
            item={item}
            isMarked={marked.has(item.id)}
            isAt={i === at}
            onMark={() => {
              setAt(i);
              mark(item.id);
            }}
          />
        ))}
      </div>
      {items.length > 0 && (
        <div class="sheet-foot">
          <span>{t("marked", { count: marked.size })}</span>
          {DECISIONS.map(({ action, decision }) => (
            <KeyButton
              key={action}
              page="sheet"
              action={action}
              kind={`decide decide-${decision}`}
              label={t("decide_rest", { decision: decisionName(decision), count: rest.length })}
              disabled={rest.length === 0 || sheet.isLoading}
              onPress={() => decide(decision)}
            />
          ))}
          <KeyButton
            page="sheet"
            action="undo"
            label={t("undo")}
            disabled={sheet.last.length === 0}
            onPress={() => void sheet.undo()}
          />
        </div>
      )}
    </>
  );
}

interface CellProps {
  item: ItemDetail;
  isMarked: boolean;
  isAt: boolean;
  onMark: () => void;
}

function Cell({ item, isMarked, isAt, onMark }: CellProps) {
  const { evidence, brighten } = useSettings();
  const place = useRef<HTMLButtonElement>(null);
  const picture = useRef<HTMLSpanElement>(null);
  const room = useRoom(picture);
  useEffect(() => {
    if (isAt) place.current?.scrollIntoView({ block: "nearest" });
  }, [isAt]);
  const scale = Math.min(3, room.width / item.crop.width, room.height / item.crop.height);
  const lines = evidence
    ? distinct(item.seen_in[0]?.evidence.flatMap((one) => one.lines) ?? [])
    : [];
  return (
    <button
      type="button"
      ref={place}
      data-item={item.id}
      class={`cell ${isMarked ? "marked" : ""} ${isAt ? "at" : ""}`}
      aria-pressed={isMarked}
      aria-current={isAt}
      aria-label={`${kindName(item)} ${item.mast?.number ?? ""} ${isMarked ? t("exception") : ""}`}
      onClick={(event) => {
        event.currentTarget.blur();
        onMark();
      }}
    >
      <span class="cell-picture" ref={picture}>
        {room.width > 0 && (
          <CropPicture
            src={cropUrl(item, 0, { maxSide: SHOWN, brighten })}
            crop={item.crop}
            scale={scale}
            label=""
            lines={lines}
          />
        )}
      </span>
      <span class="cell-text">
        <span>{item.mast?.number ?? t("no_mast")}</span>
        <span>{percent(item.probability)}</span>
        <Grade grade={item.grade} />
        {isMarked && <b class="exception">✕ {t("exception")}</b>}
      </span>
    </button>
  );
}

function isMostlyTall(items: ItemDetail[]): boolean {
  return items.filter(({ crop }) => crop.height > crop.width).length > items.length / 2;
}

/** Columns with which cells of a likely shape fill the room best. */
export function columnsFor(count: number, width: number, height: number, isTall: boolean): number {
  if (!count || !width || !height) return 6;
  const shape = isTall ? 0.8 : 1.4; // width of a cell for its height
  const columns = Math.round(Math.sqrt((count * width) / height / shape));
  return Math.max(2, Math.min(count, columns, Math.floor(width / 110)));
}
