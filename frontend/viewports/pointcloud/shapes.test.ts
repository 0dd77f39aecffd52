import { expect, test } from "vitest";
import type { Cuboid } from "../../geometry/cuboid";
import { rangesOf } from "./coloring";
import { decodeFrame } from "./frame";
import { encodeFrame } from "./lypf.fixture";
import { cuboidFaces, cuboidLines, radarLines, rgb, type ShownCuboid } from "./shapes";

const CUBOID: Cuboid = { position: [500_000, 4_000_000, 1], dimensions: [4, 2, 1.5], yaw: 0 };
const shown = (over: Partial<ShownCuboid> = {}): ShownCuboid => ({ id: "a", cuboid: CUBOID, color: "#ff8000", selected: false, ghost: false, ...over });

test("lines are relative to the origin, in the painted colour, with an arrow past the front", () => {
  const { positions, colors } = cuboidLines([shown()], [500_000, 4_000_000, 0], (one) => rgb(one.color));
  expect(positions).toHaveLength((12 + 3) * 6);
  expect(colors).toHaveLength(positions.length);
  expect(Math.max(...positions)).toBe(3);
  expect(Math.min(...positions)).toBe(-2);
  expect(colors.slice(0, 3)).toEqual([1, 128 / 255, 0]);
});

test("ghosts have no faces, the front face is the strongest", () => {
  const { positions, colors } = cuboidFaces([shown({ ghost: true }), shown()], CUBOID.position, () => [1, 1, 1]);
  expect(positions).toHaveLength(36 * 3);
  expect(colors[3]).toBeGreaterThan(colors[6 * 4 + 3]!);
  for (let vertex = 0; vertex < 6; vertex++) expect(positions[vertex * 3]).toBe(2);
});

test("radar: a line as long as a second's way, none for what stands", () => {
  const lines = radarLines([{ position: [1, 1, 0], direction: [3, 0, 0], size: 1 }, { position: [1, 1, 0], direction: [0, 0, 0], size: 1 }], [1, 1, 0], [1, 1, 1]);
  expect(lines.positions).toEqual([0, 0, 0, 3, 0, 0]);
});

test("the ranges of the colours come from most of the points, not from the strays", () => {
  const points = Array.from({ length: 1000 }, (_, i): [number, number, number] => [(i % 50) + 1, 0, i < 990 ? -1.7 + (i % 7) * 0.5 : 60]);
  const ranges = rangesOf(decodeFrame(encodeFrame(points, points.map((_, i) => (i === 0 ? 255 : 40)))), [0, 0, 0]);
  expect(ranges.height[0]).toBeCloseTo(-1.7, 1);
  expect(ranges.height[1]).toBeLessThan(7);
  expect(ranges.intensity[1]).toBeCloseTo(40 / 255);
  expect(ranges.distance[1]).toBeLessThan(51);
});
