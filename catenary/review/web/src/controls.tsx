// Small parts that several pages show: badges, buttons with their key, messages.
import type { ComponentChildren } from "preact";
import type { ApiError, Item, ItemDetail } from "./api";
import { keysOf, type Page } from "./keys";
import { gradeName, stateName } from "./names";
import { isWord, t } from "./words";

interface ButtonProps {
  page: Page;
  action: string;
  label: string;
  onPress: () => void;
  kind?: string;
  disabled?: boolean;
  pressed?: boolean;
}

/** A button that shows the key which does the same. */
export function KeyButton({ page, action, label, onPress, kind, disabled, pressed }: ButtonProps) {
  const keys = keysOf(page, action);
  return (
    <button
      type="button"
      class={`key-button ${kind ?? ""}`}
      disabled={disabled ?? false}
      aria-keyshortcuts={keys.split(" / ")[0]}
      aria-pressed={pressed}
      title={`${label} (${keys})`}
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
  return <span class={`state state-${item.state}`}>{stateName(item.state)}</span>;
}

export function errorText(error: ApiError): string {
  const message = [
    error.message,
    ...error.fields.map((one) => `${one.field}: ${one.message}`),
  ].join(" ");
  const word = `error_${error.code}`;
  return isWord(word) ? t(word, { message }) : t("error_other", { message });
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
