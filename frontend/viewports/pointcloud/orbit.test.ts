import { expect, test } from "vitest";
import type { Vec3 } from "../../workbench/types";
import { anchorOf, axesOf, eyeOf, meetLevel, pan, placeOnScreen, rayThrough, turn, zoomAt, type Orbit } from "./orbit";

const ORBIT: Orbit = { target: [500_000, 4_000_000, 2], distance: 30, yaw: 0.4, pitch: 0.6, top: false };
const BOTH: Array<[string, Orbit]> = [["perspective", ORBIT], ["from above", { ...ORBIT, top: true }]];
const aspect = 1.6;

function close(a: Vec3, b: Vec3): void {
  a.forEach((value, axis) => expect(value).toBeCloseTo(b[axis]!, 5));
}

test("it looks from above and behind, with the target in the middle", () => {
  const orbit: Orbit = { ...ORBIT, yaw: 0 };
  const eye = eyeOf(orbit);
  expect(eye[0]).toBeLessThan(500_000);
  expect(eye[2]).toBeGreaterThan(2);
  close(axesOf(orbit).right, [0, -1, 0]);
  expect(placeOnScreen(orbit, orbit.target, aspect)).toMatchObject({ x: expect.closeTo(0), y: expect.closeTo(0), depth: expect.closeTo(30) });
});

test.each(BOTH)("%s: a place on the screen, its ray, and the screen again", (_, orbit) => {
  const place = { x: 0.3, y: -0.4, aspect };
  const point = meetLevel(rayThrough(orbit, place), 0)!;
  expect(point[2]).toBeCloseTo(0);
  expect(placeOnScreen(orbit, point, aspect)).toMatchObject({ x: expect.closeTo(0.3), y: expect.closeTo(-0.4) });
});

test.each(BOTH)("%s: zooming keeps what is under the pointer under it", (_, orbit) => {
  const place = { x: -0.5, y: 0.2, aspect };
  const anchor = anchorOf(orbit, rayThrough(orbit, place));
  const nearer = zoomAt(orbit, 0.4, anchor);
  expect(nearer.distance).toBeCloseTo(12);
  expect(placeOnScreen(nearer, anchor, aspect)).toMatchObject({ x: expect.closeTo(-0.5), y: expect.closeTo(0.2) });
});

test("a ray above the horizon meets no ground, and there is an anchor all the same", () => {
  const level: Orbit = { ...ORBIT, pitch: 0.05 };
  const ray = rayThrough(level, { x: 0, y: 0.9, aspect });
  expect(meetLevel(ray, 0)).toBeNull();
  const anchor = anchorOf(level, ray);
  expect(placeOnScreen(level, anchor, aspect)!.depth).toBeCloseTo(30);
});

test("panning from above moves the picture exactly with the pointer", () => {
  const orbit: Orbit = { ...ORBIT, top: true };
  const point: Vec3 = [500_003, 4_000_001, 0];
  const before = placeOnScreen(orbit, point, aspect)!;
  const after = placeOnScreen(pan(orbit, 0.25, 0.1), point, aspect)!;
  expect(after.x - before.x).toBeCloseTo((0.25 * 2) / aspect);
  expect(after.y - before.y).toBeCloseTo(-0.2);
});

test("panning in perspective stays at the same height, turning stays above the ground", () => {
  expect(pan(ORBIT, 0.3, 0.3).target[2]).toBe(2);
  expect(turn(ORBIT, 0, -9).pitch).toBeGreaterThan(0);
  expect(turn(ORBIT, 0, 9).pitch).toBeLessThan(Math.PI / 2);
  expect(turn({ ...ORBIT, top: true }, 0.1, 1).pitch).toBe(ORBIT.pitch);
});

test("zoom is bounded on both sides", () => {
  expect(zoomAt(ORBIT, 1e-9, ORBIT.target).distance).toBe(1);
  expect(zoomAt(ORBIT, 1e9, ORBIT.target).distance).toBe(600);
});
