/** The boxes of an image as an undoable document; what it holds is exactly what the answer says. */
import { computed, type ReadonlySignal } from "@preact/signals";
import { Document } from "../../workbench/document";
import { History } from "../../workbench/history";
import type { AttributeValue, BoxAnnotation, ImageAnswer } from "../../workbench/types";
import type { Rectangle } from "./box";

export class BoxDocument {
  private readonly document: Document<readonly BoxAnnotation[]>;

  readonly boxes: ReadonlySignal<readonly BoxAnnotation[]>;
  readonly answer: ReadonlySignal<ImageAnswer>;

  constructor(
    boxes: readonly BoxAnnotation[],
    readonly history: History,
  ) {
    this.document = new Document(boxes, history);
    this.boxes = this.document.state;
    this.answer = computed(() => ({ annotations: [...this.boxes.value] }));
  }

  present(answer: ImageAnswer): void {
    this.document.show(answer.annotations);
  }

  serialize(): ImageAnswer {
    return this.answer.peek();
  }

  find(id: string | null): BoxAnnotation | null {
    return this.boxes.value.find((box) => box.id === id) ?? null;
  }

  /** Adds a box and returns its id. */
  add(label: string, rectangle: Rectangle, attributes: BoxAnnotation["attributes"] = {}): string {
    const id = this.freeId();
    this.document.change(`draw ${label}`, (boxes) => [...boxes, { id, type: "box", label, ...rectangle, attributes: { ...attributes } }]);
    return id;
  }

  remove(id: string): void {
    this.document.change(`delete ${this.nameOf(id)}`, (boxes) => boxes.filter((box) => box.id !== id));
  }

  /** `gesture` makes the many small moves of one drag a single step back. */
  place(id: string, rectangle: Rectangle, gesture?: string): void {
    this.edit(id, `move ${this.nameOf(id)}`, (box) => (samePlace(box, rectangle) ? box : { ...box, ...rectangle }), gesture);
  }

  relabel(id: string, label: string): void {
    this.edit(id, `change ${this.nameOf(id)} to ${label}`, (box) => (box.label === label ? box : { ...box, label }));
  }

  setAttribute(id: string, key: string, value: AttributeValue | undefined): void {
    this.edit(id, `set ${key} of ${this.nameOf(id)}`, (box) => {
      const { [key]: _, ...others } = box.attributes;
      return { ...box, attributes: value === undefined ? others : { ...others, [key]: value } };
    });
  }

  /** "car 3": the label and its number in the order of drawing. */
  nameOf(id: string): string {
    const box = this.boxes.peek().find((one) => one.id === id);
    if (!box) return "box";
    const number = this.boxes.peek().filter((one) => one.label === box.label).indexOf(box) + 1;
    return `${box.label} ${number}`;
  }

  private edit(id: string, name: string, change: (box: BoxAnnotation) => BoxAnnotation, gesture?: string): void {
    this.document.change(
      name,
      (boxes) => {
        const at = boxes.findIndex((box) => box.id === id);
        const before = boxes[at];
        const after = before && change(before);
        return after && after !== before ? boxes.with(at, after) : boxes;
      },
      gesture === undefined ? {} : { gesture },
    );
  }

  private freeId(): string {
    const taken = new Set(this.boxes.peek().map((box) => box.id));
    let number = taken.size + 1;
    while (taken.has(`box-${number}`)) number += 1;
    return `box-${number}`;
  }
}

export function load(answer: ImageAnswer | null, history = new History()): BoxDocument {
  return new BoxDocument(answer?.annotations ?? [], history);
}

function samePlace(a: Rectangle, b: Rectangle): boolean {
  return a.left === b.left && a.top === b.top && a.width === b.width && a.height === b.height;
}
