/** Drawing a cuboid on the ground by one drag or two clicks, in perspective or from above. */
import { signal } from "@preact/signals";
import { groundHeight } from "../../viewports/pointcloud/frame";
import type { PointerPhase } from "../../viewports/pointcloud/gestures";
import type { MainView } from "../../viewports/pointcloud/view";
import type { Vec3 } from "../../workbench/types";
import { footprintOf, type Footprint } from "./fit";
import { sizeRule } from "./sizes";
import type { LidarTool } from "./tool";

/** A click that trembles is no drag. */
const DRAG_PIXELS = 6;
const GROUND_RADIUS = 3;

export class DrawGesture {
  /** What is drawn so far. */
  readonly area = signal<Footprint | null>(null);
  level = 0;
  private start: { place: Vec3; x: number; y: number } | null = null;
  private pressed = false;

  constructor(private readonly tool: LidarTool, private readonly view: MainView) {}

  /** True takes the gesture from the camera. */
  pointer(phase: PointerPhase, event: PointerEvent): boolean {
    if (!this.tool.drawing.peek()) return false;
    switch (phase) {
      case "down": return this.down(event);
      case "move": return this.move(event);
      case "up": return this.up(event);
      case "cancel": this.reset(); return true;
    }
  }

  /** True when there was something to stop. */
  cancel(): boolean {
    const was = this.tool.drawing.peek();
    this.reset();
    this.tool.drawing.value = false;
    return was;
  }

  /** For drawing by keys alone: where the view looks, in the label's usual size, then fitted. */
  inMiddle(): void {
    const [x, y] = this.view.target;
    const { usual } = sizeRule(this.tool.label.peek());
    const yaw = this.view.yaw;
    this.level = this.groundAt(x, y);
    const half = [Math.cos(yaw) * usual[0] * 0.55, Math.sin(yaw) * usual[0] * 0.55] as const;
    this.finish(footprintOf([x - half[0], y - half[1], 0], [x + half[0], y + half[1], 0], usual));
  }

  private down(event: PointerEvent): boolean {
    this.pressed = true;
    if (this.start) {
      this.move(event);
      return true;
    }
    const place = this.groundUnder(event);
    if (!place) {
      this.tool.session.announce("There is no ground here: draw below the horizon.");
      return true;
    }
    this.level = place[2];
    this.start = { place, x: event.clientX, y: event.clientY };
    return true;
  }

  private move(event: PointerEvent): boolean {
    if (!this.start) return false;
    const place = this.view.groundPoint(event, this.level);
    if (place) this.area.value = footprintOf(this.start.place, place, sizeRule(this.tool.label.peek()).usual);
    return true;
  }

  private up(event: PointerEvent): boolean {
    if (!this.start || !this.pressed) return true;
    this.pressed = false;
    const dragged = Math.hypot(event.clientX - this.start.x, event.clientY - this.start.y) > DRAG_PIXELS;
    // A first click: the second one is still to come.
    if (!dragged) return true;
    this.move(event);
    if (this.area.peek()) this.finish(this.area.peek()!);
    return true;
  }

  private finish(area: Footprint): void {
    const { level } = this;
    this.reset();
    this.tool.drawing.value = false;
    this.tool.draw(area, level);
  }

  private reset(): void {
    this.start = null;
    this.pressed = false;
    this.area.value = null;
  }

  /** The ground where the pointer meets it: found at the height of the device's own ground first, then at the place's own. */
  private groundUnder(event: PointerEvent): Vec3 | null {
    const [x, y] = this.tool.current.peek().device.position;
    const first = this.view.groundPoint(event, this.groundAt(x, y));
    return first && this.view.groundPoint(event, this.groundAt(first[0], first[1]));
  }

  private groundAt(x: number, y: number): number {
    const frame = this.tool.store.get(this.tool.frame.peek());
    const [dx, dy, dz] = this.tool.current.peek().device.position;
    const near = frame && (groundHeight(frame, x, y, GROUND_RADIUS) ?? groundHeight(frame, dx, dy, 4 * GROUND_RADIUS));
    return near ?? dz - 1.8;
  }
}
