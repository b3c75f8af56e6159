// Many parts of one kind at a glance: mark the exceptions, decide all the others at once.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useAnew } from "../anew";
import {
  api,
  cropUrl,
  type DecisionKind,
  type Filters,
  type Item,
  type ItemDetail,
  type Order,
  type QueueFilters,
} from "../api";
import { Grade, KeyButton, Problem } from "../controls";
import { CropPicture, distinct } from "../crop";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import {
  componentName,
  conditionName,
  decisionName,
  isSample,
  kindName,
  opened,
  percent,
} from "../names";
import { DECISIONS } from "../panel";
import { Break, breathe } from "../pauses";
import { filtersOf, go, orderOf, placeOf, settle, to } from "../place";
import { give, preload, sourceOf } from "../preload";
import { MOST_ENLARGED } from "../scale";
import { change, settings, useSettings } from "../settings";
import { useRoom } from "../size";
import { type SheetServer, Stack } from "../stack";
import { isPlain } from "../tone";
import { PlainButton, useToneKeys } from "../tonepanel";
import { useSession } from "../who";
import { onDecided, tellDecided, useOtherWindows } from "../windows";
import { t, told } from "../words";

const SIZES = [12, 24, 48];
const SHOWN = 320; // px, of a crop's longer side as fetched
const NO_MARKS: ReadonlySet<number> = new Set();
const AHEAD_MS = 500; // after which the sheet behind the first is fetched

