import { expect, test } from "vitest";
import type { Cuboid } from "../../geometry/cuboid";
import type { CameraImage } from "../../workbench/types";
import { bestFirst, boundsOf, closeTo, cuboidInImage, inside, visibility } from "./image_order";

/** Level cameras at the origin: z of the lens points along the world's `yaw`. */
function camera(name: string, yaw: number): CameraImage {
  // From the world's axes to a lens that looks along +x (right -y, down -z), then turned about z.
  const [w, z] = [Math.cos(yaw / 2), Math.sin(yaw / 2)];
  const look = [0.5, -0.5, 0.5, -0.5] as const;
  const heading: [number, number, number, number] = [
    w * look[0] - z * look[3], w * look[1] - z * look[2], w * look[2] + z * look[1], w * look[3] + z * look[0],
  ];
  return { camera: name, url: "", width: 640, height: 400, position: [0, 0, 1.5], heading, model: "brown_conrady", fx: 400, fy: 400, cx: 320, cy: 200, skew: 0, distortion: {} };
}

const CAMERAS = [camera("front", 0), camera("left", Math.PI / 3), camera("back", Math.PI)];
const car = (x: number, y: number): Cuboid => ({ position: [x, y, 1], dimensions: [4, 2, 1.6], yaw: 0 });
const names = (list: CameraImage[]) => list.map((one) => one.camera);

test("the camera that sees the object best comes first", () => {
  expect(names(bestFirst(CAMERAS, car(15, 0)))).toEqual(["front", "left", "back"]);
  expect(names(bestFirst(CAMERAS, car(8, 13)))[0]).toBe("left");
  expect(names(bestFirst(CAMERAS, car(-20, 1)))).toEqual(["back", "front", "left"]);
  expect(names(bestFirst(CAMERAS, null))).toEqual(["front", "left", "back"]);
  expect(visibility(CAMERAS[0]!, car(-20, 0))).toBe(0);
});

test("a click finds the nearest cuboid under it", () => {
  const list = [{ id: "far", cuboid: car(30, 0) }, { id: "near", cuboid: car(12, 0) }, { id: "behind", cuboid: car(-12, 0) }];
  expect(cuboidInImage(CAMERAS[0]!, list, 320, 215)?.id).toBe("near");
  expect(cuboidInImage(CAMERAS[0]!, [list[0]!, list[2]!], 320, 205)?.id).toBe("far");
  expect(cuboidInImage(CAMERAS[0]!, list, 20, 20)).toBeNull();
});

test("what lies outside of the image is cut off", () => {
  expect(boundsOf([])).toBeNull();
  expect(inside({ left: -50, top: 10, right: 30, bottom: 20 }, CAMERAS[0]!)).toEqual({ left: 0, top: 10, right: 30, bottom: 20 });
  expect(inside({ left: -50, top: 10, right: -30, bottom: 20 }, CAMERAS[0]!)).toBeNull();
});

test("the image stays while the object stays near its middle, and moves when it does not", () => {
  const screen = { width: 320, height: 200 };
  const bounds = { left: 300, top: 190, right: 340, bottom: 210 };
  const view = closeTo(bounds, CAMERAS[0]!, screen, null);
  expect(view.scale).toBeGreaterThan(2);
  expect(closeTo({ ...bounds, left: 304, right: 346 }, CAMERAS[0]!, screen, view)).toBe(view);
  expect(closeTo({ left: 500, top: 190, right: 540, bottom: 210 }, CAMERAS[0]!, screen, view)).not.toBe(view);
  const corner = closeTo({ left: 0, top: 0, right: 40, bottom: 20 }, CAMERAS[0]!, screen, null);
  expect([corner.x, corner.y]).toEqual([0, 0]);
});
