// Small parts that several pages show: badges, buttons with their key, messages.
import type { ComponentChildren } from "preact";
import type { ApiError, Defect, Item, ItemDetail, Mast } from "./api";
import { keysOf, type Page } from "./keys";
import { dayOf, daysUntil } from "./loop";
import { directionName, gradeName, opened, stateName } from "./names";
import { to } from "./place";
import { isWord, t, told } from "./words";

interface ButtonProps {
  page: Page;
  action: string;
  label: string;
  onPress: () => void;
  kind?: string;
  disabled?: boolean;
  pressed?: boolean;
  /** Told when the mouse rests on it. */
  remark?: string;
}

/** A button that shows the key which does the same. */
export function KeyButton(props: ButtonProps) {
  const { page, action, label, onPress, kind, disabled, pressed, remark = "" } = props;
  const keys = keysOf(page, action);
  return (
    <button
      type="button"
      class={`key-button ${kind ?? ""}`}
      disabled={disabled ?? false}
      aria-keyshortcuts={keys.split(" / ")[0]}
      aria-pressed={pressed}
      title={remark || `${label} (${keys})`}
      onClick={(event) => {
        // The keys go on working: the button must not keep Space and Enter for itself.
        event.currentTarget.blur();
        onPress();
      }}
    >
      <span>{label}</span>
      {keys && <kbd>{keys.split(" / ")[0]}</kbd>}
    </button>
  );
}

const GRADE_SIGNS: Readonly<Record<number, string>> = { 1: "▲", 2: "◆", 3: "●" };

export function Grade({ grade }: { grade: number | null }) {
  if (grade === null) return <span class="muted">–</span>;
  return (
    <span class={`grade grade-${grade}`}>
      <span aria-hidden="true">{GRADE_SIGNS[grade]}</span> {gradeName(grade)}
    </span>
  );
}

export function State({ item }: { item: Item | ItemDetail }) {
  const name = stateName(item.state);
  return (
    <span class={`state state-${item.state}`} title={name}>
      {name}
    </span>
  );
}

export function errorText(error: ApiError): string {
  const message = [
    error.message,
    ...error.fields.map((one) => `${one.field}: ${one.message}`),
  ].join(" ");
  const word = `error_${error.code}`;
  return isWord(word) ? t(word, { message, trace: error.trace }) : t("error_other", { message });
}

export function Problem({ error, retry }: { error: ApiError | null; retry?: () => void }) {
  if (!error) return null;
  return (
    <p class="problem" role="alert">
      {errorText(error)}{" "}
      {retry && (
        <button type="button" onClick={retry}>
          {t("retry")}
        </button>
      )}
    </p>
  );
}

export function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

interface Placed {
  mast: Mast | null;
  kilometre: string;
  frame_id: number;
  camera: string;
  view: string;
}

/** Where a part is, with the ways to its mast and its photograph. */
export function PlaceRows({ of, item }: { of: Placed; item: number }) {
  const { mast } = of;
  return (
    <>
      <Row name={t("mast")}>
        {mast ? <a href={to("mast", { id: mast.id })}>{mast.number}</a> : t("no_mast")}
      </Row>
      {mast && (
        <Row name={t("line")}>
          {[mast.line, directionName(mast.direction), mast.section].filter(Boolean).join(" ")}
        </Row>
      )}
      <Row name={t("kilometre")}>{of.kilometre || "–"}</Row>
      <Row name={t("camera")}>
        <a href={to("picture", { frame: of.frame_id, item })}>
          {[of.camera, of.view].filter(Boolean).join(" ")}
        </a>
      </Row>
    </>
  );
}

export function LoopState({ defect }: { defect: Pick<Defect, "state" | "state_label"> }) {
  return <span class={`state state-${defect.state}`}>{opened(told(defect.state_label))}</span>;
}

/** The deadline that counts; overdue is said in words and has a sign. */
export function Deadline({ defect }: { defect: Pick<Defect, "due" | "overdue"> }) {
  if (defect.due === null) return <span class="muted">{t("no_deadline")}</span>;
  return (
    <>
      <span class="day">{dayOf(new Date(defect.due))}</span>{" "}
      {defect.overdue ? (
        <b class="overdue">
          <span aria-hidden="true">!</span> {untilText(defect.due, true)}
        </b>
      ) : (
        <span class="muted small">{untilText(defect.due, false)}</span>
      )}
    </>
  );
}

function untilText(due: string, isOverdue: boolean): string {
  const days = Math.abs(daysUntil(due, new Date()));
  if (isOverdue) return days ? t("overdue_days", { days }) : t("overdue_today");
  return days ? t("days_left", { days }) : t("due_today");
}
