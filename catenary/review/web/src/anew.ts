// A state that belongs to what is shown.
import { useState } from "preact/hooks";

/**
 * Begins anew with each `of`, in the same drawing: an effect would do so after a key was heard.
 *
 * What is drawn stays mounted, so that nothing flickers.
 */
export function useAnew<T>(of: number, initial: T): [T, (value: T) => void] {
  const [held, hold] = useState({ of, value: initial });
  const value = held.of === of ? held.value : initial;
  return [value, (changed) => hold({ of, value: changed })];
}
