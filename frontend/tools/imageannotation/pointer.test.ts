import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { View } from "../../viewports/image/view";
import { toImage } from "../../viewports/image/view";
import { History } from "../../workbench/history";
import { Scope } from "../../workbench/scope";
import { load } from "./document";
import { BoxPointer } from "./pointer";

const IMAGE = { width: 400, height: 300 };

/** The pointer over a host whose screen pixels are the image's, unless zoomed. */
function setUp(scale = 1) {
  const host = document.createElement("div");
  host.setPointerCapture = () => {};
  const view = signal<View>({ scale, x: 0, y: 0 });
  const panned: number[][] = [];
  const viewport = {
    host,
    view,
    locate: (event: MouseEvent) => toImage(view.peek(), { x: event.clientX, y: event.clientY }),
    pan: (dx: number, dy: number) => void panned.push([dx, dy]),
    zoomByWheel: () => {},
  };
  const history = new History();
  const boxes = load(null, history);
  const selected = signal<string | null>(null);
  const pointer = new BoxPointer(viewport, boxes, IMAGE, selected, signal("car"), new Scope());
  const send = (type: string, x: number, y: number, more: PointerEventInit = {}) =>
    host.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, button: 0, ...more }));
  const drag = (from: [number, number], to: [number, number], more: PointerEventInit = {}) => {
    send("pointerdown", ...from, more);
    for (let step = 1; step <= 5; step++) {
      send("pointermove", from[0] + ((to[0] - from[0]) * step) / 5, from[1] + ((to[1] - from[1]) * step) / 5, more);
    }
    send("pointerup", ...to, more);
  };
  const click = (x: number, y: number) => drag([x, y], [x, y]);
  return { boxes, selected, pointer, history, panned, send, drag, click };
}

test("a drag draws a box of the chosen label and selects it", () => {
  const { boxes, selected, drag } = setUp();
  drag([50, 40], [150, 100]);
  expect(boxes.serialize().annotations).toMatchObject([{ label: "car", left: 50, top: 40, width: 100, height: 60 }]);
  expect(selected.value).toBe(boxes.serialize().annotations[0]?.id);
});

test("two clicks draw the same box as a drag, at any zoom", () => {
  const { boxes, click, send } = setUp(2);
  click(100, 80);
  send("pointermove", 200, 150);
  click(300, 200);
  expect(boxes.serialize().annotations).toMatchObject([{ left: 50, top: 40, width: 100, height: 60 }]);
});

test("a double click leaves the first corner where it is", () => {
  const { boxes, click, pointer } = setUp();
  click(100, 80);
  click(101, 80);
  expect(boxes.serialize().annotations).toEqual([]);
  expect(pointer.isDrawing).toBe(true);
  click(200, 180);
  expect(boxes.serialize().annotations).toHaveLength(1);
});

test("the selected box moves by a drag inside it, in one undo step", () => {
  const { boxes, drag, history } = setUp();
  drag([50, 40], [150, 100]);
  drag([100, 70], [130, 90]);
  expect(boxes.serialize().annotations).toMatchObject([{ left: 80, top: 60, width: 100, height: 60 }]);
  history.undo();
  expect(boxes.serialize().annotations).toMatchObject([{ left: 50, top: 40 }]);
});

test("a handle resizes, and two drags are two steps", () => {
  const { boxes, drag, history } = setUp();
  drag([50, 40], [150, 100]);
  drag([150, 100], [170, 110]);
  drag([170, 110], [190, 120]);
  expect(boxes.serialize().annotations).toMatchObject([{ width: 140, height: 80 }]);
  history.undo();
  expect(boxes.serialize().annotations).toMatchObject([{ width: 120, height: 70 }]);
});

test("a click selects the box under it; a drag from inside an unselected one draws another", () => {
  const { boxes, selected, click, drag } = setUp();
  drag([50, 40], [150, 100]);
  const first = selected.value;
  selected.value = null;
  drag([60, 50], [100, 80]);
  expect(boxes.serialize().annotations).toHaveLength(2);
  click(140, 95);
  expect(selected.value).toBe(first);
});

test("with shift, a drag inside the selected box draws", () => {
  const { boxes, drag } = setUp();
  drag([50, 40], [150, 100]);
  drag([60, 50], [100, 80], { shiftKey: true });
  expect(boxes.serialize().annotations).toHaveLength(2);
});

test("cancelling a drawing leaves nothing behind", () => {
  const { boxes, click, pointer, send } = setUp();
  click(100, 80);
  send("pointermove", 200, 150);
  expect(pointer.rubber.value).not.toBeNull();
  pointer.cancel();
  expect(pointer.rubber.value).toBeNull();
  expect(boxes.serialize().annotations).toEqual([]);
});

test("the right button and the held key pan, and draw nothing", () => {
  const { boxes, drag, panned, pointer } = setUp();
  drag([50, 40], [150, 100], { button: 2 });
  pointer.panKey.value = true;
  drag([50, 40], [150, 100]);
  expect(panned.length).toBe(10);
  expect(boxes.serialize().annotations).toEqual([]);
});
