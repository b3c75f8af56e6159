// All items under the filters of the address, with counts, in the order of the risk.
import { api, FACETS, type Filters, type Item, type Order } from "../api";
import { State } from "../controls";
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
import { isSample, percent, verdictName } from "../names";
import { filtersOf, go, orderOf, settle, to } from "../place";
import { thumbUrl } from "../stage";
import { useRight } from "../who";
import { t } from "../words";

const ORDERS: readonly Order[] = ["risk", "probability", "place", "newest", "decided"];
const PAGE = 50;

export function Queue({ query }: { query: URLSearchParams }) {
  const filters = filtersOf(query);
  const order = orderOf(query);
  const show = (changed: Filters) => settle(to("queue", { order }, changed));
  const facets = useLoaded(`filters ${JSON.stringify(filters)}`, () => api.queueFilters(filters));
  return (
    <div class="queue">
      <FilterPanel
        names={FACETS}
        filters={filters}
        facets={facets}
        onFilters={show}
        last={
          facets.value?.kilometre_m && (
            <Kilometres range={facets.value.kilometre_m} filters={filters} onChange={show} />
          )
        }
      />
      <Results query={query} filters={filters} order={order} />
    </div>
  );
}

interface KilometreProps {
  range: [number, number];
  filters: Filters;
  onChange: (filters: Filters) => void;
}

function Kilometres({ range, filters, onChange }: KilometreProps) {
  return (
    <fieldset class="facet kilometres">
      <legend>{t("kilometre")}</legend>
      {(["km_from", "km_to"] as const).map((name, i) => (
        <label key={name}>
          <span class="facet-label">{t(name)}</span>
          <input
            type="number"
            value={filters[name] ?? ""}
            placeholder={String(Math.round(range[i] ?? 0))}
            onChange={({ currentTarget: { value } }) =>
              onChange(changed(filters, name, value === "" ? null : Number(value)))
            }
          />
        </label>
      ))}
    </fieldset>
  );
}

interface ResultsProps {
  query: URLSearchParams;
  filters: Filters;
  order: Order;
}

function Results({ query, filters, order }: ResultsProps) {
  const canExport = useRight("export");
  const key = JSON.stringify([filters, order]);
  const list = usePages(`queue ${key}`, (cursor) => api.queue(filters, order, cursor, PAGE));
  const items = list.pages.flatMap((page) => page.items);
  const at = Number(query.get("at")) || null;
  const chosen = items.findIndex(({ id }) => id === at);
  const choose = (by: number) => {
    const item = stepped(items, chosen, by);
    if (item) settle(to("queue", { order, at: item.id }, filters));
  };
  const triage = (item?: Item) => go(to("triage", { order, item: item?.id }, filters));

  useKeys("queue", {
    next: () => choose(1),
    previous: () => choose(-1),
    open: () => triage(items[chosen]),
    triage: () => triage(),
    sheet: () => go(to("sheet", { order }, filters)),
  });

  return (
    <section class="results" aria-busy={list.first.isLoading}>
      <div class="results-head">
        <strong role="status">
          {list.first.value && t("total", { count: list.first.value.total })}
        </strong>
        <OrderSelect
          orders={ORDERS}
          order={order}
          onOrder={(chosen) => settle(to("queue", { order: chosen }, filters))}
        />
        <span class="spacer" />
        {canExport && (
          <a class="button" href={to("reports", {}, filters)}>
            {t("export")}
          </a>
        )}
        <a class="button" href={to("sheet", { order }, filters)}>
          {t("open_sheet")} <kbd>S</kbd>
        </a>
        <a class="button primary" href={to("triage", { order }, filters)}>
          {t("start_triage")} <kbd>T</kbd>
        </a>
      </div>
      <TableRoom list={list} empty={t("queue_empty")} count={items.length}>
        <Rows
          heads={<Heads />}
          rows={items}
          chosen={chosen}
          place={({ id }) => to("triage", { order, item: id }, filters)}
          picture={thumbUrl}
          remark={remark}
          cells={(item) => <Cells item={item} />}
        />
      </TableRoom>
    </section>
  );
}

function remark(item: Item): string {
  const verdict = isSample(item) ? t("sample_is") : verdictName(item.verdict);
  return item.views > 1 ? `${verdict} · ${t("views_count", { count: item.views })}` : verdict;
}

function Heads() {
  return (
    <>
      <th scope="col" class="number">
        {t("probability")}
      </th>
      <PlaceHeads />
      <th scope="col">{t("camera")}</th>
      <th scope="col">{t("state")}</th>
      <th scope="col">{t("reviewer")}</th>
    </>
  );
}

function Cells({ item }: { item: Item }) {
  return (
    <>
      <td class="number">{percent(item.probability)}</td>
      <PlaceCells of={item} />
      <td>
        {item.camera}
        <div class="muted small">{item.view}</div>
      </td>
      <td>
        <State item={item} />
        {item.held_by && <div class="muted small">{t("held_by", { name: item.held_by })}</div>}
      </td>
      <td>{item.reviewer}</td>
    </>
  );
}
