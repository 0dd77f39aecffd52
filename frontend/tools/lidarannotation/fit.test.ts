import { expect, test } from "vitest";
import { toWorld, wrapAngle, type Cuboid } from "../../geometry/cuboid";
import { decodeFrame } from "../../viewports/pointcloud/frame";
import { encodeFrame } from "../../viewports/pointcloud/lypf.fixture";
import type { Vec3 } from "../../workbench/types";
import { fitArea, footprintOf, refit, refitPlace, type Footprint } from "./fit";
import { oddSize, sizeRule } from "./sizes";

const DEVICE: Vec3 = [0, 0, 1.9];
const CAR = sizeRule("Car");
const degrees = (value: number) => (value * Math.PI) / 180;

/** A street sloping up ahead, and the two sides of a cuboid that a lidar at the origin sees, with noise of a centimetre. */
function street(cuboid: Cuboid) {
  let seed = 1;
  const noise = () => ((seed = (seed * 16807) % 2147483647) / 2147483647 - 0.5) * 0.02;
  const slope = (x: number) => 0.03 * x;
  const points: Vec3[] = [];
  for (let x = -5; x < 40; x += 0.25) for (let y = -12; y < 12; y += 0.4) points.push([x, y, slope(x) + noise()]);
  const own = (along: number, across: number, up: number) => toWorld(cuboid, [along * cuboid.dimensions[0] / 2, across * cuboid.dimensions[1] / 2, up * cuboid.dimensions[2] / 2]);
  const near = (axis: 0 | 1) => [1, -1].reduce((a, b) => {
    const face = (side: number) => Math.hypot(...own(axis === 0 ? side : 0, axis === 1 ? side : 0, 0).slice(0, 2));
    return face(a) < face(b) ? a : b;
  });
  for (let t = -1; t <= 1; t += 0.04) {
    for (let up = -0.95; up <= 1; up += 0.13) {
      const [a, b] = [own(t, near(1), up), own(near(0), t, up)];
      for (const [x, y, z] of [a, b]) points.push([x + noise(), y + noise(), z + noise()]);
    }
  }
  return decodeFrame(encodeFrame(points));
}

const onSlope = (x: number, y: number, dimensions: Vec3, yaw: number): Cuboid => ({ position: [x, y, 0.03 * x + dimensions[2] / 2], dimensions, yaw });

test.each([0, 20, 45, 70, 90, 135, 180, -100])("a car at %d degrees, drawn roughly, comes out as it is", (yaw) => {
  const car = onSlope(14, 5, [4.4, 1.8, 1.5], degrees(yaw));
  const frame = street(car);
  const [back, front] = [toWorld(car, [-2.5, 0, 0]), toWorld(car, [2.4, 0.1, 0])];
  const { cuboid, points } = fitArea(frame, footprintOf(back, front, CAR.usual), CAR, DEVICE, 0);
  expect(points).toBeGreaterThan(100);
  expect(Math.abs(wrapAngle(cuboid.yaw - car.yaw))).toBeLessThan(degrees(3));
  cuboid.dimensions.forEach((size, axis) => expect(Math.abs(size - car.dimensions[axis]!)).toBeLessThan(0.15));
  cuboid.position.forEach((value, axis) => expect(Math.abs(value - car.position[axis]!)).toBeLessThan(0.12));
});

test("a line from corner to corner gives the same; its direction is the heading", () => {
  const car = onSlope(14, -5, [4.4, 1.8, 1.5], 0);
  const frame = street(car);
  const corner = (x: number, y: number): Vec3 => [14 + x, -5 + y, 0];
  const forth = fitArea(frame, footprintOf(corner(-2.4, -0.9), corner(2.4, 1), CAR.usual), CAR, DEVICE, 0).cuboid;
  const back = fitArea(frame, footprintOf(corner(2.4, 1), corner(-2.4, -0.9), CAR.usual), CAR, DEVICE, 0).cuboid;
  expect(Math.abs(wrapAngle(forth.yaw))).toBeLessThan(degrees(2));
  expect(Math.abs(wrapAngle(back.yaw - Math.PI))).toBeLessThan(degrees(2));
  for (const { dimensions } of [forth, back]) dimensions.forEach((size, axis) => expect(Math.abs(size - [4.4, 1.8, 1.5][axis]!)).toBeLessThan(0.15));
});

