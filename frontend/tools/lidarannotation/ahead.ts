/** Which way the device faces. Its heading turns x ahead for some customers and y for others; a front camera tells. Pure. */
import { rotate, yawOf, type Quaternion } from "../../geometry/quaternion";
import type { LidarFrame, Vec3 } from "../../workbench/types";

const FRONT = /front|forward|ahead/i;
const ASIDE = /left|right|side|rear|back/i;
/** A camera that looks down so steeply says nothing about ahead. */
const LEVEL_MIN = 0.3;

export function facing(frame: LidarFrame): { position: Vec3; heading: Quaternion } {
  const yaw = yawAhead(frame);
  return { position: frame.device.position, heading: [Math.cos(yaw / 2), 0, 0, Math.sin(yaw / 2)] };
}

export function yawAhead({ device, images }: LidarFrame): number {
  const front = images.find(({ camera }) => FRONT.test(camera) && !ASIDE.test(camera));
  const look = front && rotate(front.heading, [0, 0, 1]);
  return look && Math.hypot(look[0], look[1]) > LEVEL_MIN ? Math.atan2(look[1], look[0]) : yawOf(device.heading);
}
