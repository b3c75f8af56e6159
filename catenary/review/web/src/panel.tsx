// Everything about an item in words, what can be changed, and the four decisions.
import type { Ref } from "preact";
import type { Decision, DecisionKind, Evidence, Inheritance, ItemDetail, KnownDefect } from "./api";
import { Deadline, Grade, KeyButton, LoopState, PlaceRows, Row, State } from "./controls";
import { Drawing } from "./crop";
import { historyOf } from "./history";
import type { Page } from "./keys";
import {
  conditionName,
  conditionsOf,
  decisionName,
  gradeName,
  grades,
  isSample,
  kindName,
  moment,
  opened,
  percent,
  stateName,
  verdictName,
} from "./names";
import { to } from "./place";
import { Small } from "./retry";
import { knownUrl, wholeUrl } from "./stage";
import { t, told } from "./words";

/** What the reviewer changed before deciding; null and empty texts are unchanged. */
export interface Edit {
  condition: string;
  grade: string;
  /** May be emptied, which is a change. */
  note: string | null;
}

export const NO_EDIT: Edit = { condition: "", grade: "", note: null };

/**
 * The note that is on the screen, and kept. Whoever settles a dispute begins with none: those of
 * the two readers are in the history, and are no reason of a third one.
 */
export function noteShown(item: ItemDetail, edit: Edit): string {
  return edit.note ?? (item.state === "disputed" ? "" : item.note);
}

export const DECISIONS: readonly { action: string; decision: DecisionKind }[] = [
  { action: "confirm", decision: "confirm" },
  { action: "reject", decision: "reject" },
  { action: "observe", decision: "observe" },
  { action: "cannotJudge", decision: "cannot_judge" },
];

export function Facts({ item }: { item: ItemDetail }) {
  return (
    <>
      <h1 class="kind">{kindName(item)}</h1>
      <p class="badges">
        <Grade grade={item.grade} />
        <State item={item} />
        {item.probability !== null && (
          <span>
            {t("probability")} <b>{percent(item.probability)}</b>
          </span>
        )}
        {item.origin === "manual" && <span>{t("origin_manual")}</span>}
        {item.held_by && <span class="warn">{t("held_by", { name: item.held_by })}</span>}
      </p>
      <dl class="facts">
        <PlaceRows of={item} item={item.id} />
        {item.defect && (
          <Row name={t("loop")}>
            <a href={to("defect", { id: item.defect.id })}>
              {t("defect_number", { id: item.defect.id })}
            </a>{" "}
            {told(item.defect.state_label)}
          </Row>
        )}
      </dl>
    </>
  );
}

export function Why({ item }: { item: ItemDetail }) {
  const says = told(item.views_say);
  return (
    <section>
      <h2>{t(isSample(item) ? "sample_why" : "why")}</h2>
      {isSample(item) && (
        <p class="why sample">
          {t("sample_hint", {
            confirm: decisionName("confirm"),
            reject: decisionName("reject"),
          })}
        </p>
      )}
      <p class="why">{told(item.why) || "–"}</p>
      {says && <p class="why">{says}</p>}
      {item.change && (
        <p>
          {t("change_since", { run: item.change.earlier_run, change: told(item.change.label) })}
        </p>
      )}
    </section>
  );
}

/** Defects of earlier runs that are not closed, and that this item may show again. */
export function Known({ item }: { item: ItemDetail }) {
  if (item.known.length === 0) return null;
  return (
    <section class="known" aria-label={t("known")}>
      <h2>{t("known")}</h2>
      <ul class="later">
        {item.known.map((one) => (
          <li key={one.id}>
            <KnownLink component={item.component} one={one} />
          </li>
        ))}
      </ul>
      <p class="muted small">{t("known_hint")}</p>
    </section>
  );
}

function KnownLink({ component, one }: { component: string; one: KnownDefect }) {
  return (
    <a class="thumb button" href={to("defect", { id: one.id })}>
      <Small src={knownUrl(one)} />
      <span>
        <b>{t("defect_number", { id: one.id })}</b> {conditionName(component, one.condition)}{" "}
        <Grade grade={one.grade} />
        <br />
        {t("deadline")} <Deadline defect={one} />
        <br />
        <LoopState defect={one} /> <span class="muted small">{one.run}</span>
      </span>
    </a>
  );
}

