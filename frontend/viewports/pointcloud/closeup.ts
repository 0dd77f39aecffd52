/** A view along one of the selected cuboid's own axes, of what is near it, where its edges are dragged into place. */
import { OrthographicCamera, Vector3, type Camera } from "three";
import type { Cuboid } from "../../geometry/cuboid";
import type { Scope } from "../../workbench/scope";
import type { Vec3 } from "../../workbench/types";
import { dragged, fitted, FRAMES, handleAt, outline, TURN_AWAY, worldAxis, type CloseUpAxis, type Flat, type Handle } from "./closeup_edit";
import { ViewPane, type Pointer, type Size } from "./pane";
import type { NearPoints } from "./near_points";
import type { Picture, Renderer } from "./renderer";
import type { PointScene } from "./scene";
import { relative } from "./shapes";
import { setAttributes, svg } from "./svg";

/** Points this much outside of the cuboid are still shown, in metres and as a share of its depth. */
const SLAB = 0.5;
const SLAB_SHARE = 0.1;
const ZOOM_MIN = 0.15;
const ZOOM_MAX = 2.5;
const REACH = 8;
const REACH_TOUCH = 14;
/** A click that trembles is no drag. */
const DRAG_PIXELS = 2;
const HANDLE = 7;

const NAMES: Record<CloseUpAxis, string> = { top: "Top", side: "Side", front: "Front" };

interface Drag {
  handle: Handle;
  start: Cuboid;
  from: Flat;
  pointer: number;
  begun: boolean;
}

export class CloseUp {
  /** "start" at the first movement of a drag, then "move" and "end"; a drag that is taken back ends with the cuboid of its start. */
  onEdit: ((phase: "start" | "move" | "end", change: Cuboid) => void) | null = null;
  /** What the view is aligned with: it stays during a drag. */
  private seen: Cuboid | null = null;
  private shown: Cuboid | null = null;
  private drag: Drag | null = null;
  /** Metres from the lower to the upper edge, before the labeler's own zoom. */
  private span: number | null = null;
  private zoom = 1;
  private readonly pane: ViewPane;
  private readonly near: NearPoints;
  private readonly eye = new OrthographicCamera();
  private readonly overlay = svg("svg", "pc-overlay");
  private readonly box = svg("polygon", "pc-outline");
  private readonly stem = svg("line", "pc-outline");
  private readonly knob = svg("circle", "pc-handle");
  private readonly handles = svg("path", "pc-handle");

  constructor(
    private readonly host: HTMLElement,
    private readonly scene: PointScene,
    private readonly axis: CloseUpAxis,
    renderer: Renderer,
    scope: Scope,
  ) {
    const { near, layer } = scene.addNear();
    this.near = near;
    this.eye.matrixAutoUpdate = false;
    this.eye.layers.enable(layer);
    this.pane = new ViewPane(host, renderer, (size, most) => this.picture(size, most), () => this.resize(), scope);
    const caption = document.createElement("span");
    caption.className = "pc-caption";
    caption.textContent = NAMES[axis];
    this.overlay.append(this.box, this.handles);
    if (axis === "top") this.overlay.append(this.stem, this.knob);
    this.overlay.setAttribute("aria-hidden", "true");
    host.append(this.overlay, caption);
    this.listen(scope);
    scope.add(() => {
      this.overlay.remove();
      caption.remove();
    });
    this.follow(null);
  }

  follow(cuboid: Cuboid | null): void {
    this.shown = cuboid;
    if (!cuboid) this.drag = null;
    if (!this.drag) this.align();
    this.host.classList.toggle("is-empty", !cuboid);
    this.refresh();
  }

  private resize(): void {
    this.span = null;
    if (!this.drag) this.align();
    this.refresh();
  }

  private align(): void {
    this.seen = this.shown;
    if (this.seen) this.span = fitted(this.seen, this.axis, this.aspect(), this.span);
  }

  private refresh(moving = false): void {
    if (!this.shown || !this.seen) return;
    this.drawOverlay(outline(this.seen, this.axis, this.shown).map((corner) => this.toPixels(corner)));
    this.pane.request(moving);
  }

  private drawOverlay(corners: Array<{ x: number; y: number }>): void {
    const { width, height } = this.pane.size;
    setAttributes(this.overlay, { viewBox: `0 0 ${width} ${height}` });
    setAttributes(this.box, { points: corners.map(({ x, y }) => `${x},${y}`).join(" ") });
    const middles = corners.map((corner, i) => middle(corner, corners[(i + 1) % 4]!));
    const square = ({ x, y }: { x: number; y: number }) => `M${x - HANDLE / 2} ${y - HANDLE / 2}h${HANDLE}v${HANDLE}h${-HANDLE}z`;
    setAttributes(this.handles, { d: [...corners, ...middles].map(square).join("") });
    const front = middles[2]!;
    const center = middle(corners[0]!, corners[2]!);
    const length = Math.hypot(front.x - center.x, front.y - center.y) || 1;
    const tip = { x: front.x + ((front.x - center.x) / length) * TURN_AWAY, y: front.y + ((front.y - center.y) / length) * TURN_AWAY };
    setAttributes(this.stem, { x1: center.x, y1: center.y, x2: tip.x, y2: tip.y });
    setAttributes(this.knob, { cx: tip.x, cy: tip.y, r: HANDLE * 0.7 });
  }

