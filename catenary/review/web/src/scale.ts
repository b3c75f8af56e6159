// How large a crop is shown, and what of the photograph is seen at 1:1.
import type { Box, Crop } from "./api";

export type Size = "fit" | "actual" | "surroundings";

export interface Room {
  width: number;
  height: number;
}

export const MOST_ENLARGED = 8; // beyond, even a pin is only blurred more

/**
 * Screen pixels for a pixel of the photograph: 1, 1.5, 2 … where the crop is smaller than the room,
 * so that crops of about the same size are shown alike, else what fits.
 */
export function scaleFor(crop: Crop, room: Room, size: Size): number {
  if (size !== "fit") return 1;
  const fits = Math.min(room.width / crop.width, room.height / crop.height);
  return fits >= 1 ? Math.min(MOST_ENLARGED, Math.floor(2 * fits) / 2) : Math.max(fits, 0.02);
}

/** The part of a photograph around a box that fills the room at 1:1, inside the photograph. */
export function surroundings(box: Box, room: Room, frame: Room): Crop {
  const width = Math.min(Math.floor(room.width), frame.width);
  const height = Math.min(Math.floor(room.height), frame.height);
  const inside = (middle: number, length: number, whole: number) =>
    Math.round(Math.min(Math.max(0, middle - length / 2), whole - length));
  return {
    x0: inside((box[0] + box[2]) / 2, width, frame.width),
    y0: inside((box[1] + box[3]) / 2, height, frame.height),
    width,
    height,
  };
}

/** The scale in words: `3:1`, `1:1`, `0.42`. */
export function scaleName(scale: number): string {
  return scale >= 1 ? `${scale}:1` : scale.toFixed(2);
}
