// Part of a photograph with what the machine saw drawn over it. Coordinates are pixels of the whole
// photograph; the drawing takes them as they are.
import type { RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Box, Crop, Line } from "./api";
import { useRetry } from "./retry";
import { evenOutWhole } from "./tone";
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
  /** With its contrast evened out (CLAHE). */
  isEven?: boolean;
}

export function CropPicture(props: Props) {
  const { src, crop, scale, label, box = null, lines = [], isEven = false } = props;
  const { isBroken, key, onError } = useRetry(src);
  const image = useRef<HTMLImageElement>(null);
  const size = { width: `${crop.width * scale}px`, height: `${crop.height * scale}px` };
  return (
    <div class="crop" style={size}>
      {isBroken ? (
        <p class="crop-missing">{t("picture_missing")}</p>
      ) : (
        <img
          ref={image}
          key={key}
          class="toned"
          src={src}
          alt={label}
          style={size}
          decoding="sync"
          draggable={false}
          onError={onError}
        />
      )}
      {isEven && !isBroken && <Evened image={image} src={src} />}
      <Drawing crop={crop} box={box} lines={lines} />
    </div>
  );
}

/** Lies over a picture that it shows evened out, as soon as that is worked out. */
function Evened({ image, src }: { image: RefObject<HTMLImageElement | null>; src: string }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [shown, setShown] = useState("");
  useEffect(() => {
    const from = image.current;
    const draw = () => {
      if (from && canvas.current && drawEvened(from, canvas.current)) setShown(src);
    };
    if (from?.complete && from.naturalWidth > 0) draw();
    from?.addEventListener("load", draw);
    return () => from?.removeEventListener("load", draw);
  }, [src]);
  return <canvas ref={canvas} class="toned evened" hidden={shown !== src} />;
}

function drawEvened(image: HTMLImageElement, canvas: HTMLCanvasElement): boolean {
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context || canvas.width === 0) return false;
  context.drawImage(image, 0, 0);
  const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
  evenOutWhole(pixels.data, canvas.width, canvas.height);
  context.putImageData(pixels, 0, 0);
  return true;
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
      {rolesOf(lines).map(([{ role }, dash]) =>
        lines
          .filter((line) => line.role === role)
          .map((line) => <Trace key={line.points.join()} line={line} dash={dash} />),
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

/** A line of each role with its dashes; the last, which marks the defect if any does, is whole. */
function rolesOf(lines: readonly Line[]): [Line, string][] {
  const roles = [...new Map(lines.map((line) => [line.role, line])).values()];
  return roles.map((line, i) => [line, DASHES[(roles.length - 1 - i) % DASHES.length] ?? "none"]);
}

/** What the colours and dashes of a drawing mean. */
export function Legend({ lines }: { lines: readonly Line[] }) {
  return (
    <ul class="legend">
      {rolesOf(lines).map(([line, dash]) => (
        <li key={line.role}>
          <svg viewBox="0 0 24 8" aria-hidden="true">
            <line x1="0" y1="4" x2="24" y2="4" stroke={line.colour} stroke-dasharray={dash} />
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
