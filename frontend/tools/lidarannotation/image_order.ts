/** Which camera sees an object best, and what an image must show of it. Pure. */
import { cuboidEdges, type Segment } from "../../geometry/camera";
import { corners, type Cuboid } from "../../geometry/cuboid";
import { project } from "../../geometry/camera";
import { hull, type Point2 } from "../../geometry/hull";
import type { View } from "../../viewports/image/view";
import type { CameraImage } from "../../workbench/types";

export interface Rectangle {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export function boundsOf(segments: readonly Segment[]): Rectangle | null {
  if (!segments.length) return null;
  const x = segments.flatMap(([a, , b]) => [a, b]);
  const y = segments.flatMap(([, a, , b]) => [a, b]);
  return { left: Math.min(...x), top: Math.min(...y), right: Math.max(...x), bottom: Math.max(...y) };
}

export function inside(bounds: Rectangle, { width, height }: { width: number; height: number }): Rectangle | null {
  const cut = { left: Math.max(0, bounds.left), top: Math.max(0, bounds.top), right: Math.min(width, bounds.right), bottom: Math.min(height, bounds.bottom) };
  return cut.left < cut.right && cut.top < cut.bottom ? cut : null;
}

/** How well an image shows a cuboid: its share of the image, less where a part is outside; 0 where it is not seen. */
export function visibility(image: CameraImage, cuboid: Cuboid): number {
  const middle = project(image, cuboid.position);
  const bounds = boundsOf(cuboidEdges(image, cuboid));
  const seen = bounds && inside(bounds, image);
  if (!seen || !middle) return 0;
  const area = (r: Rectangle) => (r.right - r.left) * (r.bottom - r.top);
  return (area(seen) / (image.width * image.height)) * (area(seen) / area(bounds));
}

/** The cameras, those that see the object best first; the others stay in their order. */
export function bestFirst(images: readonly CameraImage[], cuboid: Cuboid | null): CameraImage[] {
  if (!cuboid) return [...images];
  const scored = images.map((image, at) => ({ image, at, score: visibility(image, cuboid) }));
  return scored.sort((a, b) => b.score - a.score || a.at - b.at).map(({ image }) => image);
}

/** The nearest cuboid whose outline holds a place in the image. */
export function cuboidInImage<One extends { cuboid: Cuboid }>(image: CameraImage, list: readonly One[], x: number, y: number): One | null {
  let best: { one: One; depth: number } | null = null;
  for (const one of list) {
    const middle = project(image, one.cuboid.position);
    if (!middle || (best && best.depth <= middle.depth)) continue;
    const outline = hull(cuboidEdges(image, one.cuboid).flatMap(([x1, y1, x2, y2]): Point2[] => [[x1, y1], [x2, y2]]));
    if (holds(outline, x, y)) best = { one, depth: middle.depth };
  }
  return best?.one ?? null;
}

/** In a convex outline that runs one way round. */
function holds(outline: readonly Point2[], x: number, y: number): boolean {
  if (outline.length < 3) return false;
  return outline.every(([x1, y1], i) => {
    const [x2, y2] = outline[(i + 1) % outline.length]!;
    return (x2 - x1) * (y - y1) - (y2 - y1) * (x - x1) >= 0;
  });
}

/** The part of the front face that is seen, as a polygon; empty where a corner is behind the lens. */
export function frontFace(image: CameraImage, cuboid: Cuboid): Point2[] {
  const at = corners(cuboid);
  const places = [0, 4, 7, 3].map((corner) => project(image, at[corner]!));
  return places.every((place) => place !== null) ? places.map(({ x, y }) => [x, y] as const) : [];
}

/** Enlarged more than this, an image shows nothing more. */
const SCALE_MAX = 6;
/** The share of the view that an object takes up when the view moves to it. */
const SHARE = 0.45;

/** A view that shows the object large; `before` stays while it still does, so that the picture does not swim. */
export function closeTo(bounds: Rectangle, image: { width: number; height: number }, screen: { width: number; height: number }, before: View | null): View {
  const [width, height] = [Math.max(1, bounds.right - bounds.left), Math.max(1, bounds.bottom - bounds.top)];
  const whole = Math.min(screen.width / image.width, screen.height / image.height);
  const scale = Math.max(whole, Math.min(SCALE_MAX, (screen.width * SHARE) / width, (screen.height * SHARE) / height));
  const middle = { x: (bounds.left + bounds.right) / 2, y: (bounds.top + bounds.bottom) / 2 };
  if (before && scale / before.scale < 1.6 && before.scale / scale < 1.6) {
    const at = { x: before.x + middle.x * before.scale, y: before.y + middle.y * before.scale };
    const near = Math.abs(at.x - screen.width / 2) < screen.width * 0.2 && Math.abs(at.y - screen.height / 2) < screen.height * 0.2;
    if (near) return before;
  }
  const place = (size: number, seen: number, center: number) => Math.min(0, Math.max(seen - size * scale, seen / 2 - center * scale));
  // No wider than the picture: its edge stays at the view's.
  return {
    scale,
    x: image.width * scale < screen.width ? (screen.width - image.width * scale) / 2 : place(image.width, screen.width, middle.x),
    y: image.height * scale < screen.height ? (screen.height - image.height * scale) / 2 : place(image.height, screen.height, middle.y),
  };
}
