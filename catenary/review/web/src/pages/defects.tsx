// All defects of the closed loop under the filters of the address, the soonest deadline first.
import {
  api,
  cropUrl,
  DEFECT_FACETS,
  type Defect,
  type DefectFilters,
  type DefectOrder,
  type Facet,
} from "../api";
import { Deadline, LoopState } from "../controls";
import { useKeys } from "../keys";
import {
  changed,
  FilterPanel,
  OrderSelect,
  PlaceCells,
  PlaceHeads,
  Rows,
  stepped,
  TableRoom,
  usePages,
} from "../list";
import { useLoaded } from "../load";
import { loopStates, moment } from "../names";
import { DEFECT_ORDERS, defectFiltersOf, defectOrderOf, go, settle, to } from "../place";
import { t } from "../words";

const PAGE = 50;

export function Defects({ query }: { query: URLSearchParams }) {
  const filters = defectFiltersOf(query);
  const order = defectOrderOf(query);
  const show = (changed: DefectFilters) => settle(to("defects", { order }, changed));
  const facets = useLoaded(`defects ${JSON.stringify(filters)}`, async () => {
    const read = await api.defectFilters(filters);
    return { ...read, facets: { ...read.facets, state: inOrder(read.facets.state) } };
  });
  return (
    <div class="queue">
      <FilterPanel
        names={DEFECT_FACETS}
        filters={filters}
        facets={facets}
        onFilters={show}
        first={
          <fieldset class="facet">
            <legend>{t("deadline")}</legend>
            <Only name="overdue" filters={filters} onChange={show} count={facets.value?.overdue} />
            <Only name="suspected" filters={filters} onChange={show} />
          </fieldset>
        }
      />
      <Results query={query} filters={filters} order={order} />
    </div>
  );
}

/** States in the order of the loop; all else is as the server tells it, the most frequent first. */
function inOrder(states: Facet[]): Facet[] {
  const rank = (one: Facet) => loopStates().findIndex(({ id }) => id === one.value);
  return states.toSorted((a, b) => rank(a) - rank(b));
}

interface OnlyProps {
  name: "overdue" | "suspected";
  filters: DefectFilters;
  onChange: (filters: DefectFilters) => void;
  count?: number | undefined;
}

/** Whether only those are wanted that are so. */
function Only({ name, filters, onChange, count }: OnlyProps) {
  return (
    <label>
      <input
        type="checkbox"
        checked={filters[name] === true}
        onChange={({ currentTarget }) =>
          onChange(changed(filters, name, currentTarget.checked ? true : null))
        }
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
  const list = usePages(`list ${key}`, (cursor) => api.defects(filters, order, cursor, PAGE));
  const { value } = list.first;
  const defects = list.pages.flatMap((page) => page.defects);
  const at = Number(query.get("at")) || null;
  const chosen = defects.findIndex(({ id }) => id === at);
  const choose = (by: number) => {
    const defect = stepped(defects, chosen, by);
    if (defect) settle(to("defects", { order, at: defect.id }, filters));
  };
  const place = (defect: Defect) => to("defect", { id: defect.id, order }, filters);

  useKeys("defects", {
    next: () => choose(1),
    previous: () => choose(-1),
    open: () => {
      const defect = defects[chosen];
      if (defect) go(place(defect));
    },
  });

  return (
    <section class="results" aria-busy={list.first.isLoading} aria-label={t("defects")}>
      <div class="results-head">
        <strong role="status">{value && t("defects_total", { count: value.total })}</strong>
        {value && value.overdue > 0 && (
          <b class="overdue">
            <span aria-hidden="true">!</span> {t("defects_overdue", { count: value.overdue })}
          </b>
        )}
        <OrderSelect
          orders={DEFECT_ORDERS}
          order={order}
          onOrder={(chosen) => settle(to("defects", { order: chosen }, filters))}
        />
      </div>
      <TableRoom list={list} empty={t("no_defects")} count={defects.length}>
        <Rows
          heads={<Heads />}
          rows={defects}
          chosen={chosen}
          place={place}
          picture={pictureOf}
          remark={remarks}
          cells={(defect) => <Cells defect={defect} />}
        />
      </TableRoom>
    </section>
  );
}

function Heads() {
  return (
    <>
      <th scope="col">{t("state")}</th>
      <th scope="col">{t("deadline")}</th>
      <PlaceHeads />
      <th scope="col">{t("last_step")}</th>
    </>
  );
}

function Cells({ defect }: { defect: Defect }) {
  return (
    <>
      <td>
        <LoopState defect={defect} />
      </td>
      <td>
        <Deadline defect={defect} />
      </td>
      <PlaceCells of={defect} />
      <td>
        {defect.changed_by}
        <div class="muted small">{moment(defect.changed_at)}</div>
      </td>
    </>
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
