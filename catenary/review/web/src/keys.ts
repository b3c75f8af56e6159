// Every key of every page, in one table: pages hand in what an action does, the help page and the
// overlay read the same table.
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Word } from "./words";

export type Page = "everywhere" | "queue" | "triage" | "sheet" | "picture" | "defects" | "defect";

export interface Binding {
  action: string;
  keys: readonly string[];
  word: Word;
}

const bind = (action: string, keys: string, word: Word): Binding => ({
  action,
  keys: keys.split(" "),
  word,
});

const TONE_KEYS = [
  bind("darker", "[", "key_darker"),
  bind("lighter", "]", "key_lighter"),
  bind("flatter", "{", "key_flatter"),
  bind("steeper", "}", "key_steeper"),
  bind("gammaDown", ",", "key_gamma_down"),
  bind("gammaUp", ".", "key_gamma_up"),
  bind("plain", "\\", "key_plain"),
];

export const KEYS: Readonly<Record<Page, readonly Binding[]>> = {
  everywhere: [
    bind("help", "?", "key_help"),
    bind("close", "Escape", "key_close"),
    bind("theme", "T", "key_theme"),
    bind("language", "L", "key_language"),
  ],
  queue: [
    bind("next", "ArrowDown j", "key_next"),
    bind("previous", "ArrowUp k", "key_previous"),
    bind("open", "Enter", "key_open"),
    bind("triage", "t", "key_triage"),
    bind("sheet", "s", "key_sheet"),
  ],
  triage: [
    bind("confirm", "1 c", "confirm"),
    bind("reject", "2 r", "reject"),
    bind("observe", "3 o", "observe"),
    bind("cannotJudge", "4 x", "cannot_judge"),
    bind("undo", "u Backspace", "undo"),
    bind("next", "ArrowRight j", "key_skip"),
    bind("previous", "ArrowLeft k", "key_back"),
    bind("evidence", "e", "key_evidence"),
    bind("brighten", "a", "key_brighten"),
    bind("size", "z", "key_size"),
    bind("view", "v", "key_view"),
    bind("view1", "5", "key_view_1"),
    bind("view2", "6", "key_view_2"),
    bind("view3", "7", "key_view_3"),
    bind("view4", "8", "key_view_4"),
    bind("view5", "9", "key_view_5"),
    bind("views", "w", "key_views"),
    bind("camera", "f", "key_camera"),
    bind("earlier", "h", "key_earlier"),
    bind("condition", "d", "key_condition"),
    bind("grade", "g", "key_grade"),
    bind("note", "n", "key_note"),
    bind("picture", "p", "key_picture"),
    bind("mast", "m", "key_mast"),
    bind("tone", "i", "key_tone"),
    bind("even", "q", "key_even"),
    ...TONE_KEYS,
  ],
  sheet: [
    bind("right", "ArrowRight", "key_right"),
    bind("left", "ArrowLeft", "key_left"),
    bind("down", "ArrowDown", "key_down"),
    bind("up", "ArrowUp", "key_up"),
    bind("mark", "Space", "key_mark"),
    bind("open", "Enter", "key_open"),
    bind("confirm", "1 c", "key_confirm_rest"),
    bind("reject", "2 r", "key_reject_rest"),
    bind("observe", "3 o", "key_observe_rest"),
    bind("cannotJudge", "4 x", "key_cannot_judge_rest"),
    bind("undo", "u Backspace", "undo"),
    bind("evidence", "e", "key_evidence"),
    bind("even", "q", "key_even"),
    ...TONE_KEYS,
  ],
  picture: [
    bind("nextMast", "ArrowRight j", "key_next_mast"),
    bind("previousMast", "ArrowLeft k", "key_previous_mast"),
    bind("nextCamera", "ArrowDown", "key_next_camera"),
    bind("previousCamera", "ArrowUp", "key_previous_camera"),
    bind("zoomIn", "+ =", "key_zoom_in"),
    bind("zoomOut", "-", "key_zoom_out"),
    bind("fit", "0", "key_fit"),
    bind("full", "z", "key_full"),
    bind("view", "v", "key_view"),
    bind("evidence", "e", "key_overlays"),
    bind("draw", "d", "key_draw"),
    bind("measure", "l", "key_measure"),
    bind("correct", "b", "key_correct"),
    bind("even", "h", "key_even"),
    bind("cancel", "Escape", "cancel"),
    bind("mast", "m", "key_mast"),
    ...TONE_KEYS,
  ],
  defects: [
    bind("next", "ArrowDown j", "key_next_defect"),
    bind("previous", "ArrowUp k", "key_previous_defect"),
    bind("open", "Enter", "key_open"),
  ],
  // The keys of steps are called as the server calls the steps.
  defect: [
    bind("dispatch", "d", "key_dispatch"),
    bind("repair", "r", "key_repair"),
    bind("reinspect", "i", "key_reinspect"),
    bind("close", "c", "key_close_defect"),
    bind("send_back", "b", "key_send_back"),
    bind("extend", "x", "key_extend"),
    bind("reopen", "o", "key_reopen"),
    bind("same_as", "s", "key_same_as"),
    bind("not_same", "n", "key_not_same"),
    bind("split", "l", "key_split"),
    bind("cancel", "Escape", "cancel"),
    bind("evidence", "e", "key_evidence"),
    bind("brighten", "a", "key_brighten"),
    bind("triage", "t", "key_open_item"),
    bind("picture", "p", "key_picture"),
    bind("mast", "m", "key_mast"),
    bind("list", "q", "key_defects"),
    ...TONE_KEYS,
  ],
};

