/** Turns pointer events into document commands: draw by a drag or two clicks, move, resize, select, pan. It draws nothing. */
import { signal, type Signal } from "@preact/signals";
import type { ImageViewport } from "../../viewports/image/viewport";
import type { Point, Size } from "../../viewports/image/view";
import type { Scope } from "../../workbench/scope";
import type { BoxAnnotation } from "../../workbench/types";
import { boxAt, contains, fromCorners, handleAt, moved, resized, type Handle, type Rectangle } from "./box";
import type { BoxDocument } from "./document";

type Gesture =
  | { kind: "idle" }
  /** Pressed, not yet known whether it is a click or a drag. */
  | { kind: "pressed"; from: Point; hit: BoxAnnotation | null }
  | { kind: "drawing"; from: Point; byClicks: boolean }
  | { kind: "moving"; from: Point; box: BoxAnnotation; handle: Handle | null; name: string }
  | { kind: "panning" };

const CLICK_PIXELS = 4;
const HANDLE_PIXELS = 7;

/** What the pointer needs of a viewport. */
export type PointedViewport = Pick<ImageViewport, "host" | "view" | "locate" | "pan" | "zoomByWheel">;

export class BoxPointer {
  /** The box being drawn, for the viewport. */
  readonly rubber = signal<Rectangle | null>(null);
  /** Where the pointer is in the image, for the cross hair; null outside. */
  readonly place = signal<Point | null>(null);
  /** Held by a key: the pointer pans meanwhile. */
  readonly panKey = signal(false);
  readonly cursor = signal("crosshair");
  private gesture: Gesture = { kind: "idle" };
  private gestures = 0;
  private pressedAt: Point = { x: 0, y: 0 };

  constructor(
    private readonly viewport: PointedViewport,
    private readonly document: BoxDocument,
    private readonly image: Size,
    private readonly selected: Signal<string | null>,
    private readonly label: Signal<string>,
    scope: Scope,
  ) {
    const host = viewport.host;
    scope.listen<PointerEvent>(host, "pointerdown", (event) => this.press(event));
    scope.listen<PointerEvent>(host, "pointermove", (event) => this.move(event));
    scope.listen<PointerEvent>(host, "pointerup", (event) => this.release(event));
    scope.listen<PointerEvent>(host, "pointercancel", () => this.cancel());
    scope.listen(host, "pointerleave", () => { this.place.value = null; });
    scope.listen<WheelEvent>(host, "wheel", (event) => { event.preventDefault(); viewport.zoomByWheel(event); }, { passive: false });
    scope.listen(host, "contextmenu", (event) => event.preventDefault());
  }

  get isDrawing(): boolean {
    return this.gesture.kind === "drawing";
  }

  cancel(): void {
    this.document.history.seal();
    this.gesture = { kind: "idle" };
    this.rubber.value = null;
  }

  private press(event: PointerEvent): void {
    this.viewport.host.focus({ preventScroll: true });
    this.viewport.host.setPointerCapture(event.pointerId);
    this.pressedAt = { x: event.clientX, y: event.clientY };
    const at = this.viewport.locate(event);
    if (event.button !== 0 || this.panKey.peek()) this.gesture = { kind: "panning" };
    else if (this.gesture.kind === "drawing") return;
    else this.gesture = this.grip(at, event.shiftKey) ?? { kind: "pressed", from: at, hit: event.shiftKey ? null : boxAt(this.document.boxes.peek(), at) };
  }

  private move(event: PointerEvent): void {
    const at = this.viewport.locate(event);
    this.place.value = at;
    const gesture = this.gesture;
    switch (gesture.kind) {
      case "panning":
        return this.viewport.pan(event.movementX, event.movementY);
      case "pressed":
        if (this.isClick(event)) return;
        this.gesture = { kind: "drawing", from: gesture.from, byClicks: false };
        this.rubber.value = fromCorners(gesture.from, at, this.image);
        return;
      case "drawing":
        this.rubber.value = fromCorners(gesture.from, at, this.image);
        return;
      case "moving":
        return this.drag(gesture, at);
      case "idle":
        this.cursor.value = this.cursorAt(at, event.shiftKey);
    }
  }

  private release(event: PointerEvent): void {
    const gesture = this.gesture;
    if (gesture.kind === "pressed") {
      if (gesture.hit) {
        this.selected.value = gesture.hit.id;
        this.gesture = { kind: "idle" };
      } else {
        // A click on nothing is the first corner; the second click, anywhere, is the other.
        this.selected.value = null;
        this.gesture = { kind: "drawing", from: gesture.from, byClicks: true };
      }
      return;
    }
    if (gesture.kind === "drawing") return this.finish(gesture, this.viewport.locate(event), event);
    this.cancel();
  }

  private finish(gesture: Gesture & { kind: "drawing" }, at: Point, event: PointerEvent): void {
    const rectangle = fromCorners(gesture.from, at, this.image);
    // The release that belongs to the first click, or a double click: the second corner is still to come.
    const size = Math.max(rectangle.width, rectangle.height) * this.viewport.view.peek().scale;
    if (gesture.byClicks && size < CLICK_PIXELS && this.isClick(event)) return;
    this.cancel();
    if (rectangle.width > 0 && rectangle.height > 0) this.selected.value = this.document.add(this.label.peek(), rectangle);
  }

  private grip(at: Point, drawOnly: boolean): Gesture | null {
    const box = this.document.find(this.selected.peek());
    if (!box || drawOnly) return null;
    const handle = handleAt(box, at, HANDLE_PIXELS / this.viewport.view.peek().scale);
    if (!handle && !contains(box, at)) return null;
    this.gestures += 1;
    return { kind: "moving", from: at, box, handle, name: `drag-${this.gestures}` };
  }

  private drag(gesture: Gesture & { kind: "moving" }, at: Point): void {
    const dx = at.x - gesture.from.x;
    const dy = at.y - gesture.from.y;
    const place = gesture.handle ? resized(gesture.box, gesture.handle, dx, dy, this.image) : moved(gesture.box, dx, dy, this.image);
    this.document.place(gesture.box.id, place, gesture.name);
  }

  private isClick(event: PointerEvent): boolean {
    return Math.hypot(event.clientX - this.pressedAt.x, event.clientY - this.pressedAt.y) < CLICK_PIXELS;
  }

  private cursorAt(at: Point, drawOnly: boolean): string {
    if (this.panKey.peek()) return "grab";
    const box = this.document.find(this.selected.peek());
    if (!box || drawOnly) return "crosshair";
    const handle = handleAt(box, at, HANDLE_PIXELS / this.viewport.view.peek().scale);
    if (handle) return `${handle}-resize`;
    return contains(box, at) ? "move" : "crosshair";
  }
}
