import { expect, test } from "vitest";
import { fit, pan, reveal, toImage, toScreen, zoomAt } from "./view";

const IMAGE = { width: 1920, height: 1080 };
const SCREEN = { width: 800, height: 600 };

test("fitted, the whole image is on the screen and in its middle", () => {
  const view = fit(IMAGE, SCREEN);
  const corner = toScreen(view, { x: 0, y: 0 });
  const opposite = toScreen(view, { x: 1920, y: 1080 });
  expect(corner.x).toBeGreaterThanOrEqual(0);
  expect(opposite.y).toBeLessThanOrEqual(600);
  expect((corner.x + opposite.x) / 2).toBeCloseTo(400);
});

test("screen to image and back is where it was, after any zoom and pan", () => {
  const view = pan(zoomAt(fit(IMAGE, SCREEN), { x: 123, y: 77 }, 3.7, 0.1), -40, 12);
  const there = toImage(view, { x: 300, y: 200 });
  const back = toScreen(view, there);
  expect(back.x).toBeCloseTo(300);
  expect(back.y).toBeCloseTo(200);
});

test("zooming keeps what is under the pointer under it", () => {
  const before = fit(IMAGE, SCREEN);
  const anchor = { x: 500, y: 222 };
  const still = toImage(before, anchor);
  const after = toImage(zoomAt(before, anchor, 2.5, 0.1), anchor);
  expect(after.x).toBeCloseTo(still.x);
  expect(after.y).toBeCloseTo(still.y);
});

test("zoom is bounded on both sides", () => {
  const view = fit(IMAGE, SCREEN);
  expect(zoomAt(view, { x: 0, y: 0 }, 1e9, 0.1).scale).toBe(40);
  expect(zoomAt(view, { x: 0, y: 0 }, 1e-9, 0.1).scale).toBe(0.1);
});

test("revealing moves only when needed, and enlarges what is tiny", () => {
  const view = fit(IMAGE, SCREEN);
  const seen = { left: 900, top: 500, width: 200, height: 200 };
  expect(reveal(view, seen, SCREEN)).toBe(view);
  const away = pan(view, -5000, 0);
  const shown = toScreen(reveal(away, seen, SCREEN), { x: 1000, y: 600 });
  expect(shown).toEqual({ x: 400, y: 300 });
  expect(reveal(view, { left: 900, top: 500, width: 4, height: 4 }, SCREEN).scale).toBeGreaterThan(view.scale);
});
