import { expect, test } from "vitest";
import type { CameraImage } from "../workbench/types";
import { cuboidEdges, project } from "./camera";
import type { Cuboid } from "./cuboid";
import { hull } from "./hull";
import { rotate, unrotate, yawOf } from "./quaternion";

/** At the world's origin, its own axes the world's: x right, y down, z forward. */
function camera(over: Partial<CameraImage> = {}): CameraImage {
  return {
    camera: "front", url: "", width: 1280, height: 720, position: [0, 0, 0], heading: [1, 0, 0, 0],
    model: "brown_conrady", fx: 900, fy: 910, cx: 640, cy: 360, skew: 0, distortion: {}, ...over,
  };
}

test("pinhole: the axis is at the principal point, right is right, down is down", () => {
  expect(project(camera(), [0, 0, 5])).toEqual({ x: 640, y: 360, depth: 5 });
  expect(project(camera(), [1, 2, 10])).toEqual({ x: 730, y: 542, depth: 10 });
  expect(project(camera(), [0, 0, -5])).toBeNull();
  expect(project(camera({ skew: 9 }), [0, 10, 10])!.x).toBe(649);
});

test("the pose turns the world: a camera that looks along +x sees what is ahead on its axis and what is left on the left", () => {
  const ahead = camera({ position: [2, 0, 1], heading: [0.5, -0.5, 0.5, -0.5] });
  expect(project(ahead, [12, 0, 1])).toMatchObject({ x: expect.closeTo(640), y: expect.closeTo(360), depth: expect.closeTo(10) });
  expect(project(ahead, [12, 1, 1])!.x).toBeLessThan(640);
  expect(project(ahead, [12, 0, 2])!.y).toBeLessThan(360);
});

// Both expectations are OpenCV's results for the same cameras.
test("distortion as in OpenCV: Brown-Conrady", () => {
  const bent = camera({ distortion: { k1: -0.3, k2: 0.1, p1: 0.001, p2: -0.002, k3: 0.02 } });
  const place = project(bent, [1.5, -0.7, 4])!;
  expect(place.x).toBeCloseTo(960.25198366, 5);
  expect(place.y).toBeCloseTo(208.89889762, 5);
});

test("distortion as in OpenCV: fisheye", () => {
  const bent = camera({ model: "fisheye", distortion: { k1: 0.05, k2: -0.01, k3: 0.003, k4: -0.001 } });
  const place = project(bent, [1.5, -0.7, 4])!;
  expect(place.x).toBeCloseTo(962.3907811, 5);
  expect(place.y).toBeCloseTo(207.87931292, 5);
});

test("what is far off the axis does not fold back into the picture", () => {
  const barrel = camera({ distortion: { k1: -0.3 } });
  expect(project(barrel, [0.9, 0, 1])).not.toBeNull();
  expect(project(barrel, [1.8, 0, 1])).toBeNull();
});

test("cuboids: twelve lines when all of it is ahead, bent ones in pieces, clipped ones stay ahead, none behind", () => {
  const box: Cuboid = { position: [0, 0, 10], dimensions: [2, 2, 2], yaw: 0 };
  expect(cuboidEdges(camera(), box)).toHaveLength(12);
  expect(cuboidEdges(camera({ distortion: { k1: -0.05 } }), box).length).toBeGreaterThan(12 * 8);
  expect(cuboidEdges(camera(), { ...box, position: [0, 0, -10] })).toEqual([]);
  const around = cuboidEdges(camera(), { ...box, position: [0, 0, 0.5] });
  expect(around).toHaveLength(8); // the far face and the four edges that reach it
  for (const segment of around) for (const value of segment) expect(Number.isFinite(value)).toBe(true);
});

test("quaternions turn and turn back", () => {
  const left: [number, number, number, number] = [Math.SQRT1_2, 0, 0, Math.SQRT1_2];
  const turned = rotate(left, [1, 0, 3]);
  [0, 1, 3].forEach((value, axis) => expect(turned[axis]).toBeCloseTo(value));
  unrotate(left, turned).forEach((value, axis) => expect(value).toBeCloseTo([1, 0, 3][axis]!));
  expect(yawOf(left)).toBeCloseTo(Math.PI / 2);
});

test("the outline of points leaves out those inside", () => {
  const outline = hull([[0, 0], [4, 0], [2, 1], [4, 4], [0, 4], [2, 0]]);
  expect(outline).toHaveLength(4);
  expect(outline).not.toContainEqual([2, 1]);
});
