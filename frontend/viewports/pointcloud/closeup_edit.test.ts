import { expect, test } from "vitest";
import { corners, type Cuboid } from "../../geometry/cuboid";
import { dragged, fitted, FRAMES, handleAt, outline, SIZE_MIN, TURN_AWAY, worldAxis, type CloseUpAxis, type Handle } from "./closeup_edit";

const CAR: Cuboid = { position: [100, 50, 1], dimensions: [4, 2, 1.5], yaw: 0.8 };
const AXES: CloseUpAxis[] = ["top", "side", "front"];
const side = (right: -1 | 0 | 1, up: -1 | 0 | 1): Handle => ({ kind: "side", right, up });
const zero = { right: 0, up: 0 };

test.each(AXES)("%s: its axes are right-handed, so nothing is mirrored", (axis) => {
  const [r, u, b] = [FRAMES[axis].right, FRAMES[axis].up, FRAMES[axis].back].map((one) => worldAxis(CAR, one));
  const cross = [r![1] * u![2] - r![2] * u![1], r![2] * u![0] - r![0] * u![2], r![0] * u![1] - r![1] * u![0]];
  cross.forEach((value, i) => expect(value).toBeCloseTo(b![i]!));
});

test.each(AXES)("%s: dragging an edge keeps the opposite one", (axis) => {
  const after = dragged(CAR, axis, side(1, 0), zero, { right: 0.5, up: 9 });
  const [before, now] = [outline(CAR, axis, CAR), outline(CAR, axis, after)];
  expect(now[0]!.right).toBeCloseTo(before[0]!.right);
  expect(now[1]!.right).toBeCloseTo(before[1]!.right + 0.5);
  expect(now[2]!.up).toBeCloseTo(before[2]!.up);
});

test.each(AXES)("%s: dragging a corner keeps the opposite one", (axis) => {
  const after = dragged(CAR, axis, side(-1, 1), zero, { right: -0.3, up: 0.2 });
  const [before, now] = [outline(CAR, axis, CAR), outline(CAR, axis, after)];
  expect(now[1]!.right).toBeCloseTo(before[1]!.right);
  expect(now[1]!.up).toBeCloseTo(before[1]!.up);
  expect(now[3]!.right).toBeCloseTo(before[3]!.right - 0.3);
  expect(now[3]!.up).toBeCloseTo(before[3]!.up + 0.2);
});

test("moving changes the place only, by what the pointer moved", () => {
  const after = dragged(CAR, "top", side(0, 0), { right: 1, up: 1 }, { right: 1, up: 3 });
  expect(after.dimensions).toEqual(CAR.dimensions);
  expect(after.position[0]).toBeCloseTo(100 + 2 * Math.cos(0.8));
  expect(after.position[1]).toBeCloseTo(50 + 2 * Math.sin(0.8));
  expect(after.position[2]).toBe(1);
});

test("the turning handle turns about the centre", () => {
  const after = dragged(CAR, "top", { kind: "turn" }, { right: 0, up: 3 }, { right: -3, up: 0 });
  expect(after.yaw).toBeCloseTo(0.8 + Math.PI / 2);
  expect(after.position).toEqual(CAR.position);
});

test("a face stops before the opposite one, which still stays", () => {
  const after = dragged(CAR, "side", side(0, 1), zero, { right: 0, up: -50 });
  expect(after.dimensions[2]).toBe(SIZE_MIN);
  expect(Math.min(...corners(after).map((corner) => corner[2]))).toBeCloseTo(0.25);
});

test("the scale stays while the cuboid fills a fair part of the view", () => {
  const first = fitted(CAR, "top", 1, null);
  expect(first).toBeGreaterThan(4);
  expect(fitted({ ...CAR, dimensions: [4.4, 2, 1.5] }, "top", 1, first)).toBe(first);
  expect(fitted({ ...CAR, dimensions: [12, 2.5, 3] }, "top", 1, first)).toBeGreaterThan(12);
  expect(fitted({ ...CAR, dimensions: [0.6, 0.6, 1.7] }, "top", 1, first)).toBeLessThan(2);
});

test("what is under the pointer: corners, edges, the inside, the turning handle, nothing", () => {
  const half = { right: 30, up: 20 };
  const at = (right: number, up: number, turns = true) => handleAt({ right, up }, half, turns, 8);
  expect(at(31, 19)).toEqual(side(1, 1));
  expect(at(-26, 3)).toEqual(side(-1, 0));
  expect(at(2, -24)).toEqual(side(0, -1));
  expect(at(3, 5)).toEqual(side(0, 0));
  expect(at(0, 20 + TURN_AWAY)).toEqual({ kind: "turn" });
  expect(at(0, 20 + TURN_AWAY, false)).toBeNull();
  expect(at(60, 0)).toBeNull();
  expect(handleAt({ right: 1, up: 0 }, { right: 4, up: 4 }, true, 8)).toEqual(side(0, 0));
});
