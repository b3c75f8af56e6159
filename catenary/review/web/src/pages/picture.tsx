// Any photograph at full resolution: findings and parts over it, tone, measuring, drawing.
import { useEffect, useRef } from "preact/hooks";
import { useAnew } from "../anew";
import { api, type Box, type FrameDetail, type ItemDetail, type MastDetail } from "../api";
import { CorrectForm, DrawForm, type FrameItem } from "../boxforms";
import { Grade, KeyButton, Problem, State } from "../controls";
import { follow } from "../follow";
import { useKeys } from "../keys";
import { useLoaded } from "../load";
import { componentName, itemName, kindName, mastName, percent } from "../names";
import { Merged } from "../panel";
import { go, settle, to } from "../place";
import { preload } from "../preload";
import { change, useSettings } from "../settings";
import { Strip } from "../strip";
import { ToneSliders, useToneKeys } from "../tonepanel";
import { type Lie, PhotographViewer, type Spot } from "../viewer";
import { useRight } from "../who";
import { t, told } from "../words";
import { byCamera } from "./masts";

const AHEAD_MS = 600; // after which the neighbours are fetched

type Tool = "move" | "measure" | "draw" | "correct";

export function Picture({ query }: { query: URLSearchParams }) {
  const id = Number(query.get("frame"));
  const chosen = Number(query.get("item")) || null;
  const isFollowing = query.has("follow");
  const frame = useLoaded(`frame ${id}`, () => (id ? api.frame(id) : Promise.resolve(null)));
  // The one before stays until this one is there; keys and tools are about what is on the screen.
  const shown = frame.error ? null : frame.value;
  const mastId = shown?.mast?.id ?? null;
  const mast = useLoaded(`mast ${mastId}`, () =>
    mastId === null ? Promise.resolve(null) : api.mast(mastId),
  );
  // The part that is looked at with all its photographs; it may have been joined with another.
  const part = useLoaded(
    `part ${chosen} ${shown?.items.find((one) => one.id === chosen)?.version}`,
    () => (chosen === null ? Promise.resolve(null) : api.item(chosen)),
  );
  useEffect(() => {
    if (!isFollowing) return;
    return follow((item) => settle(to("picture", { ...item, follow: 1 })));
  }, [isFollowing]);
  if (!id) return <p class="empty">{t("no_picture_named")}</p>;
  return (
    <div class="picture-page">
      <Problem error={frame.error} retry={frame.reload} />
      {shown && (
        <Shown
          frame={shown}
          mast={mast.value}
          chosen={chosen}
          part={part.value?.id === chosen ? part.value : null}
          reload={frame.reload}
        />
      )}
    </div>
  );
}

interface ShownProps {
  frame: FrameDetail;
  mast: MastDetail | null;
  chosen: number | null;
  part: ItemDetail | null;
  reload: () => void;
}

