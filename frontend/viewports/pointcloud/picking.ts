/** What is under the pointer: cuboids and points; pure, and without a copy of the points. */
import { hitByRay } from "../../geometry/cuboid";
import type { PointFrame } from "./frame";
import { axesOf, eyeOf, FIELD, halfHeight, type Orbit, type Ray } from "./orbit";
import type { ShownCuboid } from "./shapes";

/** Small and far cuboids are grown so that they can be hit. */
const GROWN_PIXELS = 3;

/** The first cuboid along the ray; one of a neighbour's only where there is no own one. */
export function pickCuboid(list: readonly ShownCuboid[], ray: Ray, pixelsPerMetre: (distance: number) => number): ShownCuboid | null {
  let best: { shown: ShownCuboid; at: number } | null = null;
  for (const shown of list) {
    const { position } = shown.cuboid;
    const distance = Math.hypot(position[0] - ray.origin[0], position[1] - ray.origin[1], position[2] - ray.origin[2]);
    const at = hitByRay(shown.cuboid, ray.origin, ray.direction, GROWN_PIXELS / pixelsPerMetre(distance));
    if (at === null) continue;
    const before = !best || (best.shown.ghost !== shown.ghost ? best.shown.ghost : at < best.at);
    if (before) best = { shown, at };
  }
  return best?.shown ?? null;
}

export function pixelsPerMetre(orbit: Orbit, height: number): (distance: number) => number {
  if (orbit.top) return () => height / (2 * halfHeight(orbit));
  return (distance) => height / (2 * Math.max(distance, 0.1) * Math.tan(FIELD / 2));
}

/** Within this many pixels two points are equally near, and the one in front counts. */
const SAME_PIXELS = 3;

/** The index of the point nearest to a place on the screen (pixels from its middle, y up), within `reach` pixels; -1 when none is. */
export function nearestPoint(frame: PointFrame, orbit: Orbit, height: number, x: number, y: number, reach: number): number {
  const { right, up, ahead } = axesOf(orbit);
  const eye = eyeOf(orbit);
  const { data, step, count } = frame;
  const o0 = frame.origin[0] - eye[0];
  const o1 = frame.origin[1] - eye[1];
  const o2 = frame.origin[2] - eye[2];
  const scale = height / 2 / (orbit.top ? halfHeight(orbit) : Math.tan(FIELD / 2));
  const same = SAME_PIXELS * SAME_PIXELS;
  let best = -1;
  let bestScore = Infinity;
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    const px = o0 + data[at]! * step[0];
    const py = o1 + data[at + 1]! * step[1];
    const pz = o2 + data[at + 2]! * step[2];
    const depth = px * ahead[0] + py * ahead[1] + pz * ahead[2];
    if (depth < 0.1 && !orbit.top) continue;
    const pixels = orbit.top ? scale : scale / depth;
    const dx = (px * right[0] + py * right[1] + pz * right[2]) * pixels - x;
    if (dx > reach || dx < -reach) continue;
    const dy = (px * up[0] + py * up[1] + pz * up[2]) * pixels - y;
    const far = dx * dx + dy * dy;
    if (far > reach * reach) continue;
    const score = Math.max(far, same) + depth * 1e-4;
    if (score < bestScore) {
      bestScore = score;
      best = i;
    }
  }
  return best;
}
