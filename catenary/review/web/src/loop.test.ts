import { expect, test } from "vitest";
import type { AllowedStep, LoopStanding } from "./api";
import { changesOf, dayOf, daysUntil, endOfDay, type StepForm, stepAsked } from "./loop";

const at = (day: number, hour: number) => new Date(2026, 2, day, hour); // local time

test("days are counted by midnights, not by hours", () => {
  const due = at(9, 1).toISOString();
  expect(daysUntil(due, at(8, 23))).toBe(1);
  expect(daysUntil(due, at(9, 0))).toBe(0);
  expect(daysUntil(due, at(9, 23))).toBe(0);
  expect(daysUntil(due, at(11, 0))).toBe(-2);
});

test("an extended deadline ends with the chosen day", () => {
  const end = new Date(endOfDay("2026-03-09"));
  expect(dayOf(end)).toBe("2026-03-09");
  expect(dayOf(new Date(end.getTime() + 1000))).toBe("2026-03-10");
});

const FORM: StepForm = {
  note: "  parts ordered ",
  conclusion: "repaired",
  due: "2026-03-09",
  of: "3",
};
const step = (needs: AllowedStep["needs"], may_have: AllowedStep["may_have"]): AllowedStep => ({
  step: "any",
  label: { zh: "", en: "" },
  needs,
  may_have,
});

test("a step is sent with the fields that it takes alone", () => {
  expect(stepAsked(step([], ["note"]), 4, FORM)).toEqual({
    step: "any",
    version: 4,
    note: "parts ordered",
  });
  expect(stepAsked(step(["conclusion"], ["note"]), 4, { ...FORM, note: " " })).toEqual({
    step: "any",
    version: 4,
    conclusion: "repaired",
  });
  expect(stepAsked(step(["of"], []), 4, FORM).of).toBe(3);
  expect(stepAsked(step(["due"], []), 4, FORM).due).toBe(endOfDay("2026-03-09"));
});

const STANDING: LoopStanding = {
  state: "registered",
  condition: "broken",
  grade: 1,
  repair_by: "2026-03-09T01:00:00Z",
  reinspect_by: null,
  conclusion: null,
  suspected_of: 3,
  joined_to: null,
};

test("a step tells what it changed, the first one what it set", () => {
  expect(changesOf(STANDING, { ...STANDING, state: "joined", joined_to: 3 })).toEqual([
    { name: "state", before: "registered", after: "joined" },
    { name: "joined_to", before: null, after: 3 },
  ]);
  expect(changesOf(null, STANDING).map(({ name }) => name)).toEqual([
    "state",
    "condition",
    "grade",
    "repair_by",
    "suspected_of",
  ]);
});
