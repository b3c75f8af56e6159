import { expect, test } from "vitest";
import type { Earlier, ItemDetail, Photograph } from "./api";
import { companions, fitting, others, rooms } from "./beside";

const shot = (frame_id: number, camera: string, outcome = "done") =>
  ({ frame_id, camera, outcome, width: 100 }) as Photograph;
const earlier = { run: "before" } as Earlier;
const item = { seen_in: [{ frame_id: 1 }, { frame_id: 2 }, { frame_id: 3 }] } as ItemDetail;

test("a laptop has room for two pictures side by side, a large screen for five", () => {
  expect(fitting({ width: 1044, height: 592 }, false)).toBe(2);
  expect(fitting({ width: 2192, height: 1330 }, false)).toBe(5);
  expect(fitting({ width: 1044, height: 592 }, true)).toBe(2);
  expect(fitting({ width: 100, height: 100 }, true)).toBe(1);
});

test("more than three pictures leave half of the room to the one that is looked at", () => {
  const room = { width: 2000, height: 1200 };
  expect(rooms(room, 2, true).main).toEqual({ width: 2000, height: 600 });
  expect(rooms(room, 5, false)).toEqual({
    main: { width: 1000, height: 1200 },
    beside: { width: 500, height: 600 },
  });
});

test("what was asked for comes first, then the earlier run, then the other views", () => {
  const chosen = { view: 1, earlier, shot: shot(7, "04"), views: true };
  expect(companions(item, chosen, 4)).toEqual([
    { kind: "camera", shot: shot(7, "04") },
    { kind: "earlier", earlier },
    { kind: "view", view: 0 },
    { kind: "view", view: 2 },
  ]);
  expect(companions(item, chosen, 1)).toEqual([{ kind: "camera", shot: shot(7, "04") }]);
  expect(companions(item, { ...chosen, shot: null, views: false }, 4)).toEqual([
    { kind: "earlier", earlier },
  ]);
});

test("other cameras are those that do not show the part, in their order", () => {
  const all = [shot(9, "10"), shot(2, "01"), shot(8, "2"), shot(5, "03", "failed")];
  expect(others(all, item).map(({ frame_id }) => frame_id)).toEqual([8, 9]);
});
