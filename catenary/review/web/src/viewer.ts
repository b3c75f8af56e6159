// The deep-zoom viewer of one photograph: tiles from the server, places told in its pixels.
import OpenSeadragon from "openseadragon";
import { type Box, type FrameDetail, frameCropUrl, tileUrl } from "./api";
import { type EvenLight, evenOut, learnEvenLight } from "./tone";

export type Spot = [x: number, y: number];

/** How the photograph lies on the screen: screen = photograph * scale + (x, y). */
export interface Lie {
  scale: number;
  x: number;
  y: number;
}

export interface Watcher {
  /** The photograph moved under the screen. */
  moved(lie: Lie): void;
  /** A tool was dragged; the last call of a drag is `isDone`. */
  dragged(from: Spot, to: Spot, isDone: boolean): void;
}

const LEARNT_FROM = 768; // px of the longer side: enough for the histograms of a grid of 8 by 6

export class PhotographViewer {
  /** While a tool is out, dragging draws instead of moving the photograph. */
  hasTool = false;

  private readonly viewer: OpenSeadragon.Viewer;
  private frame: FrameDetail | null = null;
  private light: EvenLight | null = null;
  private from: Spot | null = null;

  constructor(
    element: HTMLElement,
    private readonly watcher: Watcher,
  ) {
    standInForStyle();
    this.viewer = OpenSeadragon({
      element,
      drawer: drawsByGpu() ? ["webgl", "canvas"] : ["canvas"],
      showNavigationControl: false,
      showNavigator: true,
      navigatorPosition: "BOTTOM_LEFT",
      navigatorAutoFade: false,
      animationTime: 0.25,
      springStiffness: 12,
      maxZoomPixelRatio: 8,
      minZoomImageRatio: 0.8,
      visibilityRatio: 0.4,
      zoomPerScroll: 1.3,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
      // The page has its own keys.
      keyboardNavEnabled: false,
      tabIndex: -1,
    });
    this.viewer.addHandler("update-viewport", () => this.tellLie());
    this.viewer.addHandler("open", () => this.tellLie());
    this.viewer.addHandler("canvas-press", (event) => {
      this.from = this.hasTool ? this.spot(event.position) : null;
    });
    this.viewer.addHandler("canvas-drag", (event) => {
      if (!this.from) return;
      event.preventDefaultAction = true;
      this.watcher.dragged(this.from, this.spot(event.position), false);
    });
    this.viewer.addHandler("canvas-drag-end", (event) => {
      if (!this.from) return;
      event.preventDefaultAction = true;
      this.watcher.dragged(this.from, this.spot(event.position), true);
      this.from = null;
    });
    this.viewer.addHandler("tile-invalidated", (event) => this.evenOutTile(event));
  }

  /** Shows a photograph, at once around `box` if there is one. */
  open(frame: FrameDetail, box: Box | null): void {
    const { tiles } = frame;
    this.frame = frame;
    this.light = null;
    if (!tiles) {
      this.viewer.close();
      return;
    }
    this.viewer.addOnceHandler("open", () => {
      // Not of one that was passed over before it was open
      if (box && frame === this.frame) this.showBox(box, true);
    });
    this.viewer.open({
      width: frame.width,
      height: frame.height,
      tileSize: tiles.size,
      tileOverlap: tiles.overlap,
      minLevel: tiles.min_level,
      maxLevel: tiles.max_level,
      getTileUrl: (level: number, x: number, y: number) => tileUrl(frame.id, level, x, y),
    } as never);
  }

  showBox([x0, y0, x1, y1]: Box, isAtOnce = false): void {
    if (!this.viewer.isOpen()) return;
    // Four times as much around it, but never more than 2:1.
    const side = Math.max(x1 - x0, y1 - y0) * 2;
    const { viewport } = this.viewer;
    const place = viewport.imageToViewportRectangle(
      (x0 + x1) / 2 - side,
      (y0 + y1) / 2 - side,
      2 * side,
      2 * side,
    );
    viewport.fitBounds(place, isAtOnce);
    const most = viewport.imageToViewportZoom(2);
    if (viewport.getZoom() > most) viewport.zoomTo(most, undefined, isAtOnce);
  }