test("a rear seen alone gets a car's length, away from the device", () => {
  const wall: Vec3[] = [];
  for (let y = -0.9; y <= 0.9; y += 0.05) for (let z = 0.3; z <= 1.5; z += 0.1) wall.push([20, y, z]);
  for (let x = 10; x < 30; x += 0.5) for (let y = -5; y < 5; y += 0.5) wall.push([x, y, 0]);
  const area: Footprint = { center: [21.5, 0], length: 4.5, width: 2.6, yaw: 0 };
  const { cuboid } = fitArea(decodeFrame(encodeFrame(wall)), area, CAR, DEVICE, 0);
  expect(cuboid.dimensions[0]).toBeGreaterThanOrEqual(CAR.least[0]);
  expect(Math.abs(cuboid.yaw)).toBeLessThan(degrees(4));
  expect(cuboid.position[0] - cuboid.dimensions[0] / 2).toBeCloseTo(20, 0);
  expect(cuboid.position[2] - cuboid.dimensions[2] / 2).toBeCloseTo(0, 1);
});

test("without points it has the drawn outline, the usual height, and stands on the ground", () => {
  const area = footprintOf([10, 0, 0], [14.6, 0, 0], CAR.usual);
  const { cuboid, points } = fitArea(null, area, CAR, DEVICE, -0.4);
  expect(points).toBe(0);
  expect(cuboid.yaw).toBeCloseTo(0);
  expect(cuboid.dimensions[0]).toBeCloseTo(4.6);
  expect(cuboid.position[2]).toBeCloseTo(-0.4 + CAR.usual[2] / 2);
});

test("fitted anew: size and yaw from the points; with the size kept, the seen faces touch them", () => {
  const car = onSlope(14, 5, [4.4, 1.8, 1.5], degrees(20));
  const frame = street(car);
  const off: Cuboid = { position: [14.2, 5.15, car.position[2] + 0.1], dimensions: [4.6, 1.9, 1.5], yaw: degrees(27) };
  const anew = refit(frame, off, CAR, DEVICE)!;
  expect(Math.abs(anew.yaw - car.yaw)).toBeLessThan(degrees(2));
  expect(Math.hypot(anew.position[0] - 14, anew.position[1] - 5)).toBeLessThan(0.1);
  const kept = refitPlace(frame, { ...off, dimensions: [4.4, 1.8, 1.5], yaw: car.yaw }, DEVICE)!;
  expect(kept.dimensions).toEqual([4.4, 1.8, 1.5]);
  kept.position.forEach((value, axis) => expect(Math.abs(value - car.position[axis]!)).toBeLessThan(0.08));
  expect(refit(frame, { ...off, position: [30, -8, 3] }, CAR, DEVICE)).toBeNull();
});

test("points of an object beside it, which has its own cuboid, are left alone", () => {
  const car = onSlope(14, 5, [4.4, 1.8, 1.5], 0);
  const frame = street(car);
  const beside: Cuboid = { position: [11.9, 5, 1], dimensions: [0.6, 4, 3], yaw: 0 };
  const cut = refit(frame, car, CAR, DEVICE, [beside])!;
  expect(cut.position[0] - cut.dimensions[0] / 2).toBeGreaterThan(12.1);
  expect(refit(frame, car, CAR, DEVICE)!.position[0]).toBeLessThan(14.1);
});

test("sizes are doubted by the label's words", () => {
  expect(oddSize("Car", [4.5, 1.8, 1.5])).toBeNull();
  expect(oddSize("pedestrian_adult", [0.6, 0.6, 2.9])).toBe("2.90 m high");
  expect(oddSize("Car", [0.9, 1.8, 1.5])).toBe("0.90 m long");
  expect(oddSize("thing", [0.5, 0.5, 0.5])).toBeNull();
});
