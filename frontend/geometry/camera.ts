/** Where the world is in a camera's picture: lens distortion as OpenCV defines it, cuboids as lines, nothing behind the lens. */
import type { CameraImage, Vec3 } from "../workbench/types";
import { corners, EDGES, type Cuboid } from "./cuboid";
import { unrotate } from "./quaternion";

export interface Projected {
  x: number;
  y: number;
  /** Metres ahead of the lens. */
  depth: number;
}

export type Segment = [x1: number, y1: number, x2: number, y2: number];

/** Nearer than this nothing is drawn, in metres. */
const NEAR = 0.1;
/** Pieces of an edge: enough that a wide lens bends it visibly right. */
const PIECES = 12;

/** In the picture's pixels; null behind the lens and where the lens's model no longer holds. */
export function project(camera: CameraImage, point: Vec3): Projected | null {
  return projectSeen(camera, seenFrom(camera, point));
}

/** The twelve edges in the picture's pixels, in pieces, from the near plane on. */
export function cuboidEdges(camera: CameraImage, cuboid: Cuboid): Segment[] {
  const all = corners(cuboid).map((corner) => seenFrom(camera, corner));
  if (all.every((corner) => corner[2] < NEAR)) return [];
  const pieces = isStraight(camera) ? 1 : PIECES;
  return EDGES.flatMap(([from, to]) => edge(camera, all[from]!, all[to]!, pieces));
}

function seenFrom(camera: CameraImage, point: Vec3): Vec3 {
  const [x, y, z] = camera.position;
  return unrotate(camera.heading, [point[0] - x, point[1] - y, point[2] - z]);
}

function edge(camera: CameraImage, from: Vec3, to: Vec3, pieces: number): Segment[] {
  const clipped = clipNear(from, to);
  if (!clipped) return [];
  const segments: Segment[] = [];
  let before = projectSeen(camera, clipped[0]);
  for (let piece = 1; piece <= pieces; piece++) {
    const after = projectSeen(camera, between(clipped[0], clipped[1], piece / pieces));
    if (before && after) segments.push([before.x, before.y, after.x, after.y]);
    before = after;
  }
  return segments;
}

function clipNear(from: Vec3, to: Vec3): [Vec3, Vec3] | null {
  if (from[2] < NEAR && to[2] < NEAR) return null;
  if (from[2] >= NEAR && to[2] >= NEAR) return [from, to];
  const cut = between(from, to, (NEAR - from[2]) / (to[2] - from[2]));
  cut[2] = NEAR;
  return from[2] < NEAR ? [cut, to] : [from, cut];
}

function between(from: Vec3, to: Vec3, t: number): Vec3 {
  return [from[0] + (to[0] - from[0]) * t, from[1] + (to[1] - from[1]) * t, from[2] + (to[2] - from[2]) * t];
}

function isStraight(camera: CameraImage): boolean {
  return camera.model !== "fisheye" && camera.model !== "omnidirectional" && Object.values(camera.distortion).every((value) => !value);
}

function projectSeen(camera: CameraImage, [x, y, z]: Vec3): Projected | null {
  if (!(z >= NEAR * 0.999)) return null;
  const bent = lens(camera, x, y, z);
  if (!bent) return null;
  return {
    x: camera.fx * bent[0] + camera.skew * bent[1] + camera.cx,
    y: camera.fy * bent[1] + camera.cy,
    depth: z,
  };
}

function lens(camera: CameraImage, x: number, y: number, z: number): [number, number] | null {
  if (camera.model === "fisheye") return fisheye(camera, x / z, y / z);
  if (camera.model !== "omnidirectional") return brownConrady(camera, x / z, y / z);
  // Mei's model: first onto the unit sphere, then seen from `xi` behind its middle.
  const depth = z + (camera.distortion.xi ?? 0) * Math.hypot(x, y, z);
  return depth > 0 ? brownConrady(camera, x / depth, y / depth) : null;
}

function fisheye(camera: CameraImage, a: number, b: number): [number, number] | null {
  const r = Math.hypot(a, b);
  if (r < 1e-9) return [a, b];
  const { k1 = 0, k2 = 0, k3 = 0, k4 = 0 } = camera.distortion;
  const t = Math.atan(r);
  const limit = limitOf(camera, (s) => fisheyeAngle(s, k1, k2, k3, k4), Math.PI / 2);
  if (t > limit) return null;
  const scale = fisheyeAngle(t, k1, k2, k3, k4) / r;
  return [a * scale, b * scale];
}

function fisheyeAngle(t: number, k1: number, k2: number, k3: number, k4: number): number {
  const s = t * t;
  return t * (1 + s * (k1 + s * (k2 + s * (k3 + s * k4))));
}

function brownConrady(camera: CameraImage, a: number, b: number): [number, number] | null {
  const { k1 = 0, k2 = 0, p1 = 0, p2 = 0, k3 = 0, k4 = 0, k5 = 0, k6 = 0 } = camera.distortion;
  const s = a * a + b * b;
  const radial = (q: number) => (1 + q * (k1 + q * (k2 + q * k3))) / (1 + q * (k4 + q * (k5 + q * k6)));
  if (Math.sqrt(s) > limitOf(camera, (r) => r * radial(r * r), 20)) return null;
  const bend = radial(s);
  return [a * bend + 2 * p1 * a * b + p2 * (s + 2 * a * a), b * bend + p1 * (s + 2 * b * b) + 2 * p2 * a * b];
}

const limits = new WeakMap<CameraImage, number>();

/**
 * How far from the axis `radius` still grows. Beyond it the polynomial folds back, and things far outside of the picture
 * would appear in its middle.
 */
function limitOf(camera: CameraImage, radius: (from: number) => number, largest: number): number {
  const known = limits.get(camera);
  if (known !== undefined) return known;
  const steps = 2000;
  let limit = Infinity;
  for (let i = 1, before = 0; i <= steps; i++) {
    const now = radius((i * largest) / steps);
    if (!(now > before)) {
      limit = ((i - 1) * largest) / steps;
      break;
    }
    before = now;
  }
  limits.set(camera, limit);
  return limit;
}
