// Where in the pages one is: the part of the address behind the #, so that it can be shared.
import { useEffect, useState } from "preact/hooks";
import {
  DEFECT_FACETS,
  type DefectFilters,
  type DefectOrder,
  FACETS,
  type Filters,
  filterQuery,
  type Order,
} from "./api";

export interface Place {
  page: string;
  query: URLSearchParams;
}

export function placeOf(hash: string): Place {
  const [path = "", query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  return { page: path || "queue", query: new URLSearchParams(query) };
}

export function usePlace(): Place {
  const [hash, setHash] = useState(location.hash);
  useEffect(() => {
    const listener = () => setHash(location.hash);
    addEventListener("hashchange", listener);
    return () => removeEventListener("hashchange", listener);
  }, []);
  return placeOf(hash);
}

export type Query = Readonly<Record<string, string | number | null | undefined>>;

/** The address of a page; filters first, then what else it takes. */
export function to(page: string, query: Query = {}, filters: Filters | DefectFilters = {}): string {
  const all = new URLSearchParams(filterQuery(filters));
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") all.set(name, String(value));
  }
  return all.size ? `#/${page}?${all}` : `#/${page}`;
}

export function go(address: string): void {
  location.hash = address;
}

/** Changes the address without a new step in the history. */
export function settle(address: string): void {
  history.replaceState(null, "", address);
  dispatchEvent(new HashChangeEvent("hashchange"));
}

export function filtersOf(query: URLSearchParams): Filters {
  const filters: Filters = {};
  for (const name of FACETS) {
    const values = query.getAll(name);
    if (values.length) filters[name] = values;
  }
  for (const name of ["km_from", "km_to"] as const) {
    const value = Number(query.get(name) ?? "");
    if (query.get(name) && Number.isFinite(value)) filters[name] = value;
  }
  return filters;
}

const ORDERS: readonly Order[] = ["risk", "probability", "place", "newest", "decided"];

export function orderOf(query: URLSearchParams): Order {
  const asked = query.get("order");
  return ORDERS.find((order) => order === asked) ?? "risk";
}

export function defectFiltersOf(query: URLSearchParams): DefectFilters {
  const filters: DefectFilters = {};
  for (const name of DEFECT_FACETS) {
    const values = query.getAll(name);
    if (values.length) filters[name] = values;
  }
  for (const name of ["overdue", "suspected"] as const) {
    const value = query.get(name);
    if (value === "true" || value === "false") filters[name] = value === "true";
  }
  return filters;
}

export const DEFECT_ORDERS: readonly DefectOrder[] = ["due", "newest", "place"];

export function defectOrderOf(query: URLSearchParams): DefectOrder {
  const asked = query.get("order");
  return DEFECT_ORDERS.find((order) => order === asked) ?? "due";
}
