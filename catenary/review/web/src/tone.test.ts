import { expect, test } from "vitest";
import { curve, evenOut, evenOutWhole, isPlain, learnEvenLight, PLAIN_TONE } from "./tone";

test("the plain tone changes nothing", () => {
  const levels = curve(PLAIN_TONE, 5);
  for (const [i, level] of levels.entries()) expect(level).toBeCloseTo(i / 4, 9);
});

test("gamma 2 lifts a quarter to a half", () => {
  expect(curve({ ...PLAIN_TONE, gamma: 2 }, 5)[1]).toBeCloseTo(0.5, 9);
});

test("brightness and contrast stay in range", () => {
  const levels = curve({ brightness: 0.5, contrast: 1, gamma: 1, even: false });
  expect(Math.min(...levels)).toBe(0);
  expect(Math.max(...levels)).toBe(1);
});

test("a dark half and a bright half get the same range when evened out", () => {
  // Left: levels 0 to 49; right: 150 to 199; both should be spread over most of the range.
  const [width, height] = [100, 60];
  const grey = Uint8Array.from({ length: width * height }, (_, i) =>
    i % width < 50 ? i % 50 : 150 + (i % 50),
  );
  const light = learnEvenLight(grey, width, height, { columns: 2, rows: 1, limit: 256 });
  expect(light.levels[0]?.[49]).toBe(255);
  expect(light.levels[1]?.[149]).toBe(0);
  expect(light.levels[1]?.[174]).toBeGreaterThan(120);
  expect(light.levels[1]?.[174]).toBeLessThan(136);
});

test("a part is evened out as in the whole", () => {
  const [width, height] = [64, 48];
  const grey = Uint8Array.from({ length: width * height }, (_, i) => (i * 7) % 251);
  const light = learnEvenLight(grey, width, height);
  const whole = rgba(grey);
  evenOut(whole, width, height, { x0: 0, y0: 0, x1: 1, y1: 1 }, light);
  const half = rgba(grey.slice((width * height) / 2));
  evenOut(half, width, height / 2, { x0: 0, y0: 0.5, x1: 1, y1: 1 }, light);
  expect([...half]).toEqual([...whole.slice(whole.length / 2)]);
});

function rgba(grey: Uint8Array): Uint8ClampedArray {
  return Uint8ClampedArray.from({ length: grey.length * 4 }, (_, i) =>
    i % 4 === 3 ? 255 : (grey[i >> 2] ?? 0),
  );
}

test("a small picture is evened out as a whole, and keeps its order of levels", () => {
  const [width, height] = [64, 64];
  const pixels = new Uint8ClampedArray(4 * width * height);
  for (let i = 0; i < width * height; i++) pixels.fill(100 + (i % 20), 4 * i, 4 * i + 3);
  evenOutWhole(pixels, width, height);
  const [darkest, lightest] = [pixels[0] ?? 0, pixels[4 * 19] ?? 0];
  expect(lightest - darkest).toBeGreaterThan(19 * 2);
  expect(pixels[4] ?? 0).toBeGreaterThanOrEqual(darkest);
});

test("a picture is plain only without any change", () => {
  expect(isPlain(PLAIN_TONE)).toBe(true);
  expect(isPlain({ ...PLAIN_TONE, even: true })).toBe(false);
  expect(isPlain({ ...PLAIN_TONE, gamma: 1.2 })).toBe(false);
});
