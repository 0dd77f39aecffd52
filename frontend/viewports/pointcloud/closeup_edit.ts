/** What a drag in a close-up does to a cuboid; pure. A close-up looks along one of the cuboid's own axes. */
import { toWorld, wrapAngle, type Cuboid } from "../../geometry/cuboid";
import type { Vec3 } from "../../workbench/types";

export type CloseUpAxis = "top" | "side" | "front";

/** One of the cuboid's own axes with its direction: [1, -1] is towards its right. */
export type SignedAxis = readonly [axis: 0 | 1 | 2, sign: 1 | -1];

export interface Frame {
  right: SignedAxis;
  up: SignedAxis;
  /** From the cuboid towards the eye. */
  back: SignedAxis;
}

/** From above with the heading up; from its right with the heading to the right; from behind, left on the left. */
export const FRAMES: Record<CloseUpAxis, Frame> = {
  top: { right: [1, -1], up: [0, 1], back: [2, 1] },
  side: { right: [0, 1], up: [2, 1], back: [1, -1] },
  front: { right: [1, -1], up: [2, 1], back: [0, -1] },
};

/** What is dragged: -1, 0 or 1 to the right and up for edges and corners (0, 0 moves the whole), or the turning handle. */
export type Handle = { kind: "side"; right: -1 | 0 | 1; up: -1 | 0 | 1 } | { kind: "turn" };

export interface Flat {
  right: number;
  up: number;
}

/** Nothing real is smaller; a face cannot be dragged past the opposite one. */
export const SIZE_MIN = 0.05;

/**
 * The cuboid after a drag between two places in the close-up's plane, in metres from the centre of `start`.
 * The opposite face stays where it is.
 */
export function dragged(start: Cuboid, axis: CloseUpAxis, handle: Handle, from: Flat, to: Flat): Cuboid {
  if (handle.kind === "turn") {
    const angle = Math.atan2(to.up, to.right) - Math.atan2(from.up, from.right);
    return { ...start, yaw: wrapAngle(start.yaw + angle) };
  }
  const frame = FRAMES[axis];
  const shift: Vec3 = [0, 0, 0];
  const dimensions: Vec3 = [...start.dimensions];
  const whole = handle.right === 0 && handle.up === 0;
  const pull = ([own, sign]: SignedAxis, side: number, way: number) => {
    if (whole) shift[own] = sign * way;
    if (side === 0) return;
    dimensions[own] = Math.max(SIZE_MIN, start.dimensions[own] + side * way);
    shift[own] = (sign * side * (dimensions[own] - start.dimensions[own])) / 2;
  };
  pull(frame.right, handle.right, to.right - from.right);
  pull(frame.up, handle.up, to.up - from.up);
  return { position: toWorld(start, shift), dimensions, yaw: start.yaw };
}

/** A direction of the close-up in the world, of length one. */
export function worldAxis(cuboid: Cuboid, [own, sign]: SignedAxis): Vec3 {
  const unit: Vec3 = [0, 0, 0];
  unit[own] = sign;
  return toWorld({ ...cuboid, position: [0, 0, 0] }, unit);
}

/** The corners of `cuboid` in the plane of the close-up that looks at `seen`: left below, right below, right above, left above. */
export function outline(seen: Cuboid, axis: CloseUpAxis, cuboid: Cuboid): Flat[] {
  const { right, up } = FRAMES[axis];
  const [r, u] = [worldAxis(seen, right), worldAxis(seen, up)];
  return ([[-1, -1], [1, -1], [1, 1], [-1, 1]] as const).map(([toRight, toUp]) => {
    const own: Vec3 = [0, 0, 0];
    own[right[0]] = (right[1] * toRight * cuboid.dimensions[right[0]]) / 2;
    own[up[0]] = (up[1] * toUp * cuboid.dimensions[up[0]]) / 2;
    const corner = toWorld(cuboid, own);
    const from = corner.map((value, i) => value - seen.position[i]!) as Vec3;
    return { right: dot(from, r), up: dot(from, u) };
  });
}

/** Metres that the view shows upright so that the cuboid fills some half of it; `before` stays while it still does. */
export function fitted(cuboid: Cuboid, axis: CloseUpAxis, aspect: number, before: number | null): number {
  const { right, up } = FRAMES[axis];
  const wanted = Math.max(cuboid.dimensions[up[0]], cuboid.dimensions[right[0]] / aspect, 0.4);
  const keeps = before !== null && wanted > before * 0.35 && wanted < before * 0.8;
  return keeps ? before : wanted * 1.8;
}

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** How far the turning handle is past the front, in pixels. */
export const TURN_AWAY = 14;

/** What is at a place, all in pixels from the middle of the cuboid's outline; null outside of it. */
export function handleAt(place: Flat, half: Flat, turns: boolean, reach: number): Handle | null {
  if (turns && Math.hypot(place.right, place.up - half.up - TURN_AWAY) <= reach) return { kind: "turn" };
  const right = sideAt(place.right, half.right, reach);
  const up = sideAt(place.up, half.up, reach);
  return right === null || up === null ? null : { kind: "side", right, up };
}

/** On an edge (-1 or 1), between them (0) or outside (null). The middle third is always between. */
function sideAt(place: number, half: number, reach: number): -1 | 0 | 1 | null {
  const past = Math.abs(place) - half;
  if (past > reach) return null;
  if (past < -Math.min(reach, half * 0.67)) return 0;
  return place < 0 ? -1 : 1;
}
