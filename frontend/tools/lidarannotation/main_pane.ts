/** The main view with its pointer: draws, selects, moves from above; names of objects and what is being drawn lie over it. */
import { effect } from "@preact/signals";
import { corners, type Cuboid } from "../../geometry/cuboid";
import type { PointerPhase } from "../../viewports/pointcloud/gestures";
import type { Pace } from "../../viewports/pointcloud/pace";
import type { PointScene } from "../../viewports/pointcloud/scene";
import { setAttributes, svg } from "../../viewports/pointcloud/svg";
import { MainView } from "../../viewports/pointcloud/view";
import type { LidarTrack, Vec3 } from "../../workbench/types";
import { DrawGesture } from "./draw";
import type { LidarTool } from "./tool";

const CLICK_PIXELS = 4;

interface Move {
  from: Vec3;
  cuboid: Cuboid;
  base: LidarTrack;
  begun: boolean;
  x: number;
  y: number;
}

export class MainPane {
  readonly view: MainView;
  readonly draw: DrawGesture;
  private readonly overlay = svg("svg", "pc-overlay");
  private readonly outline = svg("polygon", "lidar-drawn");
  private readonly arrow = svg("line", "lidar-drawn");
  private readonly names = { selected: document.createElement("span"), hovered: document.createElement("span") };
  private readonly hint = document.createElement("p");
  private pressed: { x: number; y: number } | null = null;
  private moving: Move | null = null;
  private hoverAt: PointerEvent | null = null;
  private waiting = 0;
  private readonly pace: Pace;

  constructor(private readonly host: HTMLElement, private readonly tool: LidarTool, scene: PointScene) {
    const { scope } = tool.session;
    this.pace = scene.pace;
    this.view = new MainView(host, scene, scope);
    this.draw = new DrawGesture(tool, this.view);
    this.overlay.append(this.outline, this.arrow);
    this.overlay.setAttribute("aria-hidden", "true");
    this.hint.className = "lidar-hint";
    for (const name of Object.values(this.names)) name.className = "lidar-name";
    host.append(this.overlay, this.names.hovered, this.names.selected, this.hint);
    this.view.onPointer = (phase, event) => this.pointer(phase, event);
    this.view.onCamera = () => this.refresh();
    tool.bringIntoView = (place) => this.bringIntoView(place);
    scope.listen<PointerEvent>(host, "pointerdown", (event) => { this.pressed = event.button === 0 && !tool.drawing.peek() ? { x: event.clientX, y: event.clientY } : null; });
    scope.listen<PointerEvent>(host, "pointerup", (event) => this.click(event));
    scope.listen(host, "pointerleave", () => this.hover(null));
    scope.add(() => cancelAnimationFrame(this.waiting));
    scope.add(effect(() => this.showState()));
    scope.add(effect(() => {
      void tool.shown.value;
      void tool.hovered.value;
      void this.draw.area.value;
      this.refresh();
    }));
  }

  private showState(): void {
    const { tool } = this;
    const drawing = tool.drawing.value;
    this.host.classList.toggle("is-drawing", drawing);
    this.hint.textContent = `Drag along the ${tool.label.value} from its back to its front, or click back and front. Escape stops.`;
    this.hint.hidden = !drawing;
    if (this.view.isTop !== tool.top.value) this.view.setTop(tool.top.value);
  }

  private pointer(phase: PointerPhase, event: PointerEvent): boolean {
    if (this.draw.pointer(phase, event)) return true;
    if (phase === "down") return this.startMove(event);
    if (this.moving) {
      if (phase === "move") this.pace.before(() => this.dragMove(event));
      else this.endMove();
      return true;
    }
    if (phase === "move") this.hover(event);
    return false;
  }

  /** From above the selected cuboid is dragged itself; in perspective a drag turns the view. */
  private startMove(event: PointerEvent): boolean {
    const cuboid = this.tool.selectedCuboid.peek();
    const base = this.tool.selectedTrack.peek();
    if (!this.tool.top.peek() || !cuboid || !base || this.view.pick(event)?.id !== base.id) return false;
    const from = this.view.groundPoint(event, cuboid.position[2]);
    if (!from) return false;
    this.moving = { from, cuboid, base, begun: false, x: event.clientX, y: event.clientY };
    return true;
  }