  private listen(scope: Scope): void {
    scope.listen<PointerEvent>(this.host, "pointerdown", (event) => this.down(event));
    scope.listen<PointerEvent>(this.host, "pointermove", (event) => this.move(event));
    scope.listen<PointerEvent>(this.host, "pointerup", (event) => this.finish(event, false));
    scope.listen<PointerEvent>(this.host, "pointercancel", (event) => this.finish(event, true));
    scope.listen<WheelEvent>(this.host, "wheel", (event) => this.wheel(event), { passive: false });
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0 || this.drag || !this.shown) return;
    const handle = this.handleUnder(event);
    if (!handle) return;
    this.drag = { handle, start: this.shown, from: this.toMetres(event), pointer: event.pointerId, begun: false };
    if (event.isTrusted) this.host.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const { drag } = this;
    if (!drag) {
      this.host.style.cursor = cursorOf(this.handleUnder(event));
      return;
    }
    if (event.pointerId !== drag.pointer) return;
    const to = this.toMetres(event);
    const pixels = Math.hypot(to.right - drag.from.right, to.up - drag.from.up) * this.scale();
    if (!drag.begun && pixels < DRAG_PIXELS) return;
    // With each picture, not with each of a mouse's many reports.
    this.scene.pace.before(() => this.drag === drag && this.pull(drag, to));
  }

  private pull(drag: Drag, to: Flat): void {
    const change = dragged(drag.start, this.axis, drag.handle, drag.from, to);
    if (!drag.begun) {
      drag.begun = true;
      this.onEdit?.("start", change);
    }
    this.change("move", change);
  }

  private finish(event: PointerEvent, takenBack: boolean): void {
    const { drag } = this;
    if (!drag || event.pointerId !== drag.pointer) return;
    this.scene.pace.flush();
    const change = takenBack ? drag.start : dragged(drag.start, this.axis, drag.handle, drag.from, this.toMetres(event));
    this.drag = null;
    if (drag.begun) this.change("end", change);
    this.align();
    this.refresh();
  }

  private change(phase: "move" | "end", change: Cuboid): void {
    this.shown = change;
    this.refresh(true);
    this.onEdit?.(phase, change);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.zoom = Math.min(ZOOM_MAX, Math.max(ZOOM_MIN, this.zoom * Math.exp((event.deltaY * lines) / (event.ctrlKey ? 150 : 500))));
    this.refresh(true);
  }

  private handleUnder(event: PointerEvent): Handle | null {
    if (!this.shown) return null;
    const scale = this.scale();
    const { right, up } = FRAMES[this.axis];
    const half = { right: (this.shown.dimensions[right[0]] / 2) * scale, up: (this.shown.dimensions[up[0]] / 2) * scale };
    const place = this.toMetres(event);
    const reach = event.pointerType === "touch" ? REACH_TOUCH : REACH;
    return handleAt({ right: place.right * scale, up: place.up * scale }, half, this.axis === "top", reach);
  }

  private aspect(): number {
    return this.pane.size.width / this.pane.size.height;
  }

  /** Pixels per metre. */
  private scale(): number {
    return this.pane.size.height / ((this.span ?? 1) * this.zoom);
  }

  private toPixels({ right, up }: Flat): { x: number; y: number } {
    const { width, height } = this.pane.size;
    return { x: width / 2 + right * this.scale(), y: height / 2 - up * this.scale() };
  }

  private toMetres(event: Pointer): Flat {
    const { width, height } = this.pane.size;
    const { x, y } = this.pane.locate(event);
    return { right: (x - width / 2) / this.scale(), up: (height / 2 - y) / this.scale() };
  }

  private picture(size: Size, pointsMost: number): Picture | null {
    const { seen, shown } = this;
    if (!seen || !shown) return null;
    this.near.cover(this.scene.frame, this.boxSeen(seen, size));
    return { camera: this.setUpCamera(seen, size), ...this.near.limit(pointsMost) };
  }

  /** From the middle of the cuboid to where the view begins, in metres: what is much farther away is not shown. */
  private away(seen: Cuboid): number {
    const depth = seen.dimensions[FRAMES[this.axis].back[0]];
    return depth / 2 + SLAB + depth * SLAB_SHARE;
  }

  /** What the view shows of the world. */
  private boxSeen(seen: Cuboid, { width, height }: Size): Cuboid {
    const { right, up, back } = FRAMES[this.axis];
    const dimensions: Vec3 = [0, 0, 0];
    dimensions[right[0]] = width / this.scale();
    dimensions[up[0]] = height / this.scale();
    dimensions[back[0]] = 2 * this.away(seen);
    return { ...seen, dimensions };
  }

  private setUpCamera(seen: Cuboid, { width, height }: Size): Camera {
    const { eye } = this;
    const { right, up, back } = FRAMES[this.axis];
    const [r, u, b] = [right, up, back].map((axis) => worldAxis(seen, axis)) as [Vec3, Vec3, Vec3];
    const center = relative(seen.position, this.scene.origin);
    eye.matrix
      .makeBasis(new Vector3(...r), new Vector3(...u), new Vector3(...b))
      .setPosition(new Vector3(...b).multiplyScalar(this.away(seen)).add(new Vector3(...center)));
    eye.matrixWorldNeedsUpdate = true;
    eye.top = height / 2 / this.scale();
    eye.bottom = -eye.top;
    eye.right = width / 2 / this.scale();
    eye.left = -eye.right;
    eye.near = 0;
    eye.far = 2 * this.away(seen);
    eye.updateProjectionMatrix();
    return eye;
  }
}

function middle(a: { x: number; y: number }, b: { x: number; y: number }): { x: number; y: number } {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
}

function cursorOf(handle: Handle | null): string {
  if (!handle) return "";
  if (handle.kind === "turn") return "grab";
  if (!handle.right && !handle.up) return "move";
  if (!handle.up) return "ew-resize";
  if (!handle.right) return "ns-resize";
  return handle.right === handle.up ? "nesw-resize" : "nwse-resize";
}
