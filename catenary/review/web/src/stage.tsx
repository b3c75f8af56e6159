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
  type Photograph,
  type View,
} from "./api";
import { type Companion, companions, fitting, isMany, rooms } from "./beside";
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
  /** Another photograph of the mast, shown whole. */
  shot: Photograph | null;
  size: Size;
}

const MUCH = 1800; // px of the window, with which other views stand beside an earlier run
const WHOLE = 1600; // px, longer side of a whole photograph beside the part
const CAPTION = 26; // px under each picture
const LEGEND = 22; // px more where what the lines mean has a row of its own
const ONE_ROW = 780; // px that scale, run, camera and three kinds of lines need beside each other

export function Stage({ item, view, earlier, shot, size }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const room = useRoom(place);
  const seen = item.seen_in[view] ?? item.seen_in[0];
  if (!seen) return <div class="stage" ref={place} />;
  const lines = settings().evidence ? linesOf(seen) : [];
  const isWide = seen.crop.width > seen.crop.height;
  const chosen = { view, earlier, shot, views: settings().views };
  const beside = companions(item, chosen, fitting(room, isWide) - 1);
  const { main, beside: small } = rooms(room, beside.length + 1, isWide);
  const isTall = lines.length > 0 && Math.min(main.width, small.width) < ONE_ROW;
  const [own, theirs] = [inside(main, isTall), inside(small, isTall)];
  const shown = now(item, view, seen, own, size);
  // The same camera in two runs is compared by the eye: both at one scale.
  const alike =
    earlier && main === small && size === "fit" && beside.some(({ kind }) => kind === "earlier")
      ? Math.min(scaleFor(shown.crop, own, size), scaleFor(earlier.crop, theirs, size))
      : undefined;
  const layout = [
    isMany(beside.length + 1) ? "stage-many" : isWide ? "stage-wide" : "",
    isTall ? "stage-tall" : "",
  ].join(" ");
  return (
    <div class={`stage ${layout}`} ref={place} data-item={item.id}>
      {room.width > 0 && (
        <>
          <Pane
            shown={shown}
            room={own}
            size={size}
            scale={alike}
            caption={captionOf(t("now"), seen.camera)}
            label={kindName(item)}
            box={settings().evidence ? seen.box : null}
            lines={lines}
          />
          {beside.map((one) => (
            <Beside
              key={keyOf(one)}
              item={item}
              one={one}
              room={theirs}
              size={size}
              scale={one.kind === "earlier" ? alike : undefined}
            />
          ))}
        </>
      )}
    </div>
  );
}

function keyOf(one: Companion): string {
  if (one.kind === "view") return `view ${one.view}`;
  return one.kind === "earlier" ? "earlier" : "camera";
}

function captionOf(what: string, camera: string): string {
  return [what, t("camera"), camera].join(" ");
}

interface BesideProps {
  item: ItemDetail;
  one: Companion;
  room: Room;
  size: Size;
  scale?: number | undefined;
}

function Beside({ item, one, room, size, scale }: BesideProps) {
  const { evidence, brighten } = settings();
  if (one.kind === "earlier") {
    const { earlier } = one;
    return (
      <Pane
        shown={before(earlier, room, size)}
        room={room}
        size={size}
        scale={scale}
        caption={captionOf(`${t("earlier_run")} ${earlier.date || earlier.run}`, earlier.camera)}
        label={t("earlier_runs")}
        box={evidence ? earlier.box : null}
        lines={[]}
      />
    );
  }
  if (one.kind === "camera") {
    const { frame_id, camera, width, height } = one.shot;
    const crop = { x0: 0, y0: 0, width, height };
    return (
      <Pane
        shown={{ src: frameCropUrl(frame_id, crop, { maxSide: WHOLE, brighten }), crop }}
        room={room}
        size="fit"
        caption={captionOf(t("whole_photograph"), camera)}
        label={t("other_cameras")}
        box={null}
        lines={[]}
      />
    );
  }
  const seen = item.seen_in[one.view];
  if (!seen) return null;
  return (
    <Pane
      shown={now(item, one.view, seen, room, size)}
      room={room}
      size={size}
      caption={captionOf(t("view_number", { number: one.view + 1 }), seen.camera)}
      label={kindName(item)}
      box={evidence ? seen.box : null}
      lines={evidence ? linesOf(seen) : []}
    />
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
  /** Where another one than fits is wanted. */
  scale?: number | undefined;
}

function Pane({ shown, room, size, caption, label, box, lines, ...wanted }: PaneProps) {
  const scale = wanted.scale ?? scaleFor(shown.crop, room, size);
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

/** What is left of a room for the picture itself. */
function inside({ width, height }: Room, isTall: boolean): Room {
  return { width: width - 2, height: height - CAPTION - (isTall ? LEGEND : 0) };
}

export function linesOf(view: View): Line[] {
  return distinct(view.evidence.flatMap(({ lines }) => lines));
}

/** The pictures that an item needs, to be fetched before it is shown. */
export function picturesOf(item: ItemDetail): string[] {
  const { brighten, views } = settings();
  const [leading] = item.seen_in;
  const [earlier] = item.earlier;
  const beside = views && (innerWidth >= MUCH || !earlier) ? item.seen_in.slice(1, 4) : [];
  return [
    cropUrl(item, 0, { brighten }),
    ...beside.map((_, i) => cropUrl(item, i + 1, { brighten })),
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
