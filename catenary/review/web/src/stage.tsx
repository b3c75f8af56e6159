// The pictures of an item: the part as it is now, large, and beside it in an earlier run.
import { useRef } from "preact/hooks";
import {
  type Box,
  type Crop,
  cropUrl,
  type Earlier,
  frameCropUrl,
  type ItemDetail,
  type KnownDefect,
  type Line,
  type View,
} from "./api";
import { CropPicture, distinct, Legend } from "./crop";
import { kindName } from "./names";
import { type Room, type Size, scaleFor, scaleName, surroundings } from "./scale";
import { settings } from "./settings";
import { useRoom } from "./size";
import { t } from "./words";

interface Props {
  item: ItemDetail;
  view: number;
  earlier: Earlier | null;
  size: Size;
}

const CAPTION = 26; // px under each picture

export function Stage({ item, view, earlier, size }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const room = useRoom(place);
  const seen = item.seen_in[view] ?? item.seen_in[0];
  if (!seen) return <div class="stage" ref={place} />;
  const lines = settings().evidence ? linesOf(seen) : [];
  const isWide = seen.crop.width > seen.crop.height;
  const pane = paneRoom(room, earlier !== null, isWide);
  return (
    <div class={`stage ${isWide ? "stage-wide" : ""}`} ref={place} data-item={item.id}>
      {room.width > 0 && (
        <>
          <Pane
            shown={now(item, view, seen, pane, size)}
            room={pane}
            size={size}
            caption={[t("now"), t("camera"), seen.camera].join(" ")}
            label={kindName(item)}
            box={settings().evidence ? seen.box : null}
            lines={lines}
          />
          {earlier && (
            <Pane
              shown={before(earlier, pane, size)}
              room={pane}
              size={size}
              caption={[
                t("earlier_run"),
                earlier.date || earlier.run,
                t("camera"),
                earlier.camera,
              ].join(" ")}
              label={t("earlier_runs")}
              box={settings().evidence ? earlier.box : null}
              lines={[]}
            />
          )}
        </>
      )}
    </div>
  );
}

interface Shown {
  src: string;
  crop: Crop;
}

interface PaneProps {
  shown: Shown;
  room: Room;
  size: Size;
  caption: string;
  label: string;
  box: Box | null;
  lines: Line[];
}

function Pane({ shown, room, size, caption, label, box, lines }: PaneProps) {
  const scale = scaleFor(shown.crop, room, size);
  const around = size === "surroundings" ? ` ${t("surroundings")}` : "";
  return (
    <figure class="pane">
      <div class="pane-room">
        <CropPicture
          {...shown}
          scale={scale}
          label={label}
          box={box}
          lines={lines}
          isEven={settings().tone.even}
        />
      </div>
      <figcaption>
        <span class="scale">
          {scale >= 1 ? scaleName(scale) : t("scale_fit", { scale: scaleName(scale) })}
          {around}
        </span>
        <span class="caption-text">{caption}</span>
        <Legend lines={lines} />
      </figcaption>
    </figure>
  );
}

function now(item: ItemDetail, view: number, seen: View, room: Room, size: Size): Shown {
  const { brighten } = settings();
  if (size !== "surroundings") return { src: cropUrl(item, view, { brighten }), crop: seen.crop };
  const frame = { width: seen.frame_width, height: seen.frame_height };
  const crop = surroundings(seen.box, room, frame);
  return { src: frameCropUrl(seen.frame_id, crop, { brighten }), crop };
}

function before(earlier: Earlier, room: Room, size: Size): Shown {
  const { brighten } = settings();
  const frame = { width: earlier.frame_width, height: earlier.frame_height };
  const crop = size === "surroundings" ? surroundings(earlier.box, room, frame) : earlier.crop;
  return { src: frameCropUrl(earlier.frame_id, crop, { brighten }), crop };
}

function paneRoom(room: Room, isShared: boolean, isWide: boolean): Room {
  const { width, height } = room;
  if (!isShared) return { width: width - 2, height: height - CAPTION };
  return isWide
    ? { width: width - 2, height: height / 2 - CAPTION }
    : { width: width / 2 - 2, height: height - CAPTION };
}

export function linesOf(view: View): Line[] {
  return distinct(view.evidence.flatMap(({ lines }) => lines));
}

/** The pictures that an item needs, to be fetched before it is shown. */
export function picturesOf(item: ItemDetail): string[] {
  const { brighten } = settings();
  const [leading] = item.seen_in;
  const [earlier] = item.earlier;
  return [
    cropUrl(item, 0, { brighten }),
    ...(earlier ? [frameCropUrl(earlier.frame_id, earlier.crop, { brighten })] : []),
    ...(leading ? [wholeUrl(leading)] : []),
    ...(item.seen_in.length > 1 ? item.seen_in.map((_, i) => thumbUrl(item, i)) : []),
    ...item.known.map(knownUrl),
  ];
}

export function thumbUrl(item: { id: number; version: number }, view = 0): string {
  return cropUrl(item, view, { maxSide: 96, brighten: true });
}

export function knownUrl({ item }: KnownDefect): string {
  return thumbUrl({ id: item, version: 0 });
}

export function wholeUrl(view: Pick<View, "frame_id" | "frame_width" | "frame_height">): string {
  const whole = { x0: 0, y0: 0, width: view.frame_width, height: view.frame_height };
  return frameCropUrl(view.frame_id, whole, { maxSide: 480, brighten: true });
}
