// What happened to an item: decisions on it, and how they came from other parts.
import type { Decision, Inheritance, ItemDetail } from "./api";

/** Oldest first; what came with a decision stands after it. */
export function historyOf(
  item: Pick<ItemDetail, "decisions" | "inherited">,
): (Decision | Inheritance)[] {
  const all = [...item.decisions, ...item.inherited];
  // Times with and without fractions of a second: as texts they have another order.
  return all.sort((a, b) => Date.parse(a.made_at) - Date.parse(b.made_at));
}
