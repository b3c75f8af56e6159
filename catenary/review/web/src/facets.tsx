// The values that a filter could take, with their counts, to be ticked.
import { useState } from "preact/hooks";
import type { Facet } from "./api";
import { opened } from "./names";
import { t, told, type Word } from "./words";

const FEW = 6; // values that are shown at first
const ALL_STATES = 8; // a dispute must not hide behind "more"

// Filters by what has a name in the taxonomy; the values of others are names of their own.
const VOCABULARY: readonly Word[] = ["component", "condition", "grade", "state", "verdict"];

/** What a value of a filter is called in a list. */
export function facetName(name: Word, { value, label }: Pick<Facet, "value" | "label">): string {
  if (value === "") return t("nothing");
  return VOCABULARY.includes(name) ? opened(told(label)) : told(label);
}

function withoutAny(value: string): Facet {
  return { value, label: { zh: value, en: value }, count: 0 };
}

interface Props {
  name: Word;
  values: Facet[];
  ticked: string[];
  onTick: (ticked: string[]) => void;
}

export function FacetList({ name, values: counted, ticked, onTick }: Props) {
  const [isWhole, setWhole] = useState(false);
  const [wanted, setWanted] = useState("");
  // What is ticked stays to be seen, and to be taken away, where nothing has it any more.
  const known = new Set(counted.map((one) => String(one.value)));
  const gone = ticked.filter((value) => !known.has(value)).map(withoutAny);
  const values = [...counted, ...gone];
  if (values.length === 0 || (values.length === 1 && values[0]?.value === "")) return null;
  const found = wanted
    ? values.filter((one) => told(one.label).toLowerCase().includes(wanted.toLowerCase()))
    : values;
  const isTicked = (one: Facet) => ticked.includes(String(one.value));
  const few = name === "state" ? ALL_STATES : FEW;
  const shown = isWhole ? found : found.filter((one, i) => i < few || isTicked(one));
  const hidden = found.length - shown.length;
  return (
    <fieldset class="facet">
      <legend>{t(name)}</legend>
      {values.length > 2 * FEW && (
        <input
          type="search"
          aria-label={`${t("find_value")} ${t(name)}`}
          placeholder={t("find_value")}
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
      )}
      {shown.map((one) => (
        <label key={String(one.value)} class={one.count === 0 ? "muted" : ""}>
          <input
            type="checkbox"
            checked={isTicked(one)}
            disabled={one.value === null}
            onChange={(event) => {
              const value = String(one.value);
              onTick(
                event.currentTarget.checked
                  ? [...ticked, value]
                  : ticked.filter((other) => other !== value),
              );
            }}
          />
          <span class="facet-label" title={facetName(name, one)}>
            {facetName(name, one)}
          </span>
          <span class="count">{one.count}</span>
        </label>
      ))}
      {hidden > 0 && (
        <button type="button" class="link" onClick={() => setWhole(true)}>
          {t("values_more", { count: hidden })}
        </button>
      )}
      {isWhole && found.length > few && (
        <button type="button" class="link" onClick={() => setWhole(false)}>
          {t("values_fewer")}
        </button>
      )}
    </fieldset>
  );
}
