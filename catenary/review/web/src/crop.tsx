// Part of a photograph with what the machine saw drawn over it. Coordinates are pixels of the whole
// photograph; the drawing takes them as they are.
import { useState } from "preact/hooks";
import type { Box, Crop, Line } from "./api";
import { t, told } from "./words";

// Roles are told apart by their dashes too, not by colour alone.
const DASHES = ["none", "7 4", "2 3", "9 3 2 3", "4 2", "1 4"];

interface Props {
  src: string;
  crop: Crop;
  /** Screen pixels for a pixel of the photograph. */
  scale: number;
  label: string;
  box?: Box | null;
  lines?: readonly Line[];
}

export function CropPicture({ src, crop, scale, label, box = null, lines = [] }: Props) {
  const [broken, setBroken] = useState("");
  const size = { width: `${crop.width * scale}px`, height: `${crop.height * scale}px` };
  return (
    <div class="crop" style={size}>
      {broken === src ? (
        <p class="crop-missing">{t("picture_missing")}</p>
      ) : (
        <img
          key={src}
          class="toned"
          src={src}
          alt={label}
          style={size}
          decoding="sync"
          draggable={false}
          onError={() => setBroken(src)}
        />
      )}
      <Drawing crop={crop} box={box} lines={lines} />
    </div>
  );
}

/** Box and lines over a picture that shows `crop`. */
export function Drawing({
  crop,
  box,
  lines,
}: {
  crop: Crop;
  box: Box | null;
  lines: readonly Line[];
}) {
  if (!box && lines.length === 0) return null;
  const { x0, y0, width, height } = crop;
  return (
    <svg class="drawing" viewBox={`${x0} ${y0} ${width} ${height}`} aria-hidden="true">
      {box && <BoxOutline box={box} />}
      {rolesOf(lines).map((role, i) =>
        lines
          .filter((line) => line.role === role.role)
          .map((line) => <Trace key={line.points.join()} line={line} dash={dashOf(i)} />),
      )}
    </svg>
  );
}

function BoxOutline({ box: [x0, y0, x1, y1] }: { box: Box }) {
  const place = { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
  return (
    <>
      <rect class="halo" {...place} />
      <rect class="part-box" {...place} />
    </>
  );
}

function Trace({ line, dash }: { line: Line; dash: string }) {
  const [first] = line.points;
  if (!first) return null;
  if (line.points.length === 1) {
    return <circle class="trace" cx={first[0]} cy={first[1]} r="5" stroke={line.colour} />;
  }
  const points = line.points.map((point) => point.join(",")).join(" ");
  return (
    <>
      <polyline class="halo" points={points} />
      <polyline class="trace" points={points} stroke={line.colour} stroke-dasharray={dash} />
    </>
  );
}

function dashOf(index: number): string {
  return DASHES[index % DASHES.length] ?? "none";
}

function rolesOf(lines: readonly Line[]): Line[] {
  return [...new Map(lines.map((line) => [line.role, line])).values()];
}

/** What the colours and dashes of a drawing mean. */
export function Legend({ lines }: { lines: readonly Line[] }) {
  return (
    <ul class="legend">
      {rolesOf(lines).map((line, i) => (
        <li key={line.role}>
          <svg viewBox="0 0 24 8" aria-hidden="true">
            <line x1="0" y1="4" x2="24" y2="4" stroke={line.colour} stroke-dasharray={dashOf(i)} />
          </svg>
          {told(line.label)}
        </li>
      ))}
    </ul>
  );
}

/** Lines that several sources tell, once. */
export function distinct(lines: readonly Line[]): Line[] {
  return [...new Map(lines.map((line) => [`${line.role} ${line.points.join()}`, line])).values()];
}
