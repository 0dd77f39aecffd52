/** One camera's image with the cuboids projected into it; a click selects, the wheel zooms. */
import { cuboidEdges } from "../../geometry/camera";
import type { Cuboid } from "../../geometry/cuboid";
import { SELECTED_COLOR } from "../../styles/palette";
import { fit, pan, toImage, toScreen, zoomAt, type Size, type View } from "../../viewports/image/view";
import { drawsInSoftware, pixelRatio } from "../../viewports/pointcloud/renderer";
import type { ShownCuboid } from "../../viewports/pointcloud/shapes";
import type { CameraImage } from "../../workbench/types";
import { boundsOf, closeTo, cuboidInImage, frontFace, inside } from "./image_order";
import type { Pictures } from "./pictures";
import type { LidarTool } from "./tool";

const CLICK_PIXELS = 4;
/** Without a graphics card the images follow a drag more slowly, so that the points and close-ups can follow it at once. */
const PAUSE_MS = 100;

type Edges = ReturnType<typeof cuboidEdges>;

/** What of the objects is seen in the image. */
interface Traced {
  shown: ShownCuboid;
  edges: Edges;
}

/** What the canvas shows now. */
interface Drawn {
  image: CameraImage;
  picture: HTMLImageElement | null;
  view: View;
  width: number;
  height: number;
  traced: readonly Traced[];
  hovered: string | null;
}

export class CameraTile {
  readonly element = document.createElement("div");
  image: CameraImage | null = null;
  /** Shows the selected object large. */
  close = false;
  private readonly canvas = document.createElement("canvas");
  private readonly caption = document.createElement("span");
  /** The labeler's own view; null: the whole image, or the object. */
  private own: View | null = null;
  private shown: View | null = null;
  private drag: { id: number; x: number; y: number; moved: boolean } | null = null;
  private waiting = 0;
  private pausing = 0;
  private drawn: Drawn | null = null;
  private edges: { of: CameraImage | null; known: WeakMap<Cuboid, Edges> } = { of: null, known: new WeakMap() };

  constructor(private readonly tool: LidarTool, private readonly pictures: Pictures) {
    const { scope } = tool.session;
    this.element.className = "lidar-camera";
    this.caption.className = "pc-caption";
    this.element.append(this.canvas, this.caption);
    const observer = new ResizeObserver(() => this.request());
    observer.observe(this.element);
    scope.add(() => {
      observer.disconnect();
      cancelAnimationFrame(this.waiting);
      clearTimeout(this.pausing);
    });
    scope.listen<WheelEvent>(this.element, "wheel", (event) => this.wheel(event), { passive: false });
    scope.listen<PointerEvent>(this.element, "pointerdown", (event) => this.down(event));
    scope.listen<PointerEvent>(this.element, "pointermove", (event) => this.move(event));
    scope.listen<PointerEvent>(this.element, "pointerup", (event) => this.up(event));
    scope.listen(this.element, "pointerleave", () => { tool.hovered.value = null; });
    scope.listen(this.element, "dblclick", () => this.reset());
  }

  /** Back to the whole image, or to the object. */
  reset(): void {
    this.own = null;
    this.shown = null;
    this.request();
  }

