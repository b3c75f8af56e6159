// Brightness, contrast and gamma as one curve, and contrast evened out over a picture (CLAHE).

/** How grey levels are shown; 0, 0 and 1 leave them as they are. */
export interface Tone {
  /** Added to every grey level, of the whole range: -1 to 1. */
  brightness: number;
  /** Spread around the middle: -1 (flat) to 1 (black and white). */
  contrast: number;
  /** Exponent of 1 / gamma: above 1 the dark is made lighter; 0.2 to 5. */
  gamma: number;
  /** Contrast evened out over the picture (CLAHE). */
  even: boolean;
}

export const PLAIN_TONE: Tone = { brightness: 0, contrast: 0, gamma: 1, even: false };

/** Returns `steps` values in [0, 1]: what grey levels from 0 to 1 are shown as. */
export function curve(tone: Tone, steps = 65): number[] {
  const slope = Math.tan(((Math.min(tone.contrast, 0.98) + 1) * Math.PI) / 4);
  return Array.from({ length: steps }, (_, i) => {
    const light = (i / (steps - 1)) ** (1 / tone.gamma);
    return clip((light - 0.5) * slope + 0.5 + tone.brightness);
  });
}

function clip(value: number): number {
  return Math.min(1, Math.max(0, value));
}

export function isPlain({ brightness, contrast, gamma, even }: Tone): boolean {
  return brightness === 0 && contrast === 0 && gamma === 1 && !even;
}

/** Mappings of grey levels for a grid of places over a picture; between them they are mixed. */
export interface EvenLight {
  columns: number;
  rows: number;
  /** (rows * columns, 256): what a grey level becomes at each place. */
  levels: Uint8Array[];
}

/**
 * Learns how to even out a picture from a small copy of it (contrast-limited adaptive histogram
 * equalisation). Source: Zuiderveld, Graphics Gems IV, 1994, pp. 474-485.
 *
 * @param grey Grey levels of the small copy, row by row.
 * @param limit A level may be this many times as frequent as if all were equal.
 */
export function learnEvenLight(
  grey: Uint8Array,
  width: number,
  height: number,
  { columns = 8, rows = 6, limit = 3 } = {},
): EvenLight {
  const levels: Uint8Array[] = [];
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const counts = new Float64Array(256);
      const [y0, y1] = share(row, rows, height);
      const [x0, x1] = share(column, columns, width);
      for (let y = y0; y < y1; y++) {
        for (let x = x0; x < x1; x++) counts[grey[y * width + x] ?? 0]! += 1;
      }
      levels.push(equalised(counts, limit));
    }
  }
  return { columns, rows, levels };
}

function share(index: number, of: number, length: number): [number, number] {
  return [Math.floor((index * length) / of), Math.floor(((index + 1) * length) / of)];
}

function equalised(counts: Float64Array, limit: number): Uint8Array {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const most = (limit * total) / 256;
  let excess = 0;
  for (const count of counts) excess += Math.max(0, count - most);
  let sum = 0;
  return Uint8Array.from(counts, (count) => {
    sum += Math.min(count, most) + excess / 256;
    return total === 0 ? 0 : Math.round((255 * sum) / total);
  });
}

/**
 * Evens out part of the picture in place.
 *
 * @param pixels RGBA of the part, row by row; the red channel is taken as grey.
 * @param part Where it lies in the picture, as shares of width and height.
 */
export function evenOut(
  pixels: Uint8ClampedArray,
  width: number,
  height: number,
  part: { x0: number; y0: number; x1: number; y1: number },
  light: EvenLight,
): void {
  for (let y = 0; y < height; y++) {
    const down = between(part.y0 + ((y + 0.5) / height) * (part.y1 - part.y0), light.rows);
    for (let x = 0; x < width; x++) {
      const over = between(part.x0 + ((x + 0.5) / width) * (part.x1 - part.x0), light.columns);
      const at = 4 * (y * width + x);
      const level = pixels[at] ?? 0;
      const of = (row: number, column: number) =>
        light.levels[row * light.columns + column]?.[level] ?? level;
      const top = mix(of(down.low, over.low), of(down.low, over.high), over.share);
      const bottom = mix(of(down.high, over.low), of(down.high, over.high), over.share);
      pixels[at] = pixels[at + 1] = pixels[at + 2] = mix(top, bottom, down.share);
    }
  }
}

function between(place: number, count: number): { low: number; high: number; share: number } {
  const at = Math.min(count - 1, Math.max(0, place * count - 0.5));
  const low = Math.floor(at);
  return { low, high: Math.min(count - 1, low + 1), share: at - low };
}

function mix(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

const EVENED = 160; // px of a side of a place on a crop: some times what a fitting measures

/** Evens out a whole picture of any size in place; of a small one as a whole. */
export function evenOutWhole(pixels: Uint8ClampedArray, width: number, height: number): void {
  const grey = new Uint8Array(width * height);
  for (let i = 0; i < grey.length; i++) grey[i] = pixels[4 * i]!;
  const places = (side: number) => Math.min(8, Math.max(1, Math.round(side / EVENED)));
  const grid = { columns: places(width), rows: places(height) };
  const light = learnEvenLight(grey, width, height, grid);
  evenOut(pixels, width, height, { x0: 0, y0: 0, x1: 1, y1: 1 }, light);
}
