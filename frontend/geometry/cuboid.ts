/** Cuboids in the world: z up, `yaw` about it from +x counter-clockwise, `dimensions` length (along the heading), width, height. */
import type { Vec3 } from "../workbench/types";

export interface Cuboid {
  position: Vec3;
  dimensions: Vec3;
  yaw: number;
}

/** The same angle in (-pi, pi]. */
export function wrapAngle(angle: number): number {
  const turn = 2 * Math.PI;
  const rest = angle - turn * Math.ceil((angle - Math.PI) / turn);
  return rest <= -Math.PI ? Math.PI : rest;
}

/** In the cuboid's own axes: x ahead, y to the left, z up, from its centre. */
export function toLocal(cuboid: Cuboid, point: Vec3): Vec3 {
  const cos = Math.cos(cuboid.yaw);
  const sin = Math.sin(cuboid.yaw);
  const x = point[0] - cuboid.position[0];
  const y = point[1] - cuboid.position[1];
  return [cos * x + sin * y, cos * y - sin * x, point[2] - cuboid.position[2]];
}

export function toWorld(cuboid: Cuboid, point: Vec3): Vec3 {
  const cos = Math.cos(cuboid.yaw);
  const sin = Math.sin(cuboid.yaw);
  const [x, y, z] = cuboid.position;
  return [x + cos * point[0] - sin * point[1], y + sin * point[0] + cos * point[1], z + point[2]];
}

/** The lower four counter-clockwise from the front left one, then the four above them. */
const SIGNS: ReadonlyArray<Vec3> = [
  [1, 1, -1], [-1, 1, -1], [-1, -1, -1], [1, -1, -1],
  [1, 1, 1], [-1, 1, 1], [-1, -1, 1], [1, -1, 1],
];

/** Pairs of indices of `corners`: below, above, upright. */
export const EDGES: ReadonlyArray<readonly [number, number]> = [
  [0, 1], [1, 2], [2, 3], [3, 0],
  [4, 5], [5, 6], [6, 7], [7, 4],
  [0, 4], [1, 5], [2, 6], [3, 7],
];

/** Two triangles a face, seen from outside counter-clockwise: front, back, left, right, above, below. */
export const FACES: readonly number[] = [
  0, 4, 7, 0, 7, 3, 1, 2, 6, 1, 6, 5, 0, 1, 5, 0, 5, 4, 2, 3, 7, 2, 7, 6, 4, 5, 6, 4, 6, 7, 0, 3, 2, 0, 2, 1,
];

export function corners(cuboid: Cuboid): Vec3[] {
  const [length, width, height] = cuboid.dimensions;
  return SIGNS.map(([x, y, z]) => toWorld(cuboid, [(x * length) / 2, (y * width) / 2, (z * height) / 2]));
}

/** Between `a` (t = 0) and `b` (t = 1); the yaw takes the shorter way round. */
export function interpolate(a: Cuboid, b: Cuboid, t: number): Cuboid {
  const mix = (from: Vec3, to: Vec3): Vec3 => [0, 1, 2].map((i) => from[i]! + (to[i]! - from[i]!) * t) as Vec3;
  return {
    position: mix(a.position, b.position),
    dimensions: mix(a.dimensions, b.dimensions),
    yaw: wrapAngle(a.yaw + wrapAngle(b.yaw - a.yaw) * t),
  };
}

/** Where a ray enters the cuboid grown by `margin`, as a multiple of `direction`; null when it misses. */
export function hitByRay(cuboid: Cuboid, origin: Vec3, direction: Vec3, margin = 0): number | null {
  const from = toLocal(cuboid, origin);
  const along = toLocal({ ...cuboid, position: [0, 0, 0] }, direction);
  let enter = 0;
  let leave = Infinity;
  for (let axis = 0; axis < 3; axis++) {
    const half = cuboid.dimensions[axis]! / 2 + margin;
    const start = from[axis]!;
    const step = along[axis]!;
    if (Math.abs(step) < 1e-12) {
      if (Math.abs(start) > half) return null;
      continue;
    }
    const near = (-Math.sign(step) * half - start) / step;
    const far = (Math.sign(step) * half - start) / step;
    enter = Math.max(enter, near);
    leave = Math.min(leave, far);
  }
  return enter <= leave ? enter : null;
}
