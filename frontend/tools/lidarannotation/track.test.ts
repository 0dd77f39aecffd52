import { expect, test } from "vitest";
import type { LidarTrack, Vec3 } from "../../workbench/types";
import type { Cuboid } from "../../geometry/cuboid";
import { cuboidAt, endedAt, filled, gapsOf, grown, placed, predicted, resized, speedAt, startedAt, withoutFrame, withoutKey } from "./track";

const clock = (frame: number) => frame / 10;
const BOX: Cuboid = { position: [0, 0, 1], dimensions: [4, 2, 2], yaw: 0 };
const at = (x: number, yaw = 0): Cuboid => ({ ...BOX, position: [x, 0, 1], yaw });
const start = (frame = 2): LidarTrack => ({ id: "1", label: "car", attributes: {}, cuboids: [{ frame, ...BOX, key: true }] });
const frames = (track: LidarTrack | null) => track?.cuboids.map((one) => `${one.frame}${one.key ? "k" : ""}`).join(" ");

test("a key beyond the end draws the track out to it, evenly in time", () => {
  const track = placed(start(), 6, at(8), clock);
  expect(frames(track)).toBe("2k 3 4 5 6k");
  expect(track.cuboids.map((one) => one.position[0])).toEqual([0, 2, 4, 6, 8]);
  const uneven = placed(start(0), 2, at(8), (frame) => [0, 3, 4][frame]!);
  expect(cuboidAt(uneven, 1)!.position[0]).toBe(6);
});

test("the yaw goes the short way round, also across the turn", () => {
  const track = placed(placed(start(0), 0, at(0, 3.1), clock), 2, at(0, -3.1), clock);
  expect(Math.abs(cuboidAt(track, 1)!.yaw)).toBeCloseTo(Math.PI, 3);
});

test("what stands still in the world stays, whatever the device does", () => {
  const track = placed(start(0), 9, BOX, clock);
  expect(track.cuboids.every((one) => one.position.every((value, axis) => value === BOX.position[axis]))).toBe(true);
});

test("a key within moves the frames around it, up to the next keys only", () => {
  let track = placed(placed(start(0), 4, at(8), clock), 8, at(16), clock);
  track = placed(track, 2, at(10), clock);
  expect(track.cuboids.map((one) => one.position[0])).toEqual([0, 5, 10, 9, 8, 10, 12, 14, 16]);
  expect(frames(withoutKey(track, 2, clock))).toBe("0k 1 2 3 4k 5 6 7 8k");
  expect(cuboidAt(withoutKey(track, 2, clock)!, 2)!.position[0]).toBe(4);
});

test("taking away the first or last key shortens the track; the only one takes the track", () => {
  const track = placed(placed(start(0), 2, at(2), clock), 4, at(4), clock);
  expect(frames(withoutKey(track, 4, clock))).toBe("0k 1 2k");
  expect(frames(withoutKey(track, 0, clock))).toBe("2k 3 4k");
  expect(withoutKey(start(), 2, clock)).toBeNull();
});

test("ending and starting cut the track and keep what is left where it was", () => {
  const track = placed(start(0), 4, at(8), clock);
  expect(frames(endedAt(track, 2))).toBe("0k 1 2k");
  expect(cuboidAt(endedAt(track, 2)!, 1)!.position[0]).toBe(2);
  expect(frames(startedAt(track, 3))).toBe("3k 4k");
  expect(endedAt(track, 4)).toBe(track);
  expect(startedAt(track, 9)).toBeNull();
});

test("a frame left out stays out while the track is edited, until the gap is filled", () => {
  const gap = withoutFrame(placed(start(0), 6, at(6), clock), 3)!;
  expect(frames(gap)).toBe("0k 1 2k 4k 5 6k");
  expect(gapsOf(gap)).toEqual([{ from: 2, to: 4 }]);
  expect(frames(placed(gap, 6, at(9), clock))).toBe("0k 1 2k 4k 5 6k");
  expect(frames(resized(gap, [5, 2, 2], clock, () => [0, 0, 0]))).toBe("0k 1 2k 4k 5 6k");
  const whole = filled(gap, 3, clock);
  expect(frames(whole)).toBe("0k 1 2k 3 4k 5 6k");
  expect(cuboidAt(whole, 3)!.position[0]).toBe(3);
});

test("a new size keeps the corner nearest to the device and the ground", () => {
  const device: Vec3 = [-20, -20, 2];
  const larger = grown(BOX, [5, 2.5, 3], device);
  expect(larger.position[0] - 2.5).toBeCloseTo(-2);
  expect(larger.position[1] - 1.25).toBeCloseTo(-1);
  expect(larger.position[2] - 1.5).toBeCloseTo(0);
  const behind = grown(BOX, [5, 2.5, 3], [-20, 0, 2]);
  expect(behind.position[1]).toBeCloseTo(0);
});

test("one size for all frames: keys move, and the frames between follow", () => {
  const track = resized(placed(start(0), 2, at(8), clock), [6, 2, 2], clock, () => [100, 0, 0]);
  expect(track.cuboids.map((one) => one.dimensions[0])).toEqual([6, 6, 6]);
  expect(track.cuboids.map((one) => one.position[0])).toEqual([-1, 3, 7]);
});

test("motion goes on as it was; what stands, stands", () => {
  const moving = placed(start(0), 4, at(8), clock);
  expect(predicted(moving, 6, clock)!.position[0]).toBeCloseTo(12);
  expect(speedAt(moving, 2, clock)).toBeCloseTo(20);
  const standing = placed(start(0), 4, at(0.05), clock);
  expect(predicted(standing, 9, clock)!.position[0]).toBeCloseTo(0.05);
  const later = placed(start(5), 7, at(2), clock);
  expect(predicted(later, 4, clock)!.position[0]).toBeCloseTo(-1);
});