export function Sheet({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const order = orderOf(query);
  const { tone } = useSettings();
  const others = useOtherWindows();
  const size = SIZES.find((one) => one === Number(query.get("n"))) ?? 24;
  const show = (changed: Filters, n = size) => settle(to("sheet", { order, n }, changed));
  const stack = useStack(filters, order, size);
  return (
    <div class="sheet">
      <h1 class="unseen">{t("sheet")}</h1>
      <div class="sheet-head">
        <Kind filters={filters} left={stack.waiting === null ? null : stack.left} onChange={show} />
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
        <Break />
        {others > 0 && <span>{t("other_windows")}</span>}
        {!isPlain(tone) && <PlainButton page="sheet" />}
        <span role="status">{stack.waiting !== null && t("left", { count: stack.left })}</span>
        {stack.aside.length > 0 && (
          <a class="button" href={to("triage", { order }, filters)}>
            {t("open_exceptions")} ({stack.aside.length})
          </a>
        )}
      </div>
      <Problem error={stack.error} retry={() => void stack.fill()} />
      {stack.shown.length === 0 && (
        <p class="empty">{stack.isBusy && filters.component ? t("loading") : t("all_done")}</p>
      )}
      <Grid stack={stack} filters={filters} order={order} />
    </div>
  );
}

interface KindProps {
  filters: Filters;
  /** Null until the first sheet is there. */
  left: number | null;
  onChange: (filters: Filters) => void;
}

/** One kind of part and condition: a sheet of mixed kinds cannot be taken in at a glance. */
function Kind({ filters, left, onChange }: KindProps) {
  const { condition: _c, component: _k, ...others } = filters;
  const component = filters.component?.[0] ?? "";
  const kind = component ? { ...others, component: [component] } : others;
  const condition = filters.condition?.[0] ?? "";
  // Counts of a filter are under all filters but itself: one answer tells both lists. It is read
  // behind the first sheet, which must not wait for it, and again when something was decided.
  const isFirst = Boolean(component) && left === null;
  const counts = useLoaded(`sheet ${left} ${JSON.stringify(kind)}`, () =>
    isFirst ? new Promise<QueueFilters>(() => {}) : api.queueFilters(waiting(kind)),
  );
  const all = counts.value?.facets.component ?? [];
  const conditions = (component && counts.value?.facets.condition) || [];
  const first = all[0] && String(all[0].value);
  // Only when nothing was chosen, and nobody has just gone to another page
  useEffect(() => {
    const isHere = placeOf(location.hash).page === "sheet";
    if (!component && first && isHere) onChange({ ...others, component: [first] });
  }, [component, first]);
  return (
    <>
      <label>
        {t("component")}{" "}
        <select
          value={component}
          onChange={(event) => onChange({ ...others, component: [event.currentTarget.value] })}
        >
          {!all.some(({ value }) => value === component) && (
            <option value={component}>{component ? componentName(component) : t("nothing")}</option>
          )}
          {all.map(({ value, label, count }) => (
            <option key={value} value={String(value)}>
              {opened(told(label))} ({count})
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("condition")}{" "}
        <select
          value={condition}
          onChange={(event) => {
            const chosen = event.currentTarget.value;
            onChange(chosen ? { ...kind, condition: [chosen] } : kind);
          }}
        >
          <option value="">{t("any")}</option>
          {condition && !conditions.some(({ value }) => value === condition) && (
            <option value={condition}>{opened(conditionName(component, condition))}</option>
          )}
          {conditions.map(({ value, label, count }) => (
            <option key={value} value={String(value)}>
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

/** The server; other windows are told what is decided. */
const telling: Omit<SheetServer, "lease"> = {
  release: api.release,
  decideAll: async (decisions) => toldAll(await api.decideAll(decisions)),
  undoAll: async (items) => toldAll(await api.undoAll(items)),
};

function toldAll(answer: { items: Item[] }): { items: Item[] } {
  tellDecided(answer.items.map(({ id }) => id));
  return answer;
}

function useStack(filters: Filters, order: Order, size: number): Stack {
  const [, redraw] = useState(0);
  const { lease_minutes } = useSession();
  const { brighten } = useSettings();
  const key = JSON.stringify([filters, order, size]);
  // Key stands for filters, order and size.
  const stack = useMemo(() => {
    const lease = async (n: number, keep: number[], release: number[]) => {
      const look = { maxSide: SHOWN, brighten: settings().brighten };
      const answer = await api.lease(filters, n, keep, release, order, look);
      for (const item of answer.items) {
        const picture = answer.pictures[item.id];
        if (picture) give(addressOf(item, look.brighten), picture);
      }
      return answer;
    };
    const rest = () => new Promise((done) => setTimeout(done, AHEAD_MS));
    return new Stack({ ...telling, lease }, size, () => redraw((n) => n + 1), rest);
  }, [key]);
  useEffect(() => {
    if (!filters.component) return;
    void stack.fill();
    const renewing = setInterval(() => void stack.renew(), (lease_minutes * 60000) / 3);
    const leaving = () => void stack.close();
    addEventListener("pagehide", leaving);
    return () => {
      clearInterval(renewing);
      removeEventListener("pagehide", leaving);
      leaving();
    };
  }, [stack, lease_minutes]);
  useEffect(() => onDecided((id) => stack.elsewhere(id)), [stack]);
  useEffect(() => preload(stack.ahead.map((item) => pictureOf(item, brighten))));
  return stack;
}

function addressOf(item: ItemDetail, brighten: boolean): string {
  return cropUrl(item, 0, { maxSide: SHOWN, brighten });
}

function pictureOf(item: ItemDetail, brighten: boolean): string {
  return sourceOf(addressOf(item, brighten));
}

function Grid({ stack, filters, order }: { stack: Stack; filters: Filters; order: Order }) {
  const { break_minutes } = useSession();
  const items = stack.shown;
  const [marked, setMarked] = useAnew(stack.turn, NO_MARKS);
  const [at, setAt] = useAnew(stack.turn, 0);
  const grid = useRef<HTMLDivElement>(null);
  const room = useRoom(grid);
  const isTall = useMemo(() => isMostlyTall(items), [items]);
  const columns = columnsFor(items.length, room.width, room.height, isTall);

  const mark = (id: number) => {
    const changed = new Set(marked);
    if (!changed.delete(id)) changed.add(id);
    setMarked(changed);
  };
  const open = (item: ItemDetail) => go(to("triage", { order, item: item.id }, filters));
  const move = (by: number) => setAt(Math.max(0, Math.min(items.length - 1, at + by)));
  const decide = (decision: DecisionKind) => {
    breathe(break_minutes);
    void stack.decide(decision, marked);
  };
  useKeys("sheet", {
    right: () => move(1),
    left: () => move(-1),
    down: () => move(columns),
    up: () => move(-columns),
    mark: () => items[at] && mark(items[at].id),
    open: () => items[at] && open(items[at]),
    confirm: () => decide("confirm"),
    reject: () => decide("reject"),
    observe: () => decide("observe"),
    cannotJudge: () => decide("cannot_judge"),
    undo: () => void stack.undo(),
    evidence: () => change({ evidence: !settings().evidence }),
  });
  useToneKeys("sheet");

  return (
    <>
      <div
        class="grid"
        ref={grid}
        hidden={items.length === 0}
        style={{ gridTemplateColumns: `repeat(${columns}, 1fr)` }}
      >
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
            onOpen={() => open(item)}
          />
        ))}
      </div>
      {(items.length > 0 || stack.canUndo) && (
        <div class="sheet-foot">
          <span>{t("marked", { count: marked.size })}</span>
          {DECISIONS.map(({ action, decision }) => {
            const count = stack.decidable(decision, marked).length;
            return (
              <KeyButton
                key={action}
                page="sheet"
                action={action}
                kind={`decide decide-${decision}`}
                label={t("decide_rest", { decision: decisionName(decision), count })}
                disabled={count === 0 || stack.isBusy}
                onPress={() => decide(decision)}
              />
            );
          })}
          <KeyButton
            page="sheet"
            action="undo"
            label={t("undo")}
            disabled={!stack.canUndo}
            onPress={() => void stack.undo()}
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
  onOpen: () => void;
}

function Cell({ item, isMarked, isAt, onMark, onOpen }: CellProps) {
  const { evidence, brighten, tone } = useSettings();
  const place = useRef<HTMLButtonElement>(null);
  const picture = useRef<HTMLSpanElement>(null);
  const room = useRoom(picture);
  useEffect(() => {
    if (isAt) place.current?.scrollIntoView({ block: "nearest" });
  }, [isAt]);
  const scale = Math.min(
    MOST_ENLARGED,
    room.width / item.crop.width,
    room.height / item.crop.height,
  );
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
      onClick={(event) => {
        event.currentTarget.blur();
        onMark();
      }}
      onDblClick={onOpen}
      title={t("sheet_cell")}
    >
      <span class="cell-picture" ref={picture}>
        {room.width > 0 && (
          <CropPicture
            src={pictureOf(item, brighten)}
            crop={item.crop}
            scale={scale}
            label={kindName(item)}
            isEven={tone.even}
            lines={lines}
          />
        )}
      </span>
      <span class="cell-text">
        <span>{item.mast?.number ?? t("no_mast")}</span>
        <span>{percent(item.probability)}</span>
        <Grade grade={item.grade} />
        {isSample(item) && <span class="muted">{t("sample")}</span>}
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
