// Brightness, contrast, gamma and CLAHE by key and by hand, the same on every page with a picture.
import { KeyButton } from "./controls";
import { type Page, useKeys } from "./keys";
import { change, settings, useSettings } from "./settings";
import { isPlain, PLAIN_TONE, type Tone } from "./tone";
import { t } from "./words";

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

export function ToneSliders({ page }: { page: Page }) {
  const { tone } = useSettings();
  const slider = (name: "brightness" | "contrast" | "gamma", low: number, high: number) => (
    <label>
      <span>{t(name)}</span>
      <input
        type="range"
        min={low}
        max={high}
        step={0.05}
        value={tone[name]}
        onInput={(event) => nudge(() => ({ [name]: Number(event.currentTarget.value) }))}
      />
      <output>{tone[name].toFixed(2)}</output>
    </label>
  );
  return (
    <div class="tone">
      {slider("brightness", -1, 1)}
      {slider("contrast", -0.9, 0.9)}
      {slider("gamma", 0.2, 5)}
      <div class="form-foot">
        <KeyButton
          page={page}
          action="even"
          label={t("even")}
          pressed={tone.even}
          onPress={() => nudge(({ even }) => ({ even: !even }))}
        />
        <PlainButton page={page} />
      </div>
    </div>
  );
}

/** Shows a picture as it is again; nothing to press where it is. */
export function PlainButton({ page }: { page: Page }) {
  const { tone } = useSettings();
  return (
    <KeyButton
      page={page}
      action="plain"
      label={t("plain")}
      disabled={isPlain(tone)}
      onPress={() => change({ tone: PLAIN_TONE })}
    />
  );
}

/** Whether the evidence is drawn in and dark parts are lifted. */
export function ShownButtons({ page }: { page: Page }) {
  const { evidence, brighten } = useSettings();
  return (
    <>
      <KeyButton
        page={page}
        action="evidence"
        label={t("evidence_shown")}
        pressed={evidence}
        onPress={() => change({ evidence: !evidence })}
      />
      <KeyButton
        page={page}
        action="brighten"
        label={t("brightened")}
        pressed={brighten}
        onPress={() => change({ brighten: !brighten })}
      />
    </>
  );
}
