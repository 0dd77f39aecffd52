/** The main view's camera: it circles a place in the world, in perspective or straight down; pure, in the world's metres. */
import type { Vec3 } from "../../workbench/types";

export interface Orbit {
  readonly target: Vec3;
  readonly distance: number;
  /** Where the camera looks, as a yaw: up on the screen in the view from above. */
  readonly yaw: number;
  /** How far down it looks, from 0 (level) to pi / 2. */
  readonly pitch: number;
  /** Straight down, without perspective. */
  readonly top: boolean;
}

export interface Ray {
  origin: Vec3;
  direction: Vec3;
}

/** Where on the screen, from -1 to 1, x to the right and y up, with the screen's width over height. */
export interface ScreenPlace {
  x: number;
  y: number;
  aspect: number;
}

/** Of the opening angle, upright. */
export const FIELD = (50 * Math.PI) / 180;
const HALF = Math.tan(FIELD / 2);
const PITCH_MIN = 0.03;
const PITCH_MAX = Math.PI / 2 - 0.001;
const DISTANCE_MIN = 1;
const DISTANCE_MAX = 600;

export interface Axes {
  right: Vec3;
  up: Vec3;
  ahead: Vec3;
}

export function axesOf(orbit: Orbit): Axes {
  const pitch = orbit.top ? Math.PI / 2 : orbit.pitch;
  const [cos, sin] = [Math.cos(orbit.yaw), Math.sin(orbit.yaw)];
  const [level, down] = [orbit.top ? 0 : Math.cos(pitch), Math.sin(pitch)];
  return { right: [sin, -cos, 0], up: [cos * down, sin * down, level], ahead: [cos * level, sin * level, -down] };
}

export function eyeOf(orbit: Orbit): Vec3 {
  return along(orbit.target, axesOf(orbit).ahead, -orbit.distance);
}

/** Half of what the view from above shows, upright, in metres: the same scale at the target as in perspective. */
export function halfHeight(orbit: Orbit): number {
  return orbit.distance * HALF;
}

export function turn(orbit: Orbit, right: number, down: number): Orbit {
  // Straight down there is only one turn: about the upright axis.
  const pitch = orbit.top ? orbit.pitch : Math.min(PITCH_MAX, Math.max(PITCH_MIN, orbit.pitch + down));
  return { ...orbit, yaw: orbit.yaw - right, pitch };
}

/** Moves the picture with the pointer: shares of the screen's height, right and down, at the target's distance. */
export function pan(orbit: Orbit, right: number, down: number): Orbit {
  const axes = axesOf(orbit);
  const scale = 2 * halfHeight(orbit);
  // Along the ground, not the screen: one stays at the street's height. Low down, a little goes a long way.
  const level: Vec3 = [Math.cos(orbit.yaw), Math.sin(orbit.yaw), 0];
  const stretch = orbit.top ? 1 : 1 / Math.max(0.35, Math.sin(orbit.pitch));
  return { ...orbit, target: along(along(orbit.target, axes.right, -right * scale), level, down * scale * stretch) };
}

/** Comes nearer by `factor` (below 1) or goes away; `anchor` stays where it is on the screen. */
export function zoomAt(orbit: Orbit, factor: number, anchor: Vec3): Orbit {
  const distance = Math.min(DISTANCE_MAX, Math.max(DISTANCE_MIN, orbit.distance * factor));
  const share = distance / orbit.distance;
  const target = orbit.target.map((value, axis) => anchor[axis]! + (value - anchor[axis]!) * share) as Vec3;
  return { ...orbit, target, distance };
}

export function rayThrough(orbit: Orbit, place: ScreenPlace): Ray {
  const { right, up, ahead } = axesOf(orbit);
  if (orbit.top) {
    const half = halfHeight(orbit);
    const origin = along(along(eyeOf(orbit), right, place.x * half * place.aspect), up, place.y * half);
    return { origin, direction: ahead };
  }
  const direction = along(along(ahead, right, place.x * HALF * place.aspect), up, place.y * HALF);
  const length = Math.hypot(...direction);
  return { origin: eyeOf(orbit), direction: direction.map((value) => value / length) as Vec3 };
}

/** Where a ray meets the level plane at height `z`; null when it goes away from it, or nearly so. */
export function meetLevel(ray: Ray, z: number): Vec3 | null {
  const t = (z - ray.origin[2]) / ray.direction[2];
  return t > 0 && Number.isFinite(t) && t < 5000 ? along(ray.origin, ray.direction, t) : null;
}

/** A place to hold on to while zooming: on the ground under the pointer when that is near, else as far as the target. */
export function anchorOf(orbit: Orbit, ray: Ray): Vec3 {
  const ground = meetLevel(ray, orbit.target[2]);
  if (ground && Math.hypot(...ground.map((value, axis) => value - ray.origin[axis]!)) < orbit.distance * 3) return ground;
  const { ahead } = axesOf(orbit);
  const cosine = ray.direction[0] * ahead[0] + ray.direction[1] * ahead[1] + ray.direction[2] * ahead[2];
  return along(ray.origin, ray.direction, orbit.distance / cosine);
}

/** On the screen, as `rayThrough` takes it; null behind the camera. `depth` is metres ahead of it. */
export function placeOnScreen(orbit: Orbit, point: Vec3, aspect: number): (ScreenPlace & { depth: number }) | null {
  const eye = eyeOf(orbit);
  const { right, up, ahead } = axesOf(orbit);
  const from: Vec3 = [point[0] - eye[0], point[1] - eye[1], point[2] - eye[2]];
  const depth = dot(from, ahead);
  if (!orbit.top && depth <= 0) return null;
  const half = orbit.top ? halfHeight(orbit) : depth * HALF;
  return { x: dot(from, right) / (half * aspect), y: dot(from, up) / half, aspect, depth };
}

function along(from: Vec3, direction: Vec3, distance: number): Vec3 {
  return [from[0] + direction[0] * distance, from[1] + direction[1] * distance, from[2] + direction[2] * distance];
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
