// What one person chose on this machine: language, theme and how pictures are shown.
import { useEffect, useState } from "preact/hooks";
import { PLAIN_TONE, type Tone } from "./tone";

export type Language = "zh" | "en";
export type Theme = "system" | "light" | "dark";

export interface Settings {
  language: Language;
  theme: Theme;
  evidence: boolean;
  /** Dark crops are made brighter by the server, as in the reports. */
  brighten: boolean;
  /** Other views of a part stand beside the one that is looked at, where there is room. */
  views: boolean;
  tone: Tone;
  /** The controls of the tone are shown in triage. */
  toneShown: boolean;
}

const PLACE = "catenary.review";
const listeners = new Set<() => void>();

let current: Settings = {
  language: navigator.language.startsWith("zh") ? "zh" : "en",
  theme: "system",
  evidence: true,
  brighten: true,
  views: true,
  tone: PLAIN_TONE,
  toneShown: false,
  ...remembered(),
};
show();

export function settings(): Settings {
  return current;
}

export function change(changes: Partial<Settings>): void {
  current = { ...current, ...changes };
  try {
    localStorage.setItem(PLACE, JSON.stringify(current));
  } catch {
    // Storage can be forbidden or full: the choice then lasts as long as the page.
  }
  show();
  for (const listener of listeners) listener();
}

/** The settings; the component is drawn again when they change. */
export function useSettings(): Settings {
  const [, redraw] = useState(0);
  useEffect(() => {
    const listener = () => redraw((n) => n + 1);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, []);
  return current;
}

function remembered(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(PLACE) ?? "{}") as Partial<Settings>;
  } catch {
    return {};
  }
}

function show(): void {
  const root = document.documentElement;
  root.lang = current.language === "zh" ? "zh-CN" : "en";
  if (current.theme === "system") delete root.dataset.theme;
  else root.dataset.theme = current.theme;
}
