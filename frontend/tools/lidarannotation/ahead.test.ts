import { expect, test } from "vitest";
import type { CameraImage, LidarFrame } from "../../workbench/types";
import { facing, yawAhead } from "./ahead";
import { yawOf } from "../../geometry/quaternion";

/** A lens that looks along +y: x to the right is +x, y down is -z. */
const ALONG_Y: [number, number, number, number] = [Math.SQRT1_2, -Math.SQRT1_2, 0, 0];
const image = (camera: string, heading = ALONG_Y) => ({ camera, heading }) as CameraImage;
const frame = (...images: CameraImage[]) => ({ device: { position: [1, 2, 3], heading: [1, 0, 0, 0] }, images }) as unknown as LidarFrame;

test("the front camera tells where ahead is, whatever axis the device's heading turns", () => {
  expect(yawAhead(frame(image("front_left_camera", [1, 0, 0, 0]), image("front_camera")))).toBeCloseTo(Math.PI / 2);
  expect(yawOf(facing(frame(image("front"))).heading)).toBeCloseTo(Math.PI / 2);
  expect(facing(frame(image("front"))).position).toEqual([1, 2, 3]);
});

test("without one the device's x is ahead", () => {
  expect(yawAhead(frame())).toBe(0);
  expect(yawAhead(frame(image("front_left"), image("image_02")))).toBe(0);
  expect(yawAhead(frame(image("front", [0, 1, 0, 0])))).toBe(0);
});
