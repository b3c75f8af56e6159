import { expect, test } from "vitest";
import type { Crop } from "./api";
import { scaleFor, surroundings } from "./scale";

const crop = (width: number, height: number): Crop => ({ x0: 0, y0: 0, width, height });

test("a small crop is enlarged by halves, at most eight times", () => {
  expect(scaleFor(crop(100, 300), { width: 500, height: 650 }, "fit")).toBe(2);
  expect(scaleFor(crop(100, 300), { width: 500, height: 599 }, "fit")).toBe(1.5);
  expect(scaleFor(crop(20, 20), { width: 500, height: 650 }, "fit")).toBe(8);
  expect(scaleFor(crop(100, 300), { width: 500, height: 650 }, "actual")).toBe(1);
});

test("a large crop is made smaller until it fits", () => {
  expect(scaleFor(crop(1000, 1300), { width: 500, height: 650 }, "fit")).toBe(0.5);
});

test("surroundings are around the box and stay in the photograph", () => {
  const frame = { width: 2000, height: 1000 };
  const room = { width: 600, height: 400 };
  expect(surroundings([990, 490, 1010, 510], room, frame)).toEqual({
    x0: 700,
    y0: 300,
    width: 600,
    height: 400,
  });
  expect(surroundings([0, 980, 20, 1000], room, frame)).toMatchObject({ x0: 0, y0: 600 });
  expect(surroundings([0, 0, 9, 9], { width: 5000, height: 400 }, frame)).toMatchObject({
    x0: 0,
    width: 2000,
  });
});