/** What a key is called on the keyboard. */
export function keyName(key: string): string {
  const names: Record<string, string> = {
    ArrowRight: "→",
    ArrowLeft: "←",
    ArrowDown: "↓",
    ArrowUp: "↑",
    Escape: "Esc",
  };
  return (
    names[key] ??
    (/^[A-Z]$/.test(key) ? `Shift+${key}` : key.length === 1 ? key.toUpperCase() : key)
  );
}

/** The keys of an action, for a button's label. */
export function keysOf(page: Page, action: string): string {
  const found = KEYS[page].find((binding) => binding.action === action);
  return found ? found.keys.map(keyName).join(" / ") : "";
}

/** The action that a key press asks for, if any. */
export function actionOf(
  page: Page,
  event: Pick<KeyboardEvent, "key" | "code">,
): string | undefined {
  const key = keyPressed(event);
  return KEYS[page].find((binding) => binding.keys.includes(key))?.action;
}

function keyPressed({ key, code }: Pick<KeyboardEvent, "key" | "code">): string {
  if (key === " ") return "Space";
  // An input method swallows the letter and tells only the place of the key.
  if (key === "Process" || key === "Unidentified") {
    return code.replace(/^(Key|Digit|Numpad)(.)$/, "$2").toLowerCase();
  }
  return key;
}

/** A handler that answers false had nothing to do: the key is then for others. */
export type Handlers = Readonly<Record<string, () => unknown>>;

/** Runs the handler of each key of a page while the component is shown. */
export function useKeys(page: Page, handlers: Handlers): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  // With what is drawn, not after it: a key may be pressed as soon as something is to be seen.
  useLayoutEffect(() => {
    const listener = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event)) return;
      const action = actionOf(page, event);
      const handler = action === undefined ? undefined : latest.current[action];
      if (!handler || (page !== "everywhere" && document.querySelector("dialog[open]"))) return;
      if (handler() !== false) event.preventDefault();
    };
    addEventListener("keydown", listener);
    return () => removeEventListener("keydown", listener);
  }, [page]);
}

/** Whether the key belongs to the control that has the focus, such as a field of text. */
function isTyping(event: KeyboardEvent): boolean {
  const target = event.target;
  if (!(target instanceof HTMLElement)) return false;
  if (event.key === "Escape") return false;
  if (target.matches("textarea, select, input:not([type=checkbox], [type=range])")) return true;
  // Enter and Space press the control itself; arrows move a slider.
  if (event.key === "Enter" || event.key === " ")
    return target.matches("a, button, summary, input");
  return event.key.startsWith("Arrow") && target.matches("input[type=range]");
}
