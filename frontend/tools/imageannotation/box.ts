/** Rectangles in image pixels: made from corners, kept inside the image, resized by handles, found under a point. Pure. */
import type { Point, Size } from "../../viewports/image/view";
import type { BoxAnnotation } from "../../workbench/types";

export type Rectangle = Pick<BoxAnnotation, "left" | "top" | "width" | "height">;

/** The sides that a handle moves: "n", "se", ... in this order around the box. */
export const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"] as const;
export type Handle = (typeof HANDLES)[number];

/** A tenth of a pixel is finer than anyone can place an edge; more digits would be noise in the answer. */
const round = (value: number) => Math.round(value * 10) / 10;
const within = (value: number, low: number, high: number) => Math.min(Math.max(value, low), high);

export function fromCorners(a: Point, b: Point, image: Size): Rectangle {
  const x = [within(a.x, 0, image.width), within(b.x, 0, image.width)].sort((one, two) => one - two) as [number, number];
  const y = [within(a.y, 0, image.height), within(b.y, 0, image.height)].sort((one, two) => one - two) as [number, number];
  return rounded(x[0], y[0], x[1], y[1]);
}

export function moved(box: Rectangle, dx: number, dy: number, image: Size): Rectangle {
  const left = round(within(box.left + dx, 0, Math.max(0, image.width - box.width)));
  const top = round(within(box.top + dy, 0, Math.max(0, image.height - box.height)));
  return { left, top, width: box.width, height: box.height };
}

/** Moves the handle's sides by dx, dy; a side pulled over its opposite turns the box inside out, which stays a box. */
export function resized(box: Rectangle, handle: Handle, dx: number, dy: number, image: Size): Rectangle {
  const right = box.left + box.width;
  const bottom = box.top + box.height;
  return fromCorners(
    { x: box.left + (handle.includes("w") ? dx : 0), y: box.top + (handle.includes("n") ? dy : 0) },
    { x: right + (handle.includes("e") ? dx : 0), y: bottom + (handle.includes("s") ? dy : 0) },
    image,
  );
}

export function handlePoint(box: Rectangle, handle: Handle): Point {
  const x = handle.includes("w") ? 0 : handle.includes("e") ? 1 : 0.5;
  const y = handle.includes("n") ? 0 : handle.includes("s") ? 1 : 0.5;
  return { x: box.left + x * box.width, y: box.top + y * box.height };
}

/** The handle within `reach` image pixels of the point; corners before sides. */
export function handleAt(box: Rectangle, point: Point, reach: number): Handle | null {
  const near = HANDLES.filter((handle) => {
    const place = handlePoint(box, handle);
    return Math.abs(place.x - point.x) <= reach && Math.abs(place.y - point.y) <= reach;
  });
  return near.find((handle) => handle.length === 2) ?? near[0] ?? null;
}

/** The smallest box around the point, so that a box inside another can be reached. */
export function boxAt<Box extends Rectangle>(boxes: readonly Box[], point: Point, reach = 0): Box | null {
  let found: Box | null = null;
  for (const box of boxes) {
    if (contains(box, point, reach) && (!found || box.width * box.height < found.width * found.height)) found = box;
  }
  return found;
}

export function contains(box: Rectangle, point: Point, reach = 0): boolean {
  return point.x >= box.left - reach && point.x <= box.left + box.width + reach && point.y >= box.top - reach && point.y <= box.top + box.height + reach;
}

function rounded(left: number, top: number, right: number, bottom: number): Rectangle {
  const x = round(left);
  const y = round(top);
  return { left: x, top: y, width: round(right - x), height: round(bottom - y) };
}
