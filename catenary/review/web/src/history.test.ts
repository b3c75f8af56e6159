import { expect, test } from "vitest";
import type { Decision, Inheritance } from "./api";
import { historyOf } from "./history";

const decided = (made_at: string) => ({ decision: "confirm", made_at }) as Decision;
const inherited = (made_at: string) => ({ kind: "merged", made_at }) as Inheritance;

test("decisions and what they inherited stand in the order of their times", () => {
  const first = decided("2026-03-06T01:05:00Z");
  const merged = inherited("2026-03-06T01:05:00.250000Z");
  const second = decided("2026-03-06T01:05:01Z");
  expect(historyOf({ decisions: [first, second], inherited: [merged] })).toEqual([
    first,
    merged,
    second,
  ]);
});

test("at one time, the decision stands first", () => {
  const at = "2026-03-06T01:05:00Z";
  const both = [decided(at), inherited(at)] as const;
  expect(historyOf({ decisions: [both[0]], inherited: [both[1]] })).toEqual(both);
});
