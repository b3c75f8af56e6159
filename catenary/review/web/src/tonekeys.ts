// Brightness, contrast and gamma by key, the same on every page that shows a picture.
import { type Page, useKeys } from "./keys";
import { change, settings } from "./settings";
import { PLAIN_TONE, type Tone } from "./tone";

function nudge(changes: (tone: Tone) => Partial<Tone>): void {
  const { tone } = settings();
  change({ tone: { ...tone, ...changes(tone) } });
}

const held = (value: number, low: number, high: number) =>
  Math.round(100 * Math.min(high, Math.max(low, value))) / 100;

export function useToneKeys(page: Page): void {
  useKeys(page, {
    darker: () => nudge(({ brightness }) => ({ brightness: held(brightness - 0.05, -1, 1) })),
    lighter: () => nudge(({ brightness }) => ({ brightness: held(brightness + 0.05, -1, 1) })),
    flatter: () => nudge(({ contrast }) => ({ contrast: held(contrast - 0.1, -0.9, 0.9) })),
    steeper: () => nudge(({ contrast }) => ({ contrast: held(contrast + 0.1, -0.9, 0.9) })),
    gammaDown: () => nudge(({ gamma }) => ({ gamma: held(gamma - 0.2, 0.2, 5) })),
    gammaUp: () => nudge(({ gamma }) => ({ gamma: held(gamma + 0.2, 0.2, 5) })),
    even: () => nudge(({ even }) => ({ even: !even })),
    plain: () => nudge(() => PLAIN_TONE),
  });
}