/** Tells a second reader that they know the first reading, since they took their own back. */
export function ReadBefore({ item }: { item: ItemDetail }) {
  if (!item.read_before || item.allowed.length === 0) return null;
  return (
    <p class="merged" role="status">
      {t("read_before")}
    </p>
  );
}

/** Leads to the item that goes on, where two turned out to be one part. */
export function Merged({ item, onOpen }: { item: ItemDetail; onOpen: (id: number) => void }) {
  const id = item.merged_into;
  if (id === null) return null;
  return (
    <p class="merged" role="status">
      {t("merged", { id })}{" "}
      <button type="button" onClick={() => onOpen(id)}>
        {t("open_merged", { id })}
      </button>
    </p>
  );
}

/** Where the part is in the whole photograph. */
export function Whole({ item, view }: { item: ItemDetail; view: number }) {
  const seen = item.seen_in[view] ?? item.seen_in[0];
  if (!seen) return null;
  const whole = { x0: 0, y0: 0, width: seen.frame_width, height: seen.frame_height };
  return (
    <a
      class="whole"
      href={to("picture", { frame: seen.frame_id, item: item.id })}
      title={t("whole_picture")}
      aria-label={t("whole_picture")}
    >
      <Small src={wholeUrl(seen)} width={whole.width} height={whole.height} />
      <Drawing crop={whole} box={seen.box} lines={[]} />
    </a>
  );
}

interface ChangesProps {
  item: ItemDetail;
  edit: Edit;
  onEdit: (edit: Edit) => void;
  fields: {
    condition: Ref<HTMLSelectElement>;
    grade: Ref<HTMLSelectElement>;
    note: Ref<HTMLTextAreaElement>;
  };
}

export function Changes({ item, edit, onEdit, fields }: ChangesProps) {
  const conditions = conditionsOf(item.component);
  const standing = edit.condition || item.condition;
  const isKnown = conditions.some(({ id }) => id === standing);
  const disabled = item.allowed.length === 0;
  return (
    <section class="changes">
      <label>
        {t("condition")}
        <select
          ref={fields.condition}
          disabled={disabled}
          value={standing}
          onChange={(event) => onEdit({ ...edit, condition: event.currentTarget.value })}
        >
          {!isKnown && (
            <option value={standing}>{opened(conditionName(item.component, standing))}</option>
          )}
          {conditions.map(({ id }) => (
            <option key={id} value={id}>
              {opened(conditionName(item.component, id))}
            </option>
          ))}
        </select>
      </label>
      <label>
        {t("grade")}
        <select
          ref={fields.grade}
          disabled={disabled}
          value={edit.grade || gradeOf(item, edit)}
          onChange={(event) => onEdit({ ...edit, grade: event.currentTarget.value })}
        >
          <option value="">{t("no_grade")}</option>
          {grades().map(({ grade }) => (
            <option key={grade} value={grade}>
              {gradeName(grade)}
            </option>
          ))}
        </select>
      </label>
      <label class="wide">
        {t("note")}
        <textarea
          ref={fields.note}
          disabled={disabled}
          rows={2}
          maxLength={2000}
          value={noteShown(item, edit)}
          onInput={(event) => onEdit({ ...edit, note: event.currentTarget.value })}
        />
      </label>
    </section>
  );
}

/** The grade that will stand: a changed condition brings its own, as the server does it. */
function gradeOf(item: ItemDetail, edit: Edit): string {
  const isChanged = edit.condition !== "" && edit.condition !== item.condition;
  const own = conditionsOf(item.component).find(({ id }) => id === edit.condition)?.grade;
  return String((isChanged ? own : item.grade) ?? "");
}

interface DecideProps {
  page: Page;
  item: ItemDetail;
  onDecide: (decision: DecisionKind) => void;
  onUndo: () => void;
  canUndo: boolean;
  onPrevious: () => void;
  onNext: () => void;
}

