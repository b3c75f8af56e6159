// All items under the filters of the address, with counts, in the order of the risk.
import { useEffect, useRef, useState } from "preact/hooks";
import {
  api,
  FACETS,
  type FacetName,
  type Filters,
  type Item,
  type Order,
  type QueuePage,
} from "../api";
import { Grade, Problem, State } from "../controls";
import { FacetList } from "../facets";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import { directionName, kindName, percent, verdictName } from "../names";
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
        {facets.value &&
          FACETS.map((name) => (
            <FacetList
              key={name}
              name={name}
              values={facets.value?.facets[name] ?? []}
              ticked={filters[name] ?? []}
              onTick={(ticked) => show(withValues(filters, name, ticked))}
            />
          ))}
        {facets.value?.kilometre_m && (
          <Kilometres range={facets.value.kilometre_m} filters={filters} onChange={show} />
        )}
      </aside>
      <Results query={query} filters={filters} order={order} />
    </div>
  );
}

function withValues(filters: Filters, name: FacetName, values: string[]): Filters {
  const { [name]: _old, ...rest } = filters;
  return values.length ? { ...rest, [name]: values } : rest;
}

interface KilometreProps {
  range: [number, number];
  filters: Filters;
  onChange: (filters: Filters) => void;
}

function Kilometres({ range, filters, onChange }: KilometreProps) {
  const changed = (name: "km_from" | "km_to", text: string) => {
    const { [name]: _old, ...rest } = filters;
    onChange(text === "" ? rest : { ...rest, [name]: Number(text) });
  };
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
            onChange={(event) => changed(name, event.currentTarget.value)}
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
  const first = useLoaded(`queue ${key}`, () => api.queue(filters, order, null, PAGE));
  const [more, setMore] = useState<{ key: string; pages: QueuePage[] }>({ key, pages: [] });
  const pages = [first.value, ...(more.key === key ? more.pages : [])].filter(
    (one) => one !== null,
  );
  const items = pages.flatMap((page) => page.items);
  const next = pages.at(-1)?.next ?? null;
  const at = Number(query.get("at")) || null;
  const chosen = items.findIndex(({ id }) => id === at);
  const choose = (index: number) => {
    const item = items[Math.max(0, Math.min(items.length - 1, index))];
    if (item) settle(to("queue", { order, at: item.id }, filters));
  };
  const triage = (item?: Item) => go(to("triage", { order, item: item?.id }, filters));

  useKeys("queue", {
    next: () => choose(chosen + 1),
    previous: () => choose(chosen - 1),
    open: () => triage(items[chosen]),
    triage: () => triage(),
    sheet: () => go(to("sheet", { order }, filters)),
  });

  const addPage = async () => {
    const page = await api.queue(filters, order, next, PAGE);
    setMore((old) => ({ key, pages: [...(old.key === key ? old.pages : []), page] }));
  };

  return (
    <section class="results" aria-busy={first.isLoading}>
      <div class="results-head">
        <strong role="status">{first.value && t("total", { count: first.value.total })}</strong>
        <label>
          {t("order")}{" "}
          <select
            value={order}
            onChange={(event) => settle(to("queue", { order: event.currentTarget.value }, filters))}
          >
            {ORDERS.map((one) => (
              <option key={one} value={one}>
                {t(`order_${one}`)}
              </option>
            ))}
          </select>
        </label>
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
      <Problem error={first.error} retry={first.reload} />
      {first.value?.total === 0 && <p class="empty">{t("queue_empty")}</p>}
      {items.length > 0 && (
        <div class="table-room">
          <Table items={items} chosen={chosen} open={triage} />
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
  items: Item[];
  chosen: number;
  open: (item: Item) => void;
}

function Table({ items, chosen, open }: TableProps) {
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
          <th scope="col" class="number">
            {t("probability")}
          </th>
          <th scope="col">{t("mast")}</th>
          <th scope="col">{t("section")}</th>
          <th scope="col" class="number">
            {t("kilometre")}
          </th>
          <th scope="col">{t("camera")}</th>
          <th scope="col">{t("state")}</th>
          <th scope="col">{t("reviewer")}</th>
        </tr>
      </thead>
      <tbody>
        {items.map((item, i) => (
          // The link in the row has the keyboard
          <tr
            key={item.id}
            ref={i === chosen ? row : null}
            aria-selected={i === chosen}
            onClick={() => open(item)}
          >
            <td class="picture">
              <img
                class="toned"
                src={thumbUrl(item)}
                loading="lazy"
                alt={t("crop_of", { what: kindName(item) })}
              />
            </td>
            <td>
              <a
                href={to("triage", { item: item.id })}
                onClick={(event) => {
                  event.preventDefault();
                  event.stopPropagation();
                  open(item);
                }}
              >
                {kindName(item)}
              </a>
              <div class="muted small">
                {verdictName(item.verdict)}
                {item.views > 1 && ` · ${t("views_count", { count: item.views })}`}
              </div>
            </td>
            <td>
              <Grade grade={item.grade} />
            </td>
            <td class="number">{percent(item.probability)}</td>
            <td>{item.mast?.number ?? "–"}</td>
            <td>
              {item.mast?.section}
              <div class="muted small">
                {[item.mast?.line, item.mast && directionName(item.mast.direction)]
                  .filter(Boolean)
                  .join(" ")}
              </div>
            </td>
            <td class="number">{item.kilometre || "–"}</td>
            <td>
              {item.camera}
              <div class="muted small">{item.view}</div>
            </td>
            <td>
              <State item={item} />
              {item.held_by && (
                <div class="muted small">{t("held_by", { name: item.held_by })}</div>
              )}
            </td>
            <td>{item.reviewer}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