function Shown({ frame, mast, chosen, part, reload }: ShownProps) {
  const { evidence, tone } = useSettings();
  const canDecide = useRight("decide");
  const [tool, setTool] = useAnew<Tool>(frame.id, "move");
  const [stroke, setStroke] = useAnew<[Spot, Spot] | null>(frame.id, null);
  const [message, setMessage] = useAnew(frame.id, "");
  const viewer = useRef<PhotographViewer | null>(null);
  const item = frame.items.find(({ id }) => id === chosen) ?? null;
  const [previousCamera, nextCamera] = neighbours(mast, frame.id);
  const pick = (tool: Tool) => {
    setStroke(null);
    setMessage(tool === "correct" && !item ? t("correct_choose") : "");
    setTool(tool === "correct" && !item ? "move" : tool);
  };
  const toggle = (wanted: Tool) => pick(tool === wanted ? "move" : wanted);
  const view = part?.seen_in.findIndex(({ frame_id }) => frame_id === frame.id) ?? -1;
  const openView = (view: number) => {
    const seen = part?.seen_in[view];
    if (part && seen) settle(to("picture", { frame: seen.frame_id, item: part.id }));
  };
  const open = (id: number | null | undefined) => id && settle(to("picture", { frame: id }));

  useKeys("picture", {
    nextMast: () => open(frame.next),
    previousMast: () => open(frame.previous),
    nextCamera: () => open(nextCamera),
    previousCamera: () => open(previousCamera),
    zoomIn: () => viewer.current?.zoomBy(1.4),
    zoomOut: () => viewer.current?.zoomBy(1 / 1.4),
    fit: () => viewer.current?.showWhole(),
    full: () => viewer.current?.showFull(),
    evidence: () => change({ evidence: !evidence }),
    measure: () => toggle("measure"),
    ...(canDecide ? { draw: () => toggle("draw"), correct: () => toggle("correct") } : {}),
    view: () => openView((view + 1) % (part?.seen_in.length ?? 1)),
    mast: () => frame.mast && go(to("mast", { id: frame.mast.id })),
    cancel: () => pick("move"),
  });
  useToneKeys("picture");
  useEffect(() => {
    // The neighbours are decoded ahead by the server, but not before this one is on the screen.
    const ahead = setTimeout(() => {
      const around = [frame.next, frame.previous].filter((id) => id !== null);
      for (const id of around) void api.frame(id).then(preloadFirst, () => {});
    }, AHEAD_MS);
    return () => clearTimeout(ahead);
  }, [frame.id, frame.next, frame.previous]);

  const saved = (word: "drawn_saved" | "box_saved", changed: ItemDetail) => {
    setStroke(null);
    setTool("move");
    setMessage(t(word, { item: itemName(changed) }));
    reload();
  };

  return (
    <>
      <header class="picture-head">
        <h1>{mastName(frame.mast)}</h1>
        <span>{frame.kilometre}</span>
        <span>
          {t("camera")} {[frame.camera, frame.view].filter(Boolean).join(" ")}
        </span>
        <span class="muted" title={frame.file_name}>
          {frame.run}
          {frame.taken_at && ` · ${frame.taken_at.replace("T", " ").slice(0, 19)}`}
        </span>
        <span class="spacer" />
        {(
          [
            ["previousMast", "previous_mast", frame.previous],
            ["nextMast", "next_mast", frame.next],
            ["previousCamera", "previous_camera", previousCamera],
            ["nextCamera", "next_camera", nextCamera],
          ] as const
        ).map(([action, word, target]) => (
          <KeyButton
            key={action}
            page="picture"
            action={action}
            label={t(word)}
            disabled={!target}
            onPress={() => open(target)}
          />
        ))}
      </header>
      {frame.tiles ? (
        <Canvas
          frame={frame}
          item={item}
          tool={tool}
          stroke={stroke}
          isDrawn={evidence}
          isEven={tone.even}
          onStroke={setStroke}
          onViewer={(made) => {
            viewer.current = made;
          }}
          onChoose={(id) => settle(to("picture", { frame: frame.id, item: id }))}
        />
      ) : (
        <p class="empty">{t("not_decoded", { reason: told(frame.reason) })}</p>
      )}
      <aside class="panel picture-panel" aria-label={t("tools")}>
        <div class="panel-scroll">
          <section class="tools">
            {(["measure", ...(canDecide ? (["draw", "correct"] as const) : [])] as const).map(
              (one) => (
                <KeyButton
                  key={one}
                  page="picture"
                  action={one}
                  label={t(one)}
                  kind={one === "measure" ? "" : "wide"}
                  pressed={tool === one}
                  onPress={() => toggle(one)}
                />
              ),
            )}
            <KeyButton
              page="picture"
              action="evidence"
              label={t("overlays")}
              pressed={evidence}
              onPress={() => change({ evidence: !evidence })}
            />
            <KeyButton
              page="picture"
              action="fit"
              label={t("fit")}
              onPress={() => viewer.current?.showWhole()}
            />
            <KeyButton
              page="picture"
              action="full"
              label="1:1"
              onPress={() => viewer.current?.showFull()}
            />
            <KeyButton
              page="picture"
              action="zoomIn"
              label={t("zoom_in")}
              onPress={() => viewer.current?.zoomBy(1.4)}
            />
            <KeyButton
              page="picture"
              action="zoomOut"
              label={t("zoom_out")}
              onPress={() => viewer.current?.zoomBy(1 / 1.4)}
            />
          </section>
          <p role="status">{message}</p>
          {tool === "measure" && <Measured stroke={stroke} />}
          {tool === "draw" && (
            <DrawForm
              key={frame.id}
              frame={frame}
              box={boxOf(stroke, frame)}
              onSaved={(made) => saved("drawn_saved", made)}
              onCancel={() => pick("move")}
            />
          )}
          {tool === "correct" && item && (
            <CorrectForm
              item={item}
              box={boxOf(stroke, frame)}
              onSaved={(made) => saved("box_saved", made)}
              onCancel={() => pick("move")}
            />
          )}
          {part && <Views part={part} view={view} onView={openView} frame={frame.id} />}
          <section>
            <h2>{t("tone")}</h2>
            <ToneSliders page="picture" />
          </section>
          <ItemList
            frame={frame}
            chosen={item}
            onChoose={(one) => {
              settle(to("picture", { frame: frame.id, item: one.id }));
              viewer.current?.showBox(one.view_box);
            }}
          />
        </div>
      </aside>
    </>
  );
}

