import { expect, test } from "vitest";
import type { Vec3 } from "../../workbench/types";
import { decodeFrame } from "./frame";
import { encodeFrame } from "./lypf.fixture";
import { placeOnScreen, rayThrough, type Orbit } from "./orbit";
import { nearestPoint, pickCuboid, pixelsPerMetre } from "./picking";
import type { ShownCuboid } from "./shapes";

const ORBIT: Orbit = { target: [0, 0, 0], distance: 20, yaw: 0.3, pitch: 0.5, top: false };
const HEIGHT = 500;

function shown(id: string, position: Vec3, over: Partial<ShownCuboid> = {}): ShownCuboid {
  return { id, cuboid: { position, dimensions: [2, 2, 2], yaw: 0 }, color: "#ffffff", selected: false, ghost: false, ...over };
}

test("the nearer of two cuboids is picked, an own one before a neighbour's, and nothing beside them", () => {
  const ray = rayThrough(ORBIT, { x: 0, y: 0, aspect: 1 });
  const ahead: Vec3 = [ray.direction[0] * 6, ray.direction[1] * 6, ray.direction[2] * 6];
  const scale = pixelsPerMetre(ORBIT, HEIGHT);
  expect(pickCuboid([shown("far", ahead), shown("near", [0, 0, 0])], ray, scale)?.id).toBe("near");
  expect(pickCuboid([shown("ghost", [0, 0, 0], { ghost: true }), shown("own", ahead)], ray, scale)?.id).toBe("own");
  expect(pickCuboid([shown("aside", [0, 30, 0])], ray, scale)).toBeNull();
});

test.each([["perspective", ORBIT], ["from above", { ...ORBIT, top: true }]])("%s: the point at the pointer, within reach", (_, orbit) => {
  const points: Vec3[] = [[0, 0, 0], [3, 1, 0.5], [-4, 2, 1], [200, 200, 50]];
  const frame = decodeFrame(encodeFrame(points));
  const place = placeOnScreen(orbit, frame.position(1), 1)!;
  const [x, y] = [(place.x * HEIGHT) / 2, (place.y * HEIGHT) / 2];
  expect(nearestPoint(frame, orbit, HEIGHT, x + 4, y - 4, 8)).toBe(1);
  expect(nearestPoint(frame, orbit, HEIGHT, x + 12, y, 8)).toBe(-1);
});

test("of two points at the same place on the screen the one in front", () => {
  const { origin, direction } = rayThrough(ORBIT, { x: 0, y: 0, aspect: 1 });
  const at = (t: number) => origin.map((value, axis) => value + direction[axis]! * t) as Vec3;
  const frame = decodeFrame(encodeFrame([at(30), at(10), at(22)]));
  expect(nearestPoint(frame, ORBIT, HEIGHT, 0, 0, 8)).toBe(1);
});
