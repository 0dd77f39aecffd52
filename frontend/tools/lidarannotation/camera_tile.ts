/** One camera's image with the cuboids projected into it; a click selects, the wheel zooms. */
import { cuboidEdges } from "../../geometry/camera";
import { SELECTED_COLOR } from "../../styles/palette";
import { fit, pan, toImage, toScreen, zoomAt, type Size, type View } from "../../viewports/image/view";
import { pixelRatio } from "../../viewports/pointcloud/renderer";
import type { ShownCuboid } from "../../viewports/pointcloud/shapes";
import type { CameraImage } from "../../workbench/types";
import { boundsOf, closeTo, cuboidInImage, frontFace, inside } from "./image_order";
import type { Pictures } from "./pictures";
import type { LidarTool } from "./tool";

const CLICK_PIXELS = 4;

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
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.draw();
    });
  }

  private get screen(): Size {
    return { width: this.element.clientWidth || 1, height: this.element.clientHeight || 1 };
  }

  private viewOf(image: CameraImage): View {
    if (this.own) return this.own;
    const { screen } = this;
    const cuboid = this.close ? this.tool.selectedCuboid.peek() : null;
    const bounds = cuboid && boundsOf(cuboidEdges(image, cuboid));
    const seen = bounds && inside(bounds, image);
    if (seen) return closeTo(seen, image, screen, this.shown);
    const scale = Math.min(screen.width / image.width, screen.height / image.height);
    return { scale, x: (screen.width - image.width * scale) / 2, y: (screen.height - image.height * scale) / 2 };
  }

  private draw(): void {
    const { image, screen, canvas } = this;
    const ratio = pixelRatio();
    const [width, height] = [Math.round(screen.width * ratio), Math.round(screen.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    if (!context) return;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, screen.width, screen.height);
    if (!image) return;
    const view = (this.shown = this.viewOf(image));
    const picture = this.pictures.get(image.url);
    this.caption.textContent = picture ? image.camera : `${image.camera}: ${this.pictures.hasFailed(image.url) ? "the image did not load" : "loading"}`;
    context.imageSmoothingEnabled = view.scale < 3;
    if (picture) context.drawImage(picture, view.x, view.y, image.width * view.scale, image.height * view.scale);
    for (const shown of this.tool.shown.peek()) if (!shown.selected) this.paint(context, image, view, shown);
    for (const shown of this.tool.shown.peek()) if (shown.selected) this.paint(context, image, view, shown);
  }

  private paint(context: CanvasRenderingContext2D, image: CameraImage, view: View, shown: ShownCuboid): void {
    const edges = cuboidEdges(image, shown.cuboid);
    const bounds = boundsOf(edges);
    if (!bounds || !inside(bounds, image)) return;
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
