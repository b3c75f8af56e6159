// All defects of the closed loop under the filters of the address, the soonest deadline first.
import { useEffect, useRef, useState } from "preact/hooks";
import {
  api,
  cropUrl,
  DEFECT_FACETS,
  type Defect,
  type DefectFacet,
  type DefectFilters,
  type DefectOrder,
  type DefectPage,
  type Facet,
} from "../api";
import { Deadline, Grade, LoopState, Problem } from "../controls";
import { FacetList } from "../facets";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import { directionName, kindName, loopStates, moment } from "../names";
import { DEFECT_ORDERS, defectFiltersOf, defectOrderOf, go, settle, to } from "../place";
import { t } from "../words";

const PAGE = 50;

export function Defects({ query }: { query: URLSearchParams }) {
  const filters = defectFiltersOf(query);
  const order = defectOrderOf(query);
  const show = (changed: DefectFilters) => settle(to("defects", { order }, changed));
  const facets = useLoaded(`defects ${JSON.stringify(filters)}`, () => api.defectFilters(filters));
  return (
    <div class="queue">
      <aside class="filters" aria-label={t("filters")}>
        <div class="filters-head">
          <h1>{t("filters")}</h1>
          {Object.keys(filters).length > 0 && (
            <button type="button" onClick={() => show({})}>
              {t("clear_filters")}
            </button>
          )}
        </div>
        <Problem error={facets.error} retry={facets.reload} />
        <fieldset class="facet">
          <legend>{t("deadline")}</legend>
          <Only name="overdue" filters={filters} onChange={show} count={facets.value?.overdue} />
          <Only name="suspected" filters={filters} onChange={show} />
        </fieldset>
        {facets.value &&
          DEFECT_FACETS.map((name) => (
            <FacetList
              key={name}
              name={name}
              values={inOrder(name, facets.value?.facets[name] ?? [])}
              ticked={filters[name] ?? []}
              onTick={(ticked) => show(withValues(filters, name, ticked))}
            />
          ))}
      </aside>
      <Results query={query} filters={filters} order={order} />
    </div>
  );
}

/** States in the order of the loop; all else as the server tells it, the most frequent first. */
function inOrder(name: DefectFacet, values: Facet[]): Facet[] {
  if (name !== "state") return values;
  const rank = (one: Facet) => loopStates().findIndex(({ id }) => id === one.value);
  return values.toSorted((a, b) => rank(a) - rank(b));
}

function withValues(filters: DefectFilters, name: DefectFacet, values: string[]): DefectFilters {
  const { [name]: _old, ...rest } = filters;
  return values.length ? { ...rest, [name]: values } : rest;
}

interface OnlyProps {
  name: "overdue" | "suspected";
  filters: DefectFilters;
  onChange: (filters: DefectFilters) => void;
  count?: number | undefined;
}

/** Whether only those are wanted that are so. */
function Only({ name, filters, onChange, count }: OnlyProps) {
  const changed = (isWanted: boolean) => {
    const { [name]: _old, ...rest } = filters;
    onChange(isWanted ? { ...rest, [name]: true } : rest);
  };
  return (
    <label>
      <input
        type="checkbox"
        checked={filters[name] === true}
        onChange={(event) => changed(event.currentTarget.checked)}
      />
      <span class="facet-label">{t(name)}</span>
      {count !== undefined && <span class="count">{count}</span>}
    </label>
  );
}

interface ResultsProps {
  query: URLSearchParams;
  filters: DefectFilters;
  order: DefectOrder;
}