  request(): void {
    if (this.pausing) return;
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.draw() && drawsInSoftware()) this.pause();
    });
  }

  private pause(): void {
    this.pausing = window.setTimeout(() => {
      this.pausing = 0;
      this.request();
    }, PAUSE_MS);
  }

  private get screen(): Size {
    return { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
  }

  private viewOf(image: CameraImage): View {
    if (this.own) return this.own;
    const { screen } = this;
    const cuboid = this.close ? this.tool.selectedCuboid.peek() : null;
    const bounds = cuboid && boundsOf(this.edgesOf(image, cuboid));
    const seen = bounds && inside(bounds, image);
    if (seen) return closeTo(seen, image, screen, this.shown);
    const scale = Math.min(screen.width / image.width, screen.height / image.height);
    return { scale, x: (screen.width - image.width * scale) / 2, y: (screen.height - image.height * scale) / 2 };
  }

  /** False where the canvas shows it already. */
  private draw(): boolean {
    const { image, screen, canvas } = this;
    const ratio = pixelRatio();
    const [width, height] = [Math.round(screen.width * ratio), Math.round(screen.height * ratio)];
    if (!image) return false;
    const picture = this.pictures.get(image.url);
    this.caption.textContent = picture ? image.camera : `${image.camera}: ${this.pictures.hasFailed(image.url) ? "the image did not load" : "loading"}`;
    const view = this.viewOf(image);
    const now: Drawn = { image, picture, view, width, height, traced: this.traced(image), hovered: this.tool.hovered.peek() };
    this.shown = view;
    if (this.drawn && isSame(this.drawn, now)) return false;
    this.drawn = now;
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    // Many short lines are drawn faster without a graphics card than by a pretended one.
    const context = canvas.getContext("2d", { willReadFrequently: drawsInSoftware() });
    if (!context) return false;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, screen.width, screen.height);
    context.imageSmoothingEnabled = view.scale < 3;
    if (picture) context.drawImage(picture, view.x, view.y, image.width * view.scale, image.height * view.scale);
    for (const one of now.traced) this.paint(context, image, view, one);
    return true;
  }

  /** The objects in the image, the selected one last. */
  private traced(image: CameraImage): Traced[] {
    const found: Traced[] = [];
    for (const shown of this.tool.shown.peek()) {
      const edges = this.edgesOf(image, shown.cuboid);
      const bounds = boundsOf(edges);
      if (bounds && inside(bounds, image)) found.push({ shown, edges });
    }
    return found.sort((a, b) => Number(a.shown.selected) - Number(b.shown.selected));
  }

  /** A cuboid is never changed, only replaced: while one is dragged, the others are projected once. */
  private edgesOf(image: CameraImage, cuboid: Cuboid): Edges {
    if (this.edges.of !== image) this.edges = { of: image, known: new WeakMap() };
    const edges = this.edges.known.get(cuboid) ?? cuboidEdges(image, cuboid);
    this.edges.known.set(cuboid, edges);
    return edges;
  }

  private paint(context: CanvasRenderingContext2D, image: CameraImage, view: View, { shown, edges }: Traced): void {
    const color = shown.selected ? SELECTED_COLOR : shown.color;
    context.beginPath();
    for (const [x1, y1, x2, y2] of edges) {
      const [from, to] = [toScreen(view, { x: x1, y: y1 }), toScreen(view, { x: x2, y: y2 })];
      context.moveTo(from.x, from.y);
      context.lineTo(to.x, to.y);
    }
    context.setLineDash(shown.ghost ? [4, 4] : []);
    const width = shown.selected || shown.id === this.tool.hovered.peek() ? 2 : 1.2;
    // A dark line under the coloured one keeps it readable on any picture.
    for (const [style, wide] of [["#00000066", width + 1.6], [color, width]] as const) {
      context.strokeStyle = style;
      context.lineWidth = wide;
      context.stroke();
    }
    context.setLineDash([]);
    const front = frontFace(image, shown.cuboid).map(([x, y]) => toScreen(view, { x, y }));
    if (!front.length) return;
    context.fillStyle = `${color}40`;
    context.beginPath();
    front.forEach(({ x, y }, i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.fill();
  }

  private locate(event: MouseEvent): { x: number; y: number } {
    const frame = this.element.getBoundingClientRect();
    return { x: event.clientX - frame.left, y: event.clientY - frame.top };
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    if (!this.image || !this.shown) return;
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    const least = fit(this.image, this.screen).scale * 0.9;
    this.own = zoomAt(this.shown, this.locate(event), Math.exp((-event.deltaY * lines) / (event.ctrlKey ? 150 : 400)), least);
    this.request();
  }

  private down(event: PointerEvent): void {
    this.drag = { id: event.pointerId, x: event.clientX, y: event.clientY, moved: false };
    if (event.isTrusted) this.element.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const { drag } = this;
    if (!drag || drag.id !== event.pointerId) {
      this.tool.hovered.value = this.under(event)?.id ?? null;
      return;
    }
    drag.moved ||= Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > CLICK_PIXELS;
    if (!drag.moved || !this.shown) return;
    this.own = pan(this.shown, event.clientX - drag.x, event.clientY - drag.y);
    Object.assign(drag, { x: event.clientX, y: event.clientY });
    this.request();
  }

  private up(event: PointerEvent): void {
    const { drag } = this;
    this.drag = null;
    if (!drag || drag.moved) return;
    const found = this.under(event);
    if (found) this.tool.show(found.id);
  }

  private under(event: MouseEvent): ShownCuboid | null {
    if (!this.image || !this.shown) return null;
    const { x, y } = toImage(this.shown, this.locate(event));
    return cuboidInImage(this.image, this.tool.shown.peek().filter((one) => !one.ghost), x, y);
  }
}

function isSame(a: Drawn, b: Drawn): boolean {
  const views = a.view.scale === b.view.scale && a.view.x === b.view.x && a.view.y === b.view.y;
  const place = a.image === b.image && a.picture === b.picture && a.width === b.width && a.height === b.height;
  if (!views || !place || a.hovered !== b.hovered || a.traced.length !== b.traced.length) return false;
  return a.traced.every(({ shown }, at) => {
    const other = b.traced[at]!.shown;
    return shown.cuboid === other.cuboid && shown.selected === other.selected && shown.color === other.color && shown.ghost === other.ghost;
  });
}
