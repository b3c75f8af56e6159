// One item after the other: look, press a key, the next is there.
import { useEffect, useRef, useState } from "preact/hooks";
import { useAnew } from "../anew";
import {
  ApiError,
  api,
  type DecisionKind,
  type Filters,
  type ItemDetail,
  type Order,
  type Photograph,
} from "../api";
import { others } from "../beside";
import { errorText, KeyButton, Problem } from "../controls";
import type { Desk, DeskChoice, Refusal } from "../desk";
import { announce } from "../follow";
import { useKeys } from "../keys";
import { conditionsOf, itemName } from "../names";
import {
  Changes,
  DecisionButtons,
  type Edit,
  EvidenceTable,
  Facts,
  Known,
  Merged,
  NO_EDIT,
  noteShown,
  ReadBefore,
  Trail,
  Whole,
  Why,
} from "../panel";
import { Break, breathe } from "../pauses";
import { filtersOf, go, orderOf, placeOf, to } from "../place";
import type { Size } from "../scale";
import { change, useSettings } from "../settings";
import { Stage } from "../stage";
import { Strip } from "../strip";
import { isPlain } from "../tone";
import { PlainButton, ShownButtons, ToneSliders, useToneKeys } from "../tonepanel";
import { useDesk } from "../usedesk";
import { useRight, useSession } from "../who";
import { useOtherWindows } from "../windows";
import { t } from "../words";

const SIZES: readonly Size[] = ["fit", "actual", "surroundings"];

