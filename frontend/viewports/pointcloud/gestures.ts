/** Turns pointers into camera moves: one turns or shifts, two fingers shift and zoom. A tool may take a gesture first. */
import type { Scope } from "../../workbench/scope";

export type PointerPhase = "down" | "move" | "up" | "cancel";

export interface CameraMoves {
  /** Asked first; true takes the gesture (at "down"), and all that follows of it goes there. */
  tool(phase: PointerPhase, event: PointerEvent): boolean;
  /** In CSS pixels. */
  turn(right: number, down: number): void;
  pan(right: number, down: number): void;
  zoom(factor: number, event: { clientX: number; clientY: number }): void;
  /** What the left button does when no tool takes it. */
  leftTurns(): boolean;
}

type Owner = "tool" | "turn" | "pan" | "fingers";

interface Place {
  clientX: number;
  clientY: number;
}

export class Gestures {
  private readonly places = new Map<number, Place>();
  private owner: Owner | null = null;

  constructor(
    private readonly host: HTMLElement,
    private readonly moves: CameraMoves,
    scope: Scope,
  ) {
    scope.listen<PointerEvent>(host, "pointerdown", (event) => this.down(event));
    scope.listen<PointerEvent>(host, "pointermove", (event) => this.move(event));
    scope.listen<PointerEvent>(host, "pointerup", (event) => this.end("up", event));
    scope.listen<PointerEvent>(host, "pointercancel", (event) => this.end("cancel", event));
    scope.listen<MouseEvent>(host, "contextmenu", (event) => event.preventDefault());
    scope.listen<WheelEvent>(host, "wheel", (event) => this.wheel(event), { passive: false });
  }

  private down(event: PointerEvent): void {
    this.places.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
    // Fails for pointers that are gone already.
    if (event.isTrusted) this.host.setPointerCapture(event.pointerId);
    if (this.places.size > 1) {
      if (event.pointerType !== "touch") return;
      if (this.owner === "tool") this.moves.tool("cancel", event);
      this.owner = "fingers";
      return;
    }
    this.owner = this.ownerOf(event);
    // The middle button would start the browser's own scrolling.
    if (event.button === 1) event.preventDefault();
  }

  private ownerOf(event: PointerEvent): Owner {
    if (event.button !== 0) return "pan";
    if (this.moves.tool("down", event)) return "tool";
    return this.moves.leftTurns() && !event.shiftKey ? "turn" : "pan";
  }

  private move(event: PointerEvent): void {
    const before = this.places.get(event.pointerId);
    if (!before || this.owner === "tool") {
      this.moves.tool("move", event);
      return;
    }
    const right = event.clientX - before.clientX;
    const down = event.clientY - before.clientY;
    if (this.owner === "turn") this.moves.turn(right, down);
    else if (this.owner === "pan") this.moves.pan(right, down);
    else if (this.owner === "fingers") this.pinch(event, before, right, down);
    this.places.set(event.pointerId, { clientX: event.clientX, clientY: event.clientY });
  }

  private pinch(event: PointerEvent, before: Place, right: number, down: number): void {
    const other = [...this.places].find(([id]) => id !== event.pointerId)?.[1];
    if (!other) return;
    const apart = (place: Place) => Math.hypot(place.clientX - other.clientX, place.clientY - other.clientY);
    const middle = { clientX: (event.clientX + other.clientX) / 2, clientY: (event.clientY + other.clientY) / 2 };
    if (apart(event) > 1) this.moves.zoom(apart(before) / apart(event), middle);
    // Each finger's way is half the middle's.
    this.moves.pan(right / 2, down / 2);
  }

  private end(phase: "up" | "cancel", event: PointerEvent): void {
    if (!this.places.delete(event.pointerId)) return;
    if (this.owner === "tool") this.moves.tool(phase, event);
    // A finger that stays does not go on with something else.
    if (this.places.size === 0 || this.owner === "tool") this.owner = null;
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    // A wheel's notch is some 100 units; a trackpad sends many small ones.
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 30 : 1;
    this.moves.zoom(Math.exp((event.deltaY * lines) / (event.ctrlKey ? 150 : 500)), event);
  }
}
