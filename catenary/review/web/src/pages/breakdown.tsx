// The items of a run by section, component and grade, and what became of them.
import { useState } from "preact/hooks";
import { api, type Facet, type FacetName, type Filters, type Run } from "../api";
import { Problem } from "../controls";
import { facetName } from "../facets";
import { useLoaded } from "../load";
import { stateName } from "../names";
import { to } from "../place";
import { t } from "../words";

const GROUPS = ["section", "component", "grade"] as const;
const COLUMNS: readonly { name: string; states: string[] }[] = [
  { name: "waiting", states: ["open", "unjudged", "second", "disputed"] },
  ...["confirmed", "rejected", "observed", "cannot_judge"].map((state) => ({
    name: state,
    states: [state],
  })),
];

type Counts = Record<FacetName, Facet[]>;

/** `runs` has one at least. */
export function Breakdown({ runs }: { runs: Run[] }) {
  const [run, setRun] = useState(runs[0]?.name ?? "");
  const read = useLoaded(`breakdown ${run}`, () =>
    Promise.all(COLUMNS.map(({ states }) => api.queueFilters({ run: [run], state: states }))),
  );
  const columns = read.value?.map(({ facets }) => facets) ?? [];
  return (
    <section>
      <h2>{t("breakdown")}</h2>
      <select
        aria-label={t("run")}
        value={run}
        onChange={(event) => setRun(event.currentTarget.value)}
      >
        {runs.map(({ id, name }) => (
          <option key={id} value={name}>
            {name}
          </option>
        ))}
      </select>
      <Problem error={read.error} retry={read.reload} />
      {columns.length > 0 && (
        <table class="items breakdown">
          <thead>
            <tr>
              <th scope="col">{t("breakdown_by")}</th>
              {COLUMNS.map(({ name }) => (
                <th scope="col" class="number" key={name}>
                  {name === "waiting" ? t("waiting") : stateName(name)}
                </th>
              ))}
              <th scope="col" class="number">
                {t("sum")}
              </th>
            </tr>
          </thead>
          {GROUPS.map((group) => (
            <Group key={group} group={group} run={run} columns={columns} />
          ))}
        </table>
      )}
    </section>
  );
}

interface GroupProps {
  group: (typeof GROUPS)[number];
  run: string;
  columns: Counts[];
}

function Group({ group, run, columns }: GroupProps) {
  const values = new Map(
    columns.flatMap((one) => one[group]).map((one) => [String(one.value), one] as const),
  );
  const count = (column: Counts, value: string) =>
    column[group].find((one) => String(one.value) === value)?.count ?? 0;
  return (
    <tbody>
      <tr class="group">
        <th scope="rowgroup" colSpan={COLUMNS.length + 2}>
          {t(group)}
        </th>
      </tr>
      {[...values].map(([value, facet]) => {
        const counts = columns.map((one) => count(one, value));
        return (
          <tr key={value}>
            <th scope="row">{facetName(group, facet)}</th>
            {counts.map((number, i) => (
              <td class="number" key={COLUMNS[i]?.name}>
                <Count
                  number={number}
                  filters={{ run: [run], state: COLUMNS[i]?.states ?? [], [group]: [value] }}
                  isLinked={facet.value !== null}
                />
              </td>
            ))}
            <td class="number">{counts.reduce((sum, one) => sum + one, 0)}</td>
          </tr>
        );
      })}
    </tbody>
  );
}

interface CountProps {
  number: number;
  filters: Filters;
  /** No grade cannot be asked for. */
  isLinked: boolean;
}

function Count({ number, filters, isLinked }: CountProps) {
  if (number === 0) return <span class="muted">0</span>;
  return isLinked ? <a href={to("queue", {}, filters)}>{number}</a> : <span>{number}</span>;
}