export function DecisionButtons(props: DecideProps) {
  const { page, item, onDecide, onUndo, canUndo, onPrevious, onNext } = props;
  return (
    <fieldset class="decisions" aria-label={t("decisions")}>
      {DECISIONS.map(({ action, decision }) => (
        <KeyButton
          key={action}
          page={page}
          action={action}
          kind={`decide decide-${decision}`}
          label={decisionName(decision)}
          disabled={!item.allowed.includes(decision)}
          onPress={() => onDecide(decision)}
        />
      ))}
      <div class="walk">
        <KeyButton page={page} action="previous" label={t("previous")} onPress={onPrevious} />
        <KeyButton
          page={page}
          action="undo"
          label={t("undo")}
          disabled={!canUndo}
          onPress={onUndo}
        />
        <KeyButton page={page} action="next" label={t("skip")} onPress={onNext} />
      </div>
    </fieldset>
  );
}

export function EvidenceTable({ item, view }: { item: ItemDetail; view: number }) {
  const evidence = (item.seen_in[view] ?? item.seen_in[0])?.evidence ?? [];
  if (evidence.length === 0) return null;
  return (
    <details class="evidence">
      <summary>{t("evidence")}</summary>
      {evidence.map((one) => (
        <Source key={one.source + one.condition} item={item} one={one} />
      ))}
      <p class="muted small">{t("versions", item.versions)}</p>
    </details>
  );
}

function Source({ item, one }: { item: ItemDetail; one: Evidence }) {
  const said = one.score === null ? told(one.reason) : percent(one.score);
  return (
    <table>
      <caption>
        <span title={one.source}>{told(one.label)}</span>
        {" · "}
        {conditionName(item.component, one.condition)}
        {" · "}
        <b>{verdictName(one.verdict)}</b> {said}
      </caption>
      {one.measurements.length > 0 && (
        <tbody>
          {one.measurements.map((each) => (
            <tr key={each.name.en}>
              <th scope="row">{told(each.name)}</th>
              <td>{told(each.value)}</td>
              <td class="muted">{each.limit ? `${t("limit")} ${told(each.limit)}` : ""}</td>
            </tr>
          ))}
        </tbody>
      )}
    </table>
  );
}

interface TrailProps {
  item: ItemDetail;
  onOpen: (id: number) => void;
}

/** What was decided, and how decisions came from other parts; oldest first. */
export function Trail({ item, onOpen }: TrailProps) {
  const history = historyOf(item);
  if (history.length === 0) return null;
  return (
    <section>
      <h2>{t("decisions")}</h2>
      <ol class="trail">
        {history.map((one) =>
          "decision" in one ? (
            <Decided key={`decision ${one.id}`} one={one} />
          ) : (
            <Inherited
              key={`${one.made_at} ${one.item}`}
              item={item.id}
              one={one}
              onOpen={onOpen}
            />
          ),
        )}
      </ol>
    </section>
  );
}

function Decided({ one }: { one: Decision }) {
  return (
    <li class={one.undone ? "undone" : ""}>
      <b>{decisionName(one.decision)}</b> {t(`stage_${one.stage}`)}
      {!one.blind && ` · ${t("not_blind")}`} · {one.made_by} · {moment(one.made_at)}
      {one.undone && ` · ${t("undone")}`}
      <br />
      <span class="muted">
        {stateName(one.before.state)} → {stateName(one.after.state)}
      </span>
      {one.note && <q>{one.note}</q>}
    </li>
  );
}

interface InheritedProps {
  /** Whose history it is: of the one that inherits, or of the other. */
  item: number;
  one: Inheritance;
  onOpen: (id: number) => void;
}

function Inherited({ item, one, onOpen }: InheritedProps) {
  const isOwn = one.item === item;
  return (
    <li class="inherited" title={`${one.from_part} → ${one.to_part}`}>
      {!isOwn && (
        <>
          <ItemLink id={one.item} onOpen={onOpen} />
          {" · "}
        </>
      )}
      <b>{opened(told(one.label))}</b>
      {isOwn && one.other !== null && (
        <>
          {" · "}
          <ItemLink id={one.other} onOpen={onOpen} />
        </>
      )}
      {" · "}
      {moment(one.made_at)}
    </li>
  );
}

function ItemLink({ id, onOpen }: { id: number; onOpen: (id: number) => void }) {
  return (
    <a
      href={to("triage", { item: id })}
      onClick={(event) => {
        // Here, beside what is held; with a key pressed, the browser opens another window.
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        onOpen(id);
      }}
    >
      {t("item_number", { id })}
    </a>
  );
}
