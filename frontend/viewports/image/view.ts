/** Where an image sits in a viewport: scale and offset, pure. Image pixels in, screen pixels out, and back. */

export interface Point { x: number; y: number }
export interface Size { width: number; height: number }

export interface View {
  /** Screen pixels per image pixel. */
  readonly scale: number;
  /** Where the image's left top corner is on the screen. */
  readonly x: number;
  readonly y: number;
}

export const SCALE_MAX = 40;
const MARGIN = 16;

export function fit(image: Size, screen: Size): View {
  const scale = Math.min((screen.width - 2 * MARGIN) / image.width, (screen.height - 2 * MARGIN) / image.height, SCALE_MAX);
  const kept = scale > 0 ? scale : 1;
  return { scale: kept, x: (screen.width - image.width * kept) / 2, y: (screen.height - image.height * kept) / 2 };
}

export function toImage(view: View, screen: Point): Point {
  return { x: (screen.x - view.x) / view.scale, y: (screen.y - view.y) / view.scale };
}

export function toScreen(view: View, image: Point): Point {
  return { x: view.x + image.x * view.scale, y: view.y + image.y * view.scale };
}

/** Zooms by `factor`; what is under `anchor` (screen) stays under it. */
export function zoomAt(view: View, anchor: Point, factor: number, scaleMin: number): View {
  const scale = Math.min(SCALE_MAX, Math.max(scaleMin, view.scale * factor));
  const still = toImage(view, anchor);
  return { scale, x: anchor.x - still.x * scale, y: anchor.y - still.y * scale };
}

export function pan(view: View, dx: number, dy: number): View {
  return { ...view, x: view.x + dx, y: view.y + dy };
}

/** Moves as little as needed to bring a rectangle of the image into the screen's middle part; zooms in on tiny ones. */
export function reveal(view: View, rectangle: { left: number; top: number; width: number; height: number }, screen: Size): View {
  const largest = Math.max(rectangle.width, rectangle.height, 1);
  const scale = Math.min(SCALE_MAX, largest * view.scale < 24 ? 120 / largest : view.scale);
  const center = { x: rectangle.left + rectangle.width / 2, y: rectangle.top + rectangle.height / 2 };
  const place = toScreen({ ...view, scale }, center);
  const inside = scale === view.scale && place.x > 40 && place.y > 40 && place.x < screen.width - 40 && place.y < screen.height - 40;
  return inside ? view : { scale, x: screen.width / 2 - center.x * scale, y: screen.height / 2 - center.y * scale };
}