  zoomBy(factor: number): void {
    this.viewer.viewport.zoomBy(factor).applyConstraints();
  }

  showWhole(): void {
    this.viewer.viewport.goHome();
  }

  showFull(): void {
    const { viewport } = this.viewer;
    viewport.zoomTo(viewport.imageToViewportZoom(1));
  }

  /** Evens out the contrast of the whole photograph, or shows it as it is again. */
  async even(isEven: boolean): Promise<void> {
    const { frame } = this;
    if (!frame || isEven === (this.light !== null)) return;
    const light = isEven ? await learnFrom(frame) : null;
    if (frame !== this.frame) return; // another photograph came meanwhile
    this.light = light;
    await this.viewer.requestInvalidate();
  }

  close(): void {
    this.viewer.destroy();
  }

  private spot(position: OpenSeadragon.Point): Spot {
    const { x, y } = this.viewer.viewport.viewerElementToImageCoordinates(position);
    return [x, y];
  }

  private tellLie(): void {
    if (!this.viewer.isOpen() || !this.frame) return;
    const at = (x: number) =>
      this.viewer.viewport.imageToViewerElementCoordinates(new OpenSeadragon.Point(x, 0));
    const origin = at(0);
    const scale = (at(this.frame.width).x - origin.x) / this.frame.width;
    this.watcher.moved({ scale, x: origin.x, y: origin.y });
  }

  private async evenOutTile(event: OpenSeadragon.TileInvalidatedEvent): Promise<void> {
    const { light, frame } = this;
    if (!light || !frame) return;
    const context: CanvasRenderingContext2D | undefined = await event.getData("context2d");
    if (!context) return;
    const { width, height } = context.canvas;
    const pixels = context.getImageData(0, 0, width, height);
    // OpenSeadragon measures tiles in widths of the photograph.
    const { x, y, width: across, height: down } = event.tile.bounds;
    const shape = frame.height / frame.width;
    const part = { x0: x, y0: y / shape, x1: x + across, y1: (y + down) / shape };
    evenOut(pixels.data, width, height, part, light);
    context.putImageData(pixels, 0, 0);
    await event.setData(context, "context2d");
  }
}

async function learnFrom(frame: FrameDetail): Promise<EvenLight | null> {
  const whole = { x0: 0, y0: 0, width: frame.width, height: frame.height };
  const image = new Image();
  image.src = frameCropUrl(frame.id, whole, { maxSide: LEARNT_FROM });
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return null;
  context.drawImage(image, 0, 0);
  const { data, width, height } = context.getImageData(0, 0, canvas.width, canvas.height);
  const grey = Uint8Array.from({ length: width * height }, (_, i) => data[4 * i] ?? 0);
  return learnEvenLight(grey, width, height);
}

/** Whether WebGL is drawn by a GPU; without one (remote desktops) the plain canvas is smoother. */
function drawsByGpu(): boolean {
  const gl = document.createElement("canvas").getContext("webgl2");
  const told = gl?.getExtension("WEBGL_debug_renderer_info");
  const name = gl && told ? String(gl.getParameter(told.UNMASKED_RENDERER_WEBGL)) : "";
  gl?.getExtension("WEBGL_lose_context")?.loseContext();
  return gl !== null && !/swiftshader|llvmpipe|software|basic render/i.test(name);
}

/**
 * OpenSeadragon adds a style element for telephones, which the content security policy forbids,
 * unless it finds one. This one is no style: it only has the name.
 */
function standInForStyle(): void {
  const mark = "data-openseadragon-mobile-css";
  if (document.querySelector(`style[${mark}]`)) return;
  const stand = document.createElementNS("about:none", "style");
  stand.setAttribute(mark, "true");
  document.head.append(stand);
}
