// What lists under filters have in common: filters beside them, pages that follow, a chosen row.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Facet, Mast } from "./api";
import { Grade, Problem } from "./controls";
import { FacetList } from "./facets";
import { type Loaded, useLoaded } from "./load";
import { directionName, kindName } from "./names";
import { go } from "./place";
import { Small } from "./retry";
import { t, type Word } from "./words";

type Values<Name extends string> = { readonly [name in Name]?: string[] };

interface FilterProps<Name extends Word, All extends Values<Name>> {
  names: readonly Name[];
  filters: All;
  facets: Loaded<{ facets: Record<Name, Facet[]> }>;
  onFilters: (filters: All) => void;
  /** Filters that are no lists of values, before or after those. */
  first?: ComponentChildren;
  last?: ComponentChildren;
}

export function FilterPanel<Name extends Word, All extends Values<Name>>(
  props: FilterProps<Name, All>,
) {
  const { names, filters, facets, onFilters, first, last } = props;
  return (
    <aside class="filters" aria-label={t("filters")}>
      <div class="filters-head">
        <h1>{t("filters")}</h1>
        {Object.keys(filters).length > 0 && (
          <button type="button" onClick={() => onFilters({} as All)}>
            {t("clear_filters")}
          </button>
        )}
      </div>
      <Problem error={facets.error} retry={facets.reload} />
      {first}
      {facets.value &&
        names.map((name) => (
          <FacetList
            key={name}
            name={name}
            values={facets.value?.facets[name] ?? []}
            ticked={filters[name] ?? []}
            onTick={(ticked) =>
              onFilters(changed(filters, name, (ticked.length ? ticked : null) as All[Name] | null))
            }
          />
        ))}
      {last}
    </aside>
  );
}

/** Filters with another value; null takes one away. */
export function changed<All extends object, Name extends keyof All>(
  filters: All,
  name: Name,
  value: All[Name] | null,
): All {
  const { [name]: _old, ...rest } = filters;
  return (value === null ? rest : { ...rest, [name]: value }) as All;
}

interface Pages<Page> {
  first: Loaded<Page>;
  /** Read so far, in order. */
  pages: Page[];
  hasMore: boolean;
  readMore: () => Promise<void>;
}

/** The pages of a list; `read` takes the cursor of a page, null for the first. */
export function usePages<Page extends { next: string | null }>(
  key: string,
  read: (cursor: string | null) => Promise<Page>,
): Pages<Page> {
  const first = useLoaded(key, () => read(null));
  const [more, setMore] = useState<{ key: string; pages: Page[] }>({ key, pages: [] });
  const later = more.key === key ? more.pages : [];
  const pages = [first.value, ...later].filter((one) => one !== null);
  const next = pages.at(-1)?.next ?? null;
  const readMore = async () => {
    const page = await read(next);
    setMore((old) => ({ key, pages: [...(old.key === key ? old.pages : []), page] }));
  };
  return { first, pages, hasMore: next !== null, readMore };
}

/** Moves the choice by rows and stays within the list. */
export function stepped<Row>(rows: readonly Row[], from: number, by: number): Row | undefined {
  return rows[Math.max(0, Math.min(rows.length - 1, from + by))];
}

/** The row of the choice, which is scrolled to. */
function useChosenRow(chosen: number) {
  const row = useRef<HTMLTableRowElement>(null);
  // Scrolls when another row is chosen
  useEffect(() => row.current?.scrollIntoView({ block: "nearest" }), [chosen]);
  return row;
}

interface OrderProps<Order extends string> {
  orders: readonly Order[];
  order: Order;
  onOrder: (order: string) => void;
}

export function OrderSelect<Order extends string>({ orders, order, onOrder }: OrderProps<Order>) {
  return (
    <label>
      {t("order")}{" "}
      <select value={order} onChange={(event) => onOrder(event.currentTarget.value)}>
        {orders.map((one) => (
          <option key={one} value={one}>
            {t(`order_${one}` as Word)}
          </option>
        ))}
      </select>
    </label>
  );
}

interface RoomProps {
  list: Pages<{ next: string | null }>;
  empty: string;
  count: number;
  children: ComponentChildren;
}

/** The table of a list, with what is said where there is none and how to read on. */
export function TableRoom({ list, empty, count, children }: RoomProps) {
  return (
    <>
      <Problem error={list.first.error} retry={list.first.reload} />
      {count === 0 && list.first.value && <p class="empty">{empty}</p>}
      {count > 0 && (
        <div class="table-room">
          {children}
          {list.hasMore && (
            <button type="button" class="more" onClick={() => void list.readMore()}>
              {t("more")}
            </button>
          )}
        </div>
      )}
    </>
  );
}

interface RowsProps<Row> {
  /** Of the columns after picture, condition and grade. */
  heads: ComponentChildren;
  rows: readonly Row[];
  chosen: number;
  place: (row: Row) => string;
  /** Opens a row; where its link leads when not given. */
  onOpen?: (row: Row) => void;
  picture: (row: Row) => string;
  /** In small letters under the condition. */
  remark: (row: Row) => string;
  cells: (row: Row) => ComponentChildren;
}

/** A table of parts: picture, what it is and its grade, and what else a list tells of each. */
export function Rows<Row extends Kind & { id: number; grade: number | null }>(
  props: RowsProps<Row>,
) {
  const { heads, rows, chosen, place, picture, remark, cells } = props;
  const row = useChosenRow(chosen);
  const open = props.onOpen ?? ((one: Row) => go(place(one)));
  return (
    <table class="items">
      <thead>
        <tr>
          <th scope="col">{t("picture")}</th>
          <th scope="col">{t("condition")}</th>
          <th scope="col">{t("grade")}</th>
          {heads}
        </tr>
      </thead>
      <tbody>
        {rows.map((one, i) => (
          // The link in the row has the keyboard
          <tr
            key={one.id}
            ref={i === chosen ? row : null}
            aria-selected={i === chosen}
            onClick={() => open(one)}
          >
            <PictureCell src={picture(one)} kind={one} />
            <td>
              <a
                href={place(one)}
                onClick={(event) => {
                  event.stopPropagation();
                  // With a key pressed, the browser opens another window.
                  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                  event.preventDefault();
                  open(one);
                }}
              >
                {kindName(one)}
              </a>
              <div class="muted small">{remark(one)}</div>
            </td>
            <td>
              <Grade grade={one.grade} />
            </td>
            {cells(one)}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Kind = Parameters<typeof kindName>[0];

function PictureCell({ src, kind }: { src: string; kind: Kind }) {
  return (
    <td class="picture">
      <Small src={src} loading="lazy" alt={t("crop_of", { what: kindName(kind) })} />
    </td>
  );
}

interface Placed {
  mast: Mast | null;
  kilometre: string;
}

/** Mast, section and kilometre of a row, under the heads of `PlaceHeads`. */
export function PlaceCells({ of: { mast, kilometre } }: { of: Placed }) {
  return (
    <>
      <td>{mast?.number ?? "–"}</td>
      <td>
        {mast?.section}
        <div class="muted small">
          {[mast?.line, mast && directionName(mast.direction)].filter(Boolean).join(" ")}
        </div>
      </td>
      <td class="number">{kilometre || "–"}</td>
    </>
  );
}

export function PlaceHeads() {
  return (
    <>
      <th scope="col">{t("mast")}</th>
      <th scope="col">{t("section")}</th>
      <th scope="col" class="number">
        {t("kilometre")}
      </th>
    </>
  );
}
