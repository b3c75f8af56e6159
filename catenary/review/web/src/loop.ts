// What the pages work out of a defect in the closed loop; what may be done is the server's to say.
import type { AllowedStep, LoopStanding, StepAsked, StepField } from "./api";

const DAY = 86400000; // ms

/** A local day as fields of a form hold it: 2026-03-09. */
export function dayOf(time: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

/** Midnights from now until a time, on the clock of this machine; negative when it is past. */
export function daysUntil(time: string, now: Date): number {
  const day = (one: Date) => Date.parse(dayOf(one)) / DAY;
  return day(new Date(time)) - day(now);
}

/** The last second of a local day, in UTC. */
export function endOfDay(day: string): string {
  return new Date(`${day}T23:59:59`).toISOString();
}

/** What somebody fills in for a step. */
export type StepForm = Readonly<Record<StepField, string>>;

/** The request for a step, with the fields that it takes and nothing else. */
export function stepAsked(step: AllowedStep, version: number, form: StepForm): StepAsked {
  const takes = (field: StepField) =>
    [...step.needs, ...step.may_have].includes(field) && form[field].trim() !== "";
  return {
    step: step.step,
    version,
    ...(takes("note") ? { note: form.note.trim() } : {}),
    ...(takes("conclusion") ? { conclusion: form.conclusion } : {}),
    ...(takes("due") ? { due: endOfDay(form.due) } : {}),
    ...(takes("of") ? { of: Number(form.of) } : {}),
  };
}

const TOLD = [
  "state",
  "condition",
  "grade",
  "conclusion",
  "repair_by",
  "reinspect_by",
  "suspected_of",
  "joined_to",
] as const;
export type Told = (typeof TOLD)[number];

export interface Change {
  name: Told;
  before: string | number | null;
  after: string | number | null;
}

/** What a step changed; of the first one, all that it set. */
export function changesOf(before: LoopStanding | null, after: LoopStanding): Change[] {
  return TOLD.map((name) => ({ name, before: before?.[name] ?? null, after: after[name] })).filter(
    (one) => one.before !== one.after,
  );
}
