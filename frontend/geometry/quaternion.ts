/** Turning vectors by unit quaternions [w, x, y, z]. */
import type { Vec3 } from "../workbench/types";

export type Quaternion = readonly [number, number, number, number];

export function rotate(turn: Quaternion, vector: Vec3): Vec3 {
  const [w, x, y, z] = turn;
  const [a, b, c] = vector;
  // v + 2w (q x v) + 2 q x (q x v)
  const tx = 2 * (y * c - z * b);
  const ty = 2 * (z * a - x * c);
  const tz = 2 * (x * b - y * a);
  return [a + w * tx + y * tz - z * ty, b + w * ty + z * tx - x * tz, c + w * tz + x * ty - y * tx];
}

/** The opposite turn: from the world's directions to a thing's own. */
export function unrotate([w, x, y, z]: Quaternion, vector: Vec3): Vec3 {
  return rotate([w, -x, -y, -z], vector);
}

/** The direction of +x after the turn, about z: the yaw of a device whose x points ahead. */
export function yawOf(turn: Quaternion): number {
  const ahead = rotate(turn, [1, 0, 0]);
  return Math.atan2(ahead[1], ahead[0]);
}
