// What stands beside the part that is looked at: the same place in an earlier run, what other
// photographs show of the part, and any other photograph of its mast.
import type { Earlier, ItemDetail, Photograph } from "./api";
import type { Room } from "./scale";

export type Companion =
  | { kind: "camera"; shot: Photograph }
  | { kind: "earlier"; earlier: Earlier }
  | { kind: "view"; view: number };

const NARROWEST = 400; // px of the screen for a picture that is to be judged
const LOWEST = 250; // the same, of pictures one above the other
const IN_LINE = 3; // pictures of one size; more are two by two beside a larger one
const MOST = 5;

/** How many pictures a room has space for; wide ones stand one above the other. */
export function fitting(room: Room, isWide: boolean): number {
  const count = Math.floor(isWide ? room.height / LOWEST : room.width / NARROWEST);
  return count > IN_LINE ? MOST : Math.max(1, count);
}

/** Whether so many pictures stand two by two beside the one that is looked at. */
export function isMany(count: number): boolean {
  return count > IN_LINE;
}

/** The rooms of the picture that is looked at and of each beside it. */
export function rooms(room: Room, count: number, isWide: boolean): { main: Room; beside: Room } {
  const { width, height } = room;
  if (isMany(count)) {
    return { main: { width: width / 2, height }, beside: { width: width / 4, height: height / 2 } };
  }
  const each = isWide ? { width, height: height / count } : { width: width / count, height };
  return { main: each, beside: each };
}

interface Chosen {
  view: number;
  earlier: Earlier | null;
  /** A photograph of another camera at the mast, where one was asked for. */
  shot: Photograph | null;
  /** Whether the other views of the part are wanted too. */
  views: boolean;
}

/** What there is room for, what was asked for first. */
export function companions(item: ItemDetail, chosen: Chosen, count: number): Companion[] {
  const { view, earlier, shot, views } = chosen;
  const all: Companion[] = [];
  if (shot) all.push({ kind: "camera", shot });
  if (earlier) all.push({ kind: "earlier", earlier });
  if (views) {
    all.push(
      ...item.seen_in.flatMap((_, i) => (i === view ? [] : [{ kind: "view", view: i } as const])),
    );
  }
  return all.slice(0, count);
}

/** Photographs of a mast that show something else than the part's own, in the order of the cameras. */
export function others(all: readonly Photograph[], item: ItemDetail): Photograph[] {
  const own = new Set(item.seen_in.map(({ frame_id }) => frame_id));
  return all
    .filter((one) => !own.has(one.frame_id) && one.outcome !== "failed" && one.width > 0)
    .toSorted((a, b) => a.camera.localeCompare(b.camera, "en", { numeric: true }));
}