  private dragMove(event: PointerEvent): void {
    const { moving } = this;
    const to = moving && this.view.groundPoint(event, moving.cuboid.position[2]);
    if (!moving || !to) return;
    moving.begun ||= Math.hypot(event.clientX - moving.x, event.clientY - moving.y) > CLICK_PIXELS;
    if (!moving.begun) return;
    const [x, y, z] = moving.cuboid.position;
    const position: Vec3 = [x + to[0] - moving.from[0], y + to[1] - moving.from[1], z];
    this.tool.place("move", { ...moving.cuboid, position }, { gesture: "drag-main", base: moving.base });
  }

  private endMove(): void {
    this.pace.flush();
    this.moving = null;
    this.tool.document.history.seal();
  }

  private click(event: PointerEvent): void {
    const { pressed } = this;
    this.pressed = null;
    if (!pressed || Math.hypot(event.clientX - pressed.x, event.clientY - pressed.y) > CLICK_PIXELS) return;
    const id = this.view.pick(event)?.id ?? null;
    if (id === null || !id.startsWith("ghost ")) this.tool.selected.value = id;
  }

  /** Once a frame of the screen at most. */
  private hover(event: PointerEvent | null): void {
    this.hoverAt = event;
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      const id = (this.hoverAt && this.view.pick(this.hoverAt)?.id) ?? null;
      this.tool.hovered.value = id;
      this.host.classList.toggle("is-over", id !== null);
    });
  }

  private bringIntoView(place: Vec3): void {
    const at = this.view.screen(place);
    const { clientWidth, clientHeight } = this.host;
    const seen = at && at.x > 40 && at.y > 40 && at.x < clientWidth - 40 && at.y < clientHeight - 40;
    if (!seen) this.view.lookAt(place);
  }

  private refresh(): void {
    const { tool, view } = this;
    const { clientWidth, clientHeight } = this.host;
    setAttributes(this.overlay, { viewBox: `0 0 ${clientWidth || 1} ${clientHeight || 1}` });
    this.drawArea();
    const shown = tool.shown.peek();
    const put = (name: HTMLElement, id: string | null) => {
      const one = id === null ? undefined : shown.find((other) => other.id === id);
      const middle = one && view.screen(one.cuboid.position);
      name.hidden = !middle;
      if (!one || !middle) return;
      const above = Math.min(...corners(one.cuboid).map((corner) => view.screen(corner)?.y ?? middle.y)) - 4;
      name.textContent = one.ghost ? "in another answer" : tool.document.nameOf(one.id);
      name.style.transform = `translate(${Math.round(middle.x)}px, ${Math.round(above)}px) translate(-50%, -100%)`;
    };
    const selected = tool.selected.peek();
    const hovered = tool.hovered.peek();
    put(this.names.selected, selected);
    put(this.names.hovered, hovered === selected ? null : hovered);
  }

  private drawArea(): void {
    const area = this.draw.area.peek();
    this.overlay.classList.toggle("is-empty", !area);
    if (!area) {
      setAttributes(this.outline, { points: "" });
      setAttributes(this.arrow, { x1: 0, y1: 0, x2: 0, y2: 0 });
      return;
    }
    const flat: Cuboid = { position: [...area.center, this.draw.level], dimensions: [area.length, area.width, 0], yaw: area.yaw };
    const places = corners(flat).slice(0, 4).map((corner) => this.view.screen(corner));
    if (places.every((place) => place !== null)) setAttributes(this.outline, { points: places.map(({ x, y }) => `${x},${y}`).join(" ") });
    const from = this.view.screen(flat.position);
    const to = this.view.screen([flat.position[0] + (Math.cos(area.yaw) * area.length) / 2, flat.position[1] + (Math.sin(area.yaw) * area.length) / 2, this.draw.level]);
    if (from && to) setAttributes(this.arrow, { x1: from.x, y1: from.y, x2: to.x, y2: to.y });
  }
}