interface ViewsProps {
  part: ItemDetail;
  view: number;
  onView: (view: number) => void;
  frame: number;
}

/** Every photograph of the chosen part, and where it went if it is one with another. */
function Views({ part, view, onView, frame }: ViewsProps) {
  const says = told(part.views_say);
  if (part.seen_in.length < 2 && part.merged_into === null) return null;
  return (
    <section class="views" aria-label={t("views")}>
      <Merged item={part} onOpen={(id) => settle(to("picture", { frame, item: id }))} />
      {part.seen_in.length > 1 && (
        <>
          <h2>
            {t("views_of", { kind: kindName(part), count: part.seen_in.length })} <kbd>V</kbd>
          </h2>
          {says && <p class="muted small">{says}</p>}
          <Strip item={part} view={view} onView={onView} />
        </>
      )}
    </section>
  );
}

function neighbours(mast: MastDetail | null, frame: number): [number | null, number | null] {
  const all = byCamera(mast?.photographs ?? []);
  const at = all.findIndex((one) => one.frame_id === frame);
  if (at < 0) return [null, null];
  return [all[at - 1]?.frame_id ?? null, all[at + 1]?.frame_id ?? null];
}

function preloadFirst(frame: FrameDetail): void {
  const { tiles } = frame;
  if (tiles) preload([`api/frames/${frame.id}/tiles/${tiles.min_level}/0_0.jpg`]);
}

/** The box of a drag, inside the photograph and of some size; null while there is none. */
function boxOf(stroke: [Spot, Spot] | null, frame: FrameDetail): Box | null {
  if (!stroke) return null;
  const [[ax, ay], [bx, by]] = stroke;
  const inside = (value: number, most: number) => Math.round(Math.min(most, Math.max(0, value)));
  const box: Box = [
    inside(Math.min(ax, bx), frame.width),
    inside(Math.min(ay, by), frame.height),
    inside(Math.max(ax, bx), frame.width),
    inside(Math.max(ay, by), frame.height),
  ];
  return box[2] - box[0] >= 2 && box[3] - box[1] >= 2 ? box : null;
}

interface CanvasProps {
  frame: FrameDetail;
  item: FrameItem | null;
  tool: Tool;
  stroke: [Spot, Spot] | null;
  isDrawn: boolean;
  isEven: boolean;
  onStroke: (stroke: [Spot, Spot]) => void;
  onViewer: (viewer: PhotographViewer | null) => void;
  onChoose: (item: number) => void;
}

function Canvas(props: CanvasProps) {
  const { frame, item, tool, stroke, isDrawn, isEven, onViewer } = props;
  const element = useRef<HTMLDivElement>(null);
  const overlay = useRef<SVGSVGElement>(null);
  const viewer = useRef<PhotographViewer | null>(null);
  const latest = useRef(props);
  latest.current = props;

  // One viewer for all photographs
  useEffect(() => {
    if (!element.current) return;
    const made = new PhotographViewer(element.current, {
      moved: (lie) => lay(overlay.current, lie),
      dragged: (from, to) => latest.current.onStroke([from, to]),
    });
    viewer.current = made;
    onViewer(made);
    return () => {
      onViewer(null);
      made.close();
    };
  }, []);
  // Opened anew for another photograph only
  useEffect(() => {
    viewer.current?.open(frame, item?.view_box ?? null);
    if (isEven) void viewer.current?.even(true);
  }, [frame.id]);
  useEffect(() => void viewer.current?.even(isEven), [isEven]);
  useEffect(() => {
    if (viewer.current) viewer.current.hasTool = tool !== "move";
  }, [tool]);

  return (
    <div class={`canvas tool-${tool}`}>
      <div class="osd" ref={element} data-frame={frame.id} />
      <svg class="overlay" ref={overlay} aria-hidden="true">
        <g>
          {isDrawn &&
            frame.components.map((one) => (
              <rect key={one.box.join()} class="component" {...rectOf(one.box)} />
            ))}
          {isDrawn &&
            frame.items.map((one, i) => (
              <Mark key={one.id} item={one} number={i + 1} isChosen={one.id === item?.id} />
            ))}
          {stroke && (tool === "measure" ? <Ruler stroke={stroke} /> : <Drawn stroke={stroke} />)}
        </g>
      </svg>
    </div>
  );
}

