/** The 2D box tool: puts the document, the viewport, the pointer, the keys and the panels together. */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { h, render } from "preact";
import { classColor, SELECTED_COLOR } from "../../styles/palette";
import { reveal, type Size } from "../../viewports/image/view";
import { ImageViewport } from "../../viewports/image/viewport";
import type { Definitions } from "../../workbench/attribute_rules";
import type { MountTool, Problem, Tool, WorkSession } from "../../workbench/tool";
import type { BoxAnnotation, ImageAnswer, ImageSubtask, LabelChoice } from "../../workbench/types";
import { fromCorners, moved, type Rectangle } from "./box";
import { problemsOf } from "./checks";
import { load, type BoxDocument } from "./document";
import { paintBoxes, paintCrossHair, paintRubber, paintSelected } from "./drawing";
import { bindKeys } from "./keys";
import { Rail, Side } from "./panels";
import { BoxPointer } from "./pointer";

export class BoxTool implements Tool<ImageAnswer> {
  readonly document: BoxDocument;
  readonly labels: readonly LabelChoice[];
  readonly definitions: Definitions;
  readonly image: Size;
  readonly label;
  readonly selected = signal<string | null>(null);
  readonly hovered = signal<string | null>(null);
  readonly problems: ReadonlySignal<readonly Problem[]>;
  readonly viewport: ImageViewport;
  readonly pointer: BoxPointer;
  private copied: BoxAnnotation | null = null;

  constructor(host: HTMLElement, readonly session: WorkSession<ImageAnswer, ImageSubtask>) {
    const { subtask, history, scope } = session;
    this.image = { width: subtask.image.width, height: subtask.image.height };
    this.labels = subtask.params.labels;
    this.definitions = subtask.params.annotation_attributes ?? {};
    this.problems = session.problems;
    this.label = signal(this.labels[0]?.name ?? "");
    this.document = load(session.draft, history);
    const frame = columns(host);
    this.viewport = new ImageViewport(frame.canvas, { url: subtask.image.url, size: this.image, onError: () => session.announce("The image did not load. Reload the page, or skip the task and say so.") }, scope);
    this.pointer = new BoxPointer(this.viewport, this.document, this.image, this.selected, this.label, scope);
    this.addDrawings();
    bindKeys(this);
    render(h(Rail, { tool: this }), frame.rail);
    render(h(Side, { tool: this }), frame.side);
    scope.add(() => {
      render(null, frame.rail);
      render(null, frame.side);
    });
    scope.add(effect(() => { frame.canvas.style.cursor = this.pointer.panKey.value ? "grab" : this.pointer.cursor.value; }));
    // What undo took away is not selected any more.
    scope.add(effect(() => { if (this.selected.value !== null && !this.document.find(this.selected.value)) this.selected.value = null; }));
  }

  get answer(): ReadonlySignal<ImageAnswer> {
    return this.document.answer;
  }

  check(): Problem[] {
    return problemsOf(this.document.boxes.peek(), this.session.subtask.params, this.image, (id) => this.show(id));
  }

  present(answer: ImageAnswer): void {
    this.selected.value = null; // the same id is another object there
    this.document.present(answer);
  }

  dispose(): void {
    this.pointer.cancel();
  }

  /** Selects the box and brings it into view. */
  show(id: string): void {
    this.selected.value = id;
    const box = this.document.find(id);
    if (box) this.viewport.show(reveal(this.viewport.view.peek(), box, this.viewport.screen.peek()));
  }

  placeSelected(place: Rectangle, gesture?: string): void {
    const id = this.selected.peek();
    if (id !== null) this.document.place(id, fromCorners({ x: place.left, y: place.top }, { x: place.left + place.width, y: place.top + place.height }, this.image), gesture);
  }

  copy(): void {
    this.copied = this.document.find(this.selected.peek());
    if (this.copied) this.session.announce(`${this.document.nameOf(this.copied.id)} copied.`);
  }

  /** Puts a copy where the pointer is, else a little beside the original. */
  paste(): void {
    if (!this.copied) return this.session.announce("Nothing is copied yet.");
    const { left, top, width, height, label, attributes } = this.copied;
    const at = this.pointer.place.peek();
    const shift = at ? { x: at.x - width / 2 - left, y: at.y - height / 2 - top } : { x: 12, y: 12 };
    this.selected.value = this.document.add(label, moved({ left, top, width, height }, shift.x, shift.y, this.image), attributes);
  }

  remove(): void {
    const id = this.selected.peek();
    if (id === null) return;
    const name = this.document.nameOf(id);
    this.document.remove(id);
    this.selected.value = null;
    this.session.announce(`${name} deleted.`);
  }

  /** A box in the middle of what is seen, for drawing by keys alone. */
  addInMiddle(): void {
    const { scale, x, y } = this.viewport.view.peek();
    const { width, height } = this.viewport.screen.peek();
    const middle = { x: (width / 2 - x) / scale, y: (height / 2 - y) / scale };
    const half = Math.min(width, height) / scale / 8;
    const place = fromCorners({ x: middle.x - half, y: middle.y - half }, { x: middle.x + half, y: middle.y + half }, this.image);
    if (place.width > 0 && place.height > 0) this.selected.value = this.document.add(this.label.peek(), place);
  }

  private addDrawings(): void {
    const others = unselected(this.document.boxes, this.selected);
    this.viewport.add({
      read: () => ({ boxes: others.value, hovered: this.hovered.value }),
      paint: (context, view, { boxes, hovered }) => paintBoxes(context, view, boxes, this.labels, hovered),
    });
    this.viewport.add({
      read: () => ({ box: this.document.find(this.selected.value), rubber: this.pointer.rubber.value, place: this.pointer.cursor.value === "crosshair" ? this.pointer.place.value : null }),
      paint: (context, view, { box, rubber, place }) => {
        if (box) paintSelected(context, view, box);
        if (rubber) paintRubber(context, view, rubber, this.colorOfNext());
        if (place) paintCrossHair(context, view, place, this.viewport.screen.peek());
      },
    });
  }

  private colorOfNext(): string {
    const label = this.labels.find((one) => one.name === this.label.peek());
    return label ? classColor(label.color_index) : SELECTED_COLOR;
  }
}

/** The boxes but the selected one; the same array while only that one changes, so that dragging it redraws it alone. */
function unselected(boxes: ReadonlySignal<readonly BoxAnnotation[]>, selected: ReadonlySignal<string | null>): ReadonlySignal<readonly BoxAnnotation[]> {
  let before: readonly BoxAnnotation[] = [];
  return computed(() => {
    const now = boxes.value.filter((box) => box.id !== selected.value);
    if (now.length !== before.length || now.some((box, index) => box !== before[index])) before = now;
    return before;
  });
}

function columns(host: HTMLElement): { rail: HTMLElement; canvas: HTMLElement; side: HTMLElement } {
  const make = (tag: string, className: string) => {
    const element = document.createElement(tag);
    element.className = className;
    return element;
  };
  const frame = make("div", "tool-columns");
  const rail = make("div", "tool-rail");
  const canvas = make("div", "tool-canvas");
  const side = make("div", "tool-side");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "application");
  canvas.setAttribute("aria-label", "Image: draw boxes here; press ? for the keys");
  frame.append(rail, canvas, side);
  host.append(frame);
  return { rail, canvas, side };
}

export const mount: MountTool<ImageAnswer, ImageSubtask> = (host, session) => new BoxTool(host, session);
