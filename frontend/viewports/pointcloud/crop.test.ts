import { expect, test } from "vitest";
import { corners, toLocal, type Cuboid } from "../../geometry/cuboid";
import type { Vec3 } from "../../workbench/types";
import { dataInside, holds } from "./crop";
import { decodeFrame } from "./frame";
import { encodeFrame } from "./lypf.fixture";
import { NearPoints } from "./near_points";
import { PointMaterial } from "./coloring";

/** The same numbers in every run, in [0, 1). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1664525 + 1013904223) % 4294967296) / 4294967296;
}

function frameOf(count: number) {
  const next = numbers(7);
  return decodeFrame(encodeFrame(Array.from({ length: count }, (): Vec3 => [500_000 + next() * 60, 4_000_000 + next() * 60, next() * 4])));
}

const BOX: Cuboid = { position: [500_030, 4_000_030, 2], dimensions: [20, 8, 2], yaw: 0.6 };

test("a crop holds the points of its box, whole, in the frame's order", () => {
  const frame = frameOf(5000);
  const own = (index: number) => toLocal(BOX, frame.position(index)).map((value, axis) => Math.abs(value) - BOX.dimensions[axis]! / 2);
  const inside = (by: number) => Array.from({ length: frame.count }, (_, i) => i).filter((i) => own(i).every((past) => past <= by));
  const row = (index: number) => frame.data.slice(4 * index, 4 * index + 4).join();
  const cut = dataInside(frame, BOX);
  const rows = Array.from({ length: cut.length / 4 }, (_, i) => cut.slice(4 * i, 4 * i + 4).join());
  expect(inside(-0.01).length).toBeGreaterThan(50);
  // On the faces themselves a thousandth decides; a centimetre inside all are there, a centimetre outside none.
  const around = inside(0.01).map(row);
  expect(rows.filter((one) => around.includes(one))).toEqual(rows);
  expect(inside(-0.01).map(row).filter((one) => !rows.includes(one))).toEqual([]);
  expect(around.filter((one) => rows.includes(one))).toEqual(rows);
});

test("a box holds another when it holds its corners", () => {
  const next = numbers(11);
  let both = [0, 0];
  for (let i = 0; i < 300; i++) {
    const place = (far: number): Vec3 => [30 + far * (next() - 0.5), far * (next() - 0.5), far * (next() - 0.5)];
    const outer: Cuboid = { position: place(1), dimensions: [8, 6, 4], yaw: next() * 6 };
    const inner: Cuboid = { position: place(3), dimensions: [1 + 4 * next(), 1 + 3 * next(), 1 + next()], yaw: next() * 6 };
    const truth = corners(inner).every((corner) => toLocal(outer, corner).every((value, axis) => Math.abs(value) <= outer.dimensions[axis]! / 2 + 1e-6));
    expect(holds(outer, inner)).toBe(truth);
    both = truth ? [both[0]! + 1, both[1]!] : [both[0]!, both[1]! + 1];
  }
  expect(Math.min(...both)).toBeGreaterThan(30);
});

test("points are cut out again for another frame, place or scale, and not for a small move", () => {
  const [first, second] = [frameOf(5000), frameOf(4000)];
  const near = new NearPoints(new PointMaterial(), 2);
  near.cover(first, BOX);
  const cut = near.object.geometry;
  near.cover(first, { ...BOX, position: [500_030.1, 4_000_030, 2] });
  expect(near.object.geometry).toBe(cut);
  near.cover(first, { ...BOX, position: [500_040, 4_000_030, 2] });
  expect(near.object.geometry).not.toBe(cut);
  const moved = near.object.geometry;
  near.cover(first, { ...BOX, position: [500_040, 4_000_030, 2], dimensions: [5, 2, 0.5] });
  expect(near.object.geometry).not.toBe(moved);
  near.cover(second, BOX);
  expect(near.limit(Infinity).of).toBe(dataInside(second, { ...BOX, dimensions: [24, 9.6, 2.4] }).length / 4);
  expect(near.limit(3)).toEqual({ points: 3, of: near.limit(Infinity).of });
  near.cover(null, BOX);
  expect(near.limit(Infinity)).toEqual({ points: 0, of: 0 });
});