function Results({ query, filters, order }: ResultsProps) {
  const key = JSON.stringify([filters, order]);
  const first = useLoaded(`list ${key}`, () => api.defects(filters, order, null, PAGE));
  const [more, setMore] = useState<{ key: string; pages: DefectPage[] }>({ key, pages: [] });
  const pages = [first.value, ...(more.key === key ? more.pages : [])].filter(
    (one) => one !== null,
  );
  const defects = pages.flatMap((page) => page.defects);
  const next = pages.at(-1)?.next ?? null;
  const at = Number(query.get("at")) || null;
  const chosen = defects.findIndex(({ id }) => id === at);
  const choose = (index: number) => {
    const defect = defects[Math.max(0, Math.min(defects.length - 1, index))];
    if (defect) settle(to("defects", { order, at: defect.id }, filters));
  };
  const place = (defect: Defect) => to("defect", { id: defect.id, order }, filters);

  useKeys("defects", {
    next: () => choose(chosen + 1),
    previous: () => choose(chosen - 1),
    open: () => {
      const defect = defects[chosen];
      if (defect) go(place(defect));
    },
  });

  const addPage = async () => {
    const page = await api.defects(filters, order, next, PAGE);
    setMore((old) => ({ key, pages: [...(old.key === key ? old.pages : []), page] }));
  };

  return (
    <section class="results" aria-busy={first.isLoading} aria-label={t("defects")}>
      <div class="results-head">
        <strong role="status">
          {first.value && t("defects_total", { count: first.value.total })}
        </strong>
        {first.value && first.value.overdue > 0 && (
          <b class="overdue">
            <span aria-hidden="true">!</span> {t("defects_overdue", { count: first.value.overdue })}
          </b>
        )}
        <label>
          {t("order")}{" "}
          <select
            value={order}
            onChange={(event) =>
              settle(to("defects", { order: event.currentTarget.value }, filters))
            }
          >
            {DEFECT_ORDERS.map((one) => (
              <option key={one} value={one}>
                {t(`order_${one}`)}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Problem error={first.error} retry={first.reload} />
      {first.value?.total === 0 && <p class="empty">{t("no_defects")}</p>}
      {defects.length > 0 && (
        <div class="table-room">
          <Table defects={defects} chosen={chosen} place={place} />
          {next && (
            <button type="button" class="more" onClick={() => void addPage()}>
              {t("more")}
            </button>
          )}
        </div>
      )}
    </section>
  );
}

interface TableProps {
  defects: Defect[];
  chosen: number;
  place: (defect: Defect) => string;
}

function Table({ defects, chosen, place }: TableProps) {
  const row = useRef<HTMLTableRowElement>(null);
  // Scrolls when another row is chosen
  useEffect(() => row.current?.scrollIntoView({ block: "nearest" }), [chosen]);
  return (
    <table class="items">
      <thead>
        <tr>
          <th scope="col">{t("picture")}</th>
          <th scope="col">{t("condition")}</th>
          <th scope="col">{t("grade")}</th>
          <th scope="col">{t("state")}</th>
          <th scope="col">{t("deadline")}</th>
          <th scope="col">{t("mast")}</th>
          <th scope="col">{t("section")}</th>
          <th scope="col" class="number">
            {t("kilometre")}
          </th>
          <th scope="col">{t("last_step")}</th>
        </tr>
      </thead>
      <tbody>
        {defects.map((defect, i) => (
          // The link in the row has the keyboard
          <tr
            key={defect.id}
            ref={i === chosen ? row : null}
            aria-selected={i === chosen}
            onClick={() => go(place(defect))}
          >
            <td class="picture">
              <img
                class="toned"
                src={pictureOf(defect)}
                loading="lazy"
                alt={t("crop_of", { what: kindName(defect) })}
              />
            </td>
            <td>
              <a href={place(defect)} onClick={(event) => event.stopPropagation()}>
                {kindName(defect)}
              </a>
              <div class="muted small">{remarks(defect)}</div>
            </td>
            <td>
              <Grade grade={defect.grade} />
            </td>
            <td>
              <LoopState defect={defect} />
            </td>
            <td>
              <Deadline defect={defect} />
            </td>
            <td>{defect.mast?.number ?? "–"}</td>
            <td>
              {defect.mast?.section}
              <div class="muted small">
                {[defect.mast?.line, defect.mast && directionName(defect.mast.direction)]
                  .filter(Boolean)
                  .join(" ")}
              </div>
            </td>
            <td class="number">{defect.kilometre || "–"}</td>
            <td>
              {defect.changed_by}
              <div class="muted small">{moment(defect.changed_at)}</div>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function remarks(defect: Defect): string {
  return [
    t("defect_number", { id: defect.id }),
    defect.sightings > 1 ? t("sightings_count", { count: defect.sightings }) : "",
    defect.suspected_of === null ? "" : t("suspected"),
  ]
    .filter(Boolean)
    .join(" · ");
}

export function pictureOf(defect: Defect): string {
  const item = { id: defect.item_id, version: defect.version };
  return cropUrl(item, 0, { maxSide: 96, brighten: true });
}
