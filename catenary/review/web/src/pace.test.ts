import { expect, test } from "vitest";
import { dueAfter, type Pace, paced } from "./pace";

const MINUTE = 60000;

test("a break is due after twenty minutes of decisions, and not after a pause", () => {
  let pace: Pace | null = null;
  for (let minute = 0; minute <= 19; minute++) pace = paced(pace, minute * MINUTE, 5 * MINUTE);
  expect(dueAfter(pace, 20 * MINUTE)).toBeNull();
  pace = paced(pace, 20 * MINUTE, 5 * MINUTE);
  expect(dueAfter(pace, 20 * MINUTE)).toBe(20);
  pace = paced(pace, 25 * MINUTE, 5 * MINUTE);
  expect(dueAfter(pace, 20 * MINUTE)).toBeNull();
});