/** Puts the drawing where the photograph lies; text and strokes keep their size on the screen. */
function lay(overlay: SVGSVGElement | null, { scale, x, y }: Lie): void {
  overlay?.firstElementChild?.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
  overlay?.style.setProperty("--pixel", String(1 / scale));
}

function rectOf([x0, y0, x1, y1]: Box) {
  return { x: x0, y: y0, width: x1 - x0, height: y1 - y0 };
}

function Mark({ item, number, isChosen }: { item: FrameItem; number: number; isChosen: boolean }) {
  const [x0, y0] = item.view_box;
  return (
    <g class={`mark grade-${item.grade ?? 0} ${isChosen ? "chosen" : ""} state-${item.state}`}>
      <rect class="halo" {...rectOf(item.view_box)} />
      <rect class="mark-box" {...rectOf(item.view_box)} />
      <text x={x0} y={y0} class="mark-text">
        {number}
      </text>
    </g>
  );
}

function Drawn({ stroke: [[ax, ay], [bx, by]] }: { stroke: [Spot, Spot] }) {
  const box: Box = [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
  return <rect class="drawn" {...rectOf(box)} />;
}

function Ruler({ stroke: [[ax, ay], [bx, by]] }: { stroke: [Spot, Spot] }) {
  return (
    <>
      <line class="halo" x1={ax} y1={ay} x2={bx} y2={by} />
      <line class="ruler" x1={ax} y1={ay} x2={bx} y2={by} />
      <text class="mark-text" x={bx} y={by}>
        {Math.hypot(bx - ax, by - ay).toFixed(1)} px
      </text>
    </>
  );
}

function Measured({ stroke }: { stroke: [Spot, Spot] | null }) {
  if (!stroke) return <p class="hint">{t("measure_hint")}</p>;
  const [[ax, ay], [bx, by]] = stroke;
  return (
    <p class="hint">
      {t("length_px", {
        length: Math.hypot(bx - ax, by - ay).toFixed(1),
        dx: Math.abs(bx - ax).toFixed(1),
        dy: Math.abs(by - ay).toFixed(1),
      })}
    </p>
  );
}

function ItemList({
  frame,
  chosen,
  onChoose,
}: {
  frame: FrameDetail;
  chosen: FrameItem | null;
  onChoose: (item: FrameItem) => void;
}) {
  return (
    <section>
      <h2>
        {t("on_picture")} ({frame.items.length})
      </h2>
      {frame.items.length === 0 && <p class="muted">{t("no_items_here")}</p>}
      <ol class="item-list">
        {frame.items.map((one) => (
          <li key={one.id} class={one.id === chosen?.id ? "chosen" : ""}>
            <button
              type="button"
              class="link"
              aria-pressed={one.id === chosen?.id}
              onClick={() => onChoose(one)}
            >
              {kindName(one)}
            </button>
            <span class="badges">
              {one.grade !== null && <Grade grade={one.grade} />} <State item={one} />{" "}
              {percent(one.probability)}
              <a href={to("triage", { item: one.id })}>{t("triage")}</a>
            </span>
          </li>
        ))}
      </ol>
      {frame.components.length > 0 && (
        <p class="muted small">
          {t("parts_here")}: {countsOf(frame)}
        </p>
      )}
    </section>
  );
}

function countsOf(frame: FrameDetail): string {
  const counts = new Map<string, number>();
  for (const { component } of frame.components) {
    counts.set(component, (counts.get(component) ?? 0) + 1);
  }
  return [...counts].map(([id, count]) => `${componentName(id)} ${count}`).join(" · ");
}
