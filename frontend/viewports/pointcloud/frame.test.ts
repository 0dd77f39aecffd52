import { expect, test } from "vitest";
import { toLocal, type Cuboid } from "../../geometry/cuboid";
import type { Vec3 } from "../../workbench/types";
import { decodeFrame, groundHeight, pointsInside } from "./frame";
import { encodeFrame } from "./lypf.fixture";

/** The same numbers in every run, in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1664525 + 1013904223) % 4294967296) / 4294967296;
}

function cloud(count: number): Vec3[] {
  const next = numbers(7);
  return Array.from({ length: count }, () => [500_000 + next() * 60, 4_000_000 + next() * 60, next() * 4]);
}

test("points come back to within a millimetre, far from the world's origin too", () => {
  const points = cloud(100);
  const frame = decodeFrame(encodeFrame(points, points.map((_, i) => i)));
  expect(frame.count).toBe(100);
  expect(frame.hasIntensity).toBe(true);
  points.forEach((point, i) => frame.position(i).forEach((value, axis) => expect(Math.abs(value - point[axis]!)).toBeLessThan(0.001)));
  expect(frame.data[4 * 42 + 3]! & 255).toBe(42);
});

test("what is no file of points is refused in words", () => {
  const good = encodeFrame([[0, 0, 0], [1, 1, 1]]);
  expect(() => decodeFrame(new ArrayBuffer(10))).toThrow("cut short");
  expect(() => decodeFrame(good.slice(0, good.byteLength - 1))).toThrow("79 of 80 bytes");
  const html = new TextEncoder().encode("<!doctype html>".padEnd(80)).buffer as ArrayBuffer;
  expect(() => decodeFrame(html)).toThrow("does not begin with LYPF");
  const newer = good.slice(0);
  new DataView(newer).setUint16(4, 2, true);
  expect(() => decodeFrame(newer)).toThrow("version 2");
});

test("an empty frame is a frame", () => {
  const header = encodeFrame([[1, 2, 3]]).slice(0, 64);
  new DataView(header).setUint32(8, 0, true);
  const frame = decodeFrame(header);
  expect(frame.count).toBe(0);
  expect(pointsInside(frame, { position: [0, 0, 0], dimensions: [9, 9, 9], yaw: 0 })).toEqual([]);
  expect(groundHeight(frame, 0, 0, 5)).toBeNull();
});

test("points inside a turned cuboid: the same as asking each point", () => {
  const frame = decodeFrame(encodeFrame(cloud(5000)));
  const cuboid: Cuboid = { position: [500_030, 4_000_030, 2], dimensions: [20, 8, 2], yaw: 0.6 };
  const slowly = (margin: number) =>
    Array.from({ length: frame.count }, (_, i) => i).filter((i) =>
      toLocal(cuboid, frame.position(i)).every((value, axis) => Math.abs(value) <= cuboid.dimensions[axis]! / 2 + margin + 1e-9),
    );
  const found = pointsInside(frame, cuboid);
  expect(found.length).toBeGreaterThan(50);
  expect(found).toEqual(slowly(0));
  expect(pointsInside(frame, cuboid, 1)).toEqual(slowly(1));
});

test("the ground's height leaves out stray returns below it and the car above it", () => {
  const next = numbers(3);
  const near = (): [number, number] => [next() * 4 - 2, next() * 4 - 2];
  const points: Vec3[] = [];
  for (let i = 0; i < 200; i++) points.push([...near(), -1.7 + next() * 0.04]);
  for (let i = 0; i < 100; i++) points.push([...near(), -1 + next()]);
  for (let i = 0; i < 4; i++) points.push([...near(), -6]);
  points.push([50, 50, -20]);
  const frame = decodeFrame(encodeFrame(points));
  const height = groundHeight(frame, 0, 0, 3);
  expect(height).toBeGreaterThan(-1.75);
  expect(height).toBeLessThan(-1.6);
  expect(groundHeight(frame, 50, 50, 1)).toBeNull();
});
