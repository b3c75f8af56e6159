// What parts, conditions, grades, states and people are called; all of it from the server's taxonomy.
import type { Item, ItemDetail, MastName, Taxonomy, Verdict } from "./api";
import { settings } from "./settings";
import { spaced, t, told } from "./words";

let taxonomy: Taxonomy = {
  version: "",
  components: [],
  grades: [],
  states: [],
  loop_states: [],
  conclusions: [],
  decisions: [],
  directions: [],
  roles: [],
  verdicts: [],
};

export function learnNames(read: Taxonomy): void {
  taxonomy = read;
}

export function components(): Taxonomy["components"] {
  return taxonomy.components;
}

export function conditionsOf(component: string): Taxonomy["components"][number]["conditions"] {
  return taxonomy.components.find(({ id }) => id === component)?.conditions ?? [];
}

export function grades(): Taxonomy["grades"] {
  return taxonomy.grades;
}

export function componentName(id: string): string {
  const found = taxonomy.components.find((one) => one.id === id);
  return opened(found ? found[settings().language] : id);
}

/** Words that stand by themselves begin with a capital, where there are capitals. */
export function opened(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

export function conditionName(component: string, id: string): string {
  if (id === "normal") return verdictName("normal").toLowerCase();
  const found = conditionsOf(component).find((one) => one.id === id);
  return found ? found[settings().language] : id;
}

export function gradeName(grade: number | null): string {
  if (grade === null) return t("no_grade");
  const found = taxonomy.grades.find((one) => one.grade === grade);
  return found ? opened(told(found.label)) : String(grade);
}

export function stateName(id: string): string {
  return labelled(taxonomy.states, id);
}

/** The states of the closed loop, in the order in which a defect passes them. */
export function loopStates(): Taxonomy["loop_states"] {
  return taxonomy.loop_states;
}

export function loopStateName(id: string): string {
  return labelled(taxonomy.loop_states, id);
}

export function conclusionName(id: string): string {
  return labelled(taxonomy.conclusions, id);
}

export function roles(): Taxonomy["roles"] {
  return taxonomy.roles;
}

export function roleName(id: string): string {
  return labelled(taxonomy.roles, id);
}

export function decisionName(id: string): string {
  if (id === "undo") return t("decision_undo");
  if (id === "draw") return t("decision_draw");
  return labelled(taxonomy.decisions, id);
}

export function verdictName(verdict: Verdict): string {
  return labelled(taxonomy.verdicts, verdict);
}

function labelled(all: Taxonomy["states"], id: string): string {
  const found = all.find((one) => one.id === id);
  return found ? opened(told(found.label)) : id;
}

export function directionName(id: string): string {
  return labelled(taxonomy.directions, id);
}

/** Line, direction, section and number: a number alone does not name a mast. */
export function mastName(mast: MastName | null): string {
  if (!mast) return t("no_mast");
  return [mast.line, directionName(mast.direction), mast.section, mast.number]
    .filter(Boolean)
    .join(" ");
}

type Kind = Pick<Item, "component" | "condition" | "state"> & { origin?: Item["origin"] };

/** Drawn at random from what the scan called normal, and still so. */
export function isSample({ origin, condition }: Omit<Kind, "component" | "state">): boolean {
  return origin === "sample" && condition === "normal";
}

/** Component and condition, as one says them; of what the scan could not judge, what it may be. */
export function kindName(item: Kind): string {
  if (isSample(item)) return t("sample_of", { component: componentName(item.component) });
  const between = settings().language === "zh" ? "" : " ";
  const kind =
    componentName(item.component) + between + conditionName(item.component, item.condition);
  return item.state === "unjudged" ? t("not_excluded", { kind }) : kind;
}

export function itemName(item: Item | ItemDetail): string {
  return `${kindName(item)} · ${item.mast?.number ?? t("no_mast")}`;
}

export function percent(value: number | null): string {
  return value === null ? "–" : spaced(`${Math.round(100 * value)} %`);
}

/** Local day and minute of a time in UTC. */
export function moment(time: string | null): string {
  if (time === null) return "";
  const date = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}`;
}
