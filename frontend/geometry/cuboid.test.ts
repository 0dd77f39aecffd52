import { expect, test } from "vitest";
import type { Vec3 } from "../workbench/types";
import { corners, EDGES, FACES, hitByRay, interpolate, toLocal, toWorld, wrapAngle, type Cuboid } from "./cuboid";

const CAR: Cuboid = { position: [10, -4, 1], dimensions: [4, 2, 1.5], yaw: Math.PI / 2 };
const distance = (a: Vec3, b: Vec3) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

test("angles are in (-pi, pi]", () => {
  expect(wrapAngle(-Math.PI)).toBe(Math.PI);
  expect(wrapAngle(Math.PI)).toBe(Math.PI);
  expect(wrapAngle(3 * Math.PI)).toBeCloseTo(Math.PI);
  for (const angle of [-20, -3.2, -0.1, 0, 2, 3.2, 100]) {
    const wrapped = wrapAngle(angle);
    expect(wrapped).toBeGreaterThan(-Math.PI);
    expect(wrapped).toBeLessThanOrEqual(Math.PI);
    expect(Math.cos(wrapped)).toBeCloseTo(Math.cos(angle));
    expect(Math.sin(wrapped)).toBeCloseTo(Math.sin(angle));
  }
});

test("own coordinates and back", () => {
  const ahead = toWorld(CAR, [2, 0, 0]);
  expect(ahead[0]).toBeCloseTo(10);
  expect(ahead[1]).toBeCloseTo(-2);
  const turned = { ...CAR, yaw: 0.7 };
  toWorld(turned, toLocal(turned, [3, 4, 5])).forEach((value, axis) => expect(value).toBeCloseTo([3, 4, 5][axis]!));
});

test("corners: eight, length along the heading, lower ones first", () => {
  const all = corners(CAR);
  expect(all).toHaveLength(8);
  expect(all[0]![0]).toBeCloseTo(9); // front left of a car that heads along +y
  expect(all[0]![1]).toBeCloseTo(-2);
  expect(all[0]![2]).toBeCloseTo(0.25);
  expect(all[4]![2]).toBeCloseTo(1.75);
});

test("the twelve edges have the lengths of the sides, four each", () => {
  const all = corners(CAR);
  const lengths = EDGES.map(([from, to]) => distance(all[from]!, all[to]!)).sort();
  expect(lengths.map((length) => Math.round(length * 100) / 100)).toEqual([1.5, 1.5, 1.5, 1.5, 2, 2, 2, 2, 4, 4, 4, 4]);
});

test("faces look outwards", () => {
  const all = corners({ ...CAR, position: [0, 0, 0], yaw: 0.3 });
  for (let i = 0; i < FACES.length; i += 3) {
    const [a, b, c] = [all[FACES[i]!]!, all[FACES[i + 1]!]!, all[FACES[i + 2]!]!];
    const u = [b[0] - a[0], b[1] - a[1], b[2] - a[2]] as Vec3;
    const v = [c[0] - a[0], c[1] - a[1], c[2] - a[2]] as Vec3;
    const normal = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]] as Vec3;
    expect(normal[0] * a[0] + normal[1] * a[1] + normal[2] * a[2]).toBeGreaterThan(0);
  }
});

test("interpolation: ends exact, the yaw goes the shorter way across pi", () => {
  const a: Cuboid = { position: [0, 0, 0], dimensions: [4, 2, 1], yaw: 3 };
  const b: Cuboid = { position: [2, 4, 6], dimensions: [5, 2, 1], yaw: -3 };
  expect(interpolate(a, b, 0)).toEqual(a);
  const middle = interpolate(a, b, 0.5);
  expect(middle.position).toEqual([1, 2, 3]);
  expect(middle.dimensions).toEqual([4.5, 2, 1]);
  expect(Math.abs(middle.yaw)).toBeCloseTo(Math.PI);
  expect(interpolate(a, b, 1).yaw).toBeCloseTo(-3);
});

test("a ray hits a turned cuboid where it enters, and misses beside it unless that is grown", () => {
  expect(hitByRay(CAR, [10, -20, 1], [0, 1, 0])).toBeCloseTo(14);
  expect(hitByRay(CAR, [11.2, -20, 1], [0, 1, 0])).toBeNull();
  expect(hitByRay(CAR, [11.2, -20, 1], [0, 1, 0], 0.3)).toBeCloseTo(13.7);
  expect(hitByRay(CAR, [10, 20, 1], [0, 1, 0])).toBeNull();
  expect(hitByRay(CAR, [10, -4, 1], [0, 0, 1])).toBe(0);
});