export function Triage({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const order = orderOf(query);
  const first = Number(query.get("item")) || null;
  const desk = useDesk(filters, order, first);
  const item = desk.current;
  const shown = useRef(""); // the address that was put there last
  useEffect(() => {
    // Going back from the photograph, or loading the page anew, comes back to this item.
    // Whoever has just gone to another page or item, not shown yet, is not called back.
    const there = placeOf(location.hash);
    const isHere = there.query.toString() === query.toString() || location.hash === shown.current;
    if (!item || there.page !== "triage" || !isHere) return;
    history.replaceState(null, "", to("triage", { order, item: item.id }, filters));
    shown.current = location.hash;
  });
  return (
    <div class="triage">
      <Notices desk={desk} />
      {item ? (
        <Looking desk={desk} item={item} />
      ) : (
        <div class="empty">
          {desk.isLoading ? (
            <p>{t("loading")}</p>
          ) : (
            <>
              <p>{t("all_done")}</p>
              <p>
                <a class="button" href={to("queue", { order }, filters)}>
                  {t("back_to_queue")}
                </a>
              </p>
            </>
          )}
          <UndoWhenEmpty desk={desk} />
        </div>
      )}
      <Progress desk={desk} filters={filters} order={order} />
    </div>
  );
}

function Looking({ desk, item }: { desk: Desk; item: ItemDetail }) {
  const { evidence, brighten, views, tone, toneShown } = useSettings();
  const { break_minutes } = useSession();
  const [size, setSize] = useState<Size>("fit");
  const [view, setView] = useAnew(item.id, 0);
  const [earlier, setEarlier] = useAnew(item.id, 0);
  const { shot, next: nextShot, error: shotError } = useCameras(item);
  const [edit, setEdit] = useAnew<Edit>(item.id, NO_EDIT);
  const [warning, setWarning] = useAnew(item.id, "");
  const condition = useRef<HTMLSelectElement>(null);
  const grade = useRef<HTMLSelectElement>(null);
  const note = useRef<HTMLTextAreaElement>(null);
  const canUndo = desk.decided > 0 || item.can_undo;

  useEffect(() => announce({ frame: item.frame_id, item: item.id }), [item.frame_id, item.id]);

  const decide = (decision: DecisionKind) => {
    const standing = edit.condition || item.condition;
    if (decision === "confirm" && !conditionsOf(item.component).some(({ id }) => id === standing)) {
      setWarning(t("condition_needed"));
      condition.current?.focus();
      return;
    }
    breathe(break_minutes);
    desk.decide(choiceOf(item, edit, decision));
  };
  const open = (id: number) => void desk.open(id);
  const nextView = () => setView((view + 1) % item.seen_in.length);
  const show = (one: number) => one < item.seen_in.length && setView(one);
  const shows = item.earlier.length + 1;
  const picture = to("picture", {
    frame: item.seen_in[view]?.frame_id ?? item.frame_id,
    item: item.id,
  });

  useKeys("triage", {
    confirm: () => decide("confirm"),
    reject: () => decide("reject"),
    observe: () => decide("observe"),
    cannotJudge: () => decide("cannot_judge"),
    undo: () => void desk.undo(),
    next: () => desk.next(),
    previous: () => desk.previous(),
    evidence: () => change({ evidence: !evidence }),
    brighten: () => change({ brighten: !brighten }),
    size: () => setSize(after(SIZES, size)),
    tone: () => change({ toneShown: !toneShown }),
    view: nextView,
    view1: () => show(0),
    view2: () => show(1),
    view3: () => show(2),
    view4: () => show(3),
    view5: () => show(4),
    views: () => change({ views: !views }),
    camera: nextShot,
    earlier: () => setEarlier((earlier + 1) % shows),
    condition: () => condition.current?.focus(),
    grade: () => grade.current?.focus(),
    note: () => note.current?.focus(),
    picture: () => go(picture),
    mast: () => item.mast && go(to("mast", { id: item.mast.id })),
  });
  useToneKeys("triage");

  return (
    <>
      <div class="triage-left">
        <Stage
          item={item}
          view={view}
          earlier={item.earlier[earlier] ?? null}
          shot={shot}
          size={size}
        />
        <Strip item={item} view={view} onView={setView} hasKeys>
          <KeyButton
            page="triage"
            action="views"
            label={t("views_beside")}
            pressed={views}
            onPress={() => change({ views: !views })}
          />
        </Strip>
        {toneShown && (
          <div class="tone-row">
            <ToneSliders page="triage" />
          </div>
        )}
        <div class="stage-tools">
          <ShownButtons page="triage" />
          <KeyButton
            page="triage"
            action="size"
            label={t(`size_${size}`)}
            onPress={() => setSize(after(SIZES, size))}
          />
          <KeyButton
            page="triage"
            action="tone"
            label={t("tone")}
            pressed={toneShown}
            onPress={() => change({ toneShown: !toneShown })}
          />
          {!toneShown && !isPlain(tone) && <PlainButton page="triage" />}
          <KeyButton
            page="triage"
            action="earlier"
            label={t("earlier_runs")}
            remark={item.earlier.length === 0 ? t("earlier_none") : ""}
            disabled={item.earlier.length === 0}
            pressed={item.earlier.length > 0 && earlier < shows - 1}
            onPress={() => setEarlier((earlier + 1) % shows)}
          />
          <KeyButton
            page="triage"
            action="camera"
            label={t("other_cameras")}
            disabled={item.mast === null}
            pressed={shot !== null}
            onPress={nextShot}
          />
          <Problem error={shotError} />
          <span class="spacer" />
          <a class="button" href={picture}>
            {t("open_picture")} <kbd>P</kbd>
          </a>
        </div>
      </div>
      <aside class="panel" aria-label={t("item_number", { id: item.id })}>
        <div class="panel-scroll">
          <Merged item={item} onOpen={open} />
          <ReadBefore item={item} />
          <Facts item={item} />
          <Why item={item} />
          <Known item={item} />
          <Whole item={item} view={view} />
          <EvidenceTable item={item} view={view} />
          <Trail item={item} onOpen={open} />
        </div>
        <div class="panel-foot">
          {warning && (
            <p class="problem" role="alert">
              {warning}
            </p>
          )}
          <Changes item={item} edit={edit} onEdit={setEdit} fields={{ condition, grade, note }} />
          {item.allowed.length === 0 && item.merged_into === null && (
            <p class="muted small">{t("not_allowed")}</p>
          )}
          <DecisionButtons
            page="triage"
            item={item}
            onDecide={decide}
            canUndo={canUndo}
            onUndo={() => void desk.undo()}
            onPrevious={() => desk.previous()}
            onNext={() => desk.next()}
          />
        </div>
      </aside>
    </>
  );
}

interface Cameras {
  /** Shown beside the part, if any. */
  shot: Photograph | null;
  next: () => void;
  error: ApiError | null;
}

/** The other photographs of an item's mast, one after the other; read when first asked for. */
function useCameras(item: ItemDetail): Cameras {
  const [at, setAt] = useAnew(item.id, 0);
  const [error, setError] = useAnew<ApiError | null>(item.id, null);
  const [read, setRead] = useState<{ mast: number; all: Photograph[] } | null>(null);
  const mast = item.mast?.id;
  const all = read && read.mast === mast ? others(read.all, item) : null;
  const next = () => {
    if (mast === undefined) return;
    if (all) return setAt((at + 1) % (all.length + 1));
    api.mast(mast).then(
      ({ photographs }) => {
        setRead({ mast, all: photographs });
        setAt(1);
      },
      (refused) => setError(refused instanceof ApiError ? refused : null),
    );
  };
  return { shot: (at > 0 && all?.[at - 1]) || null, next, error };
}

function after<T>(all: readonly T[], one: T): T {
  return all[(all.indexOf(one) + 1) % all.length] ?? one;
}

function choiceOf(item: ItemDetail, edit: Edit, decision: DecisionKind): DeskChoice {
  const choice: DeskChoice = { decision };
  if (edit.condition && edit.condition !== item.condition) choice.condition = edit.condition;
  if (edit.grade && Number(edit.grade) !== item.grade) choice.grade = Number(edit.grade);
  // The note that is on the screen: without one, the server keeps none.
  const note = noteShown(item, edit);
  if (note) choice.note = note;
  return choice;
}

function Progress({ desk, filters, order }: { desk: Desk; filters: Filters; order: Order }) {
  const canDecide = useRight("decide");
  const others = useOtherWindows();
  const left = (desk.waiting ?? 0) + desk.ahead.length + (desk.current ? 1 : 0);
  return (
    <div class="progress" role="status">
      <a href={to("queue", { order }, filters)}>{t("back_to_queue")}</a>
      {canDecide ? (
        <>
          {desk.waiting !== null && <span>{t("left", { count: left })}</span>}
          <span>{t("done_here", { count: desk.decided })}</span>
        </>
      ) : (
        <span>{t("read_only")}</span>
      )}
      {canDecide && others > 0 && <span>{t("other_windows")}</span>}
      {desk.taken > 0 && <span>{t("taken_away", { count: desk.taken })}</span>}
      {desk.unsaved.size > 0 ? (
        <span class="warn">{t("not_saved", { count: desk.unsaved.size })}</span>
      ) : (
        desk.saving.size > 0 && (
          <span class="muted">{t("saving", { count: desk.saving.size })}</span>
        )
      )}
      <span class="spacer" />
      <Break />
      <a href="#/help" class="muted">
        {t("keys")} <kbd>?</kbd>
      </a>
    </div>
  );
}

/** What the server refused, until it was seen. */
function Notices({ desk }: { desk: Desk }) {
  return (
    <div class="notices" role="alert">
      <Problem error={desk.error} retry={() => void desk.fill()} />
      {desk.refusals.map((refusal) => (
        <Refused key={refusal.item.id} desk={desk} refusal={refusal} />
      ))}
    </div>
  );
}

function Refused({ desk, refusal }: { desk: Desk; refusal: Refusal }) {
  const { item, error } = refusal;
  const { user } = useSession();
  const isOwn = error.code === "stale" && item.reviewer === user?.name;
  const reason = isOwn ? t("stale_own") : errorText(error);
  return (
    <p class="problem">
      {t("conflict", { item: itemName(item), reason })}{" "}
      <button
        type="button"
        onClick={() => {
          desk.show(item.id);
          desk.dismiss(refusal);
        }}
      >
        {t("show_item")}
      </button>{" "}
      <button type="button" onClick={() => desk.dismiss(refusal)}>
        {t("close")}
      </button>
    </p>
  );
}

function UndoWhenEmpty({ desk }: { desk: Desk }) {
  useKeys("triage", { undo: () => void desk.undo(), previous: () => desk.previous() });
  if (desk.decided === 0) return null;
  return (
    <KeyButton page="triage" action="undo" label={t("undo")} onPress={() => void desk.undo()} />
  );
}
