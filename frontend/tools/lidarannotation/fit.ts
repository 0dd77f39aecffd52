/** Fits cuboids to points and to the ground. Pure. */
import { toLocal, toWorld, wrapAngle, type Cuboid } from "../../geometry/cuboid";
import { groundHeight, pointsInside, type PointFrame } from "../../viewports/pointcloud/frame";
import type { Vec3 } from "../../workbench/types";
import type { SizeRule } from "./sizes";
import { grown } from "./track";

/** An area on the ground, and which way the object in it looks. */
export interface Footprint {
  center: [number, number];
  length: number;
  width: number;
  yaw: number;
}

/** Around the label's usual width: the line is drawn by hand. */
const WIDE = 1.3;

/** What a line on the ground from an object's back to its front means: an area along it, as wide as the label usually is. */
export function footprintOf(back: Vec3, front: Vec3, usual: Vec3): Footprint {
  const [dx, dy] = [front[0] - back[0], front[1] - back[1]];
  const drawn = Math.hypot(dx, dy);
  // Small objects are touched rather than traced.
  const length = drawn < usual[0] / 2 ? usual[0] : drawn;
  return { center: [(back[0] + front[0]) / 2, (back[1] + front[1]) / 2], length, width: usual[1] * WIDE, yaw: Math.atan2(dy, dx) };
}

/** Around the drawn area: hands tremble. */
const AREA_MARGIN = 0.15;
/** Above the ground by this much is no ground. */
const ABOVE_GROUND = 0.2;
const POINTS_MIN = 5;
/** Farther around than the object, in metres, for the ground's height. */
const GROUND_AROUND = 1.5;
/** Points per side that lie outside of the fit: stray returns. */
const STRAY = 0.005;
const SKIN = 0.02;

export interface Fit {
  cuboid: Cuboid;
  /** Points that it was fitted to; 0: it has the label's usual size. */
  points: number;
}

/** Fits a new cuboid to the points in a drawn area. `frame` null (not loaded): the usual size on level ground. */
export function fitArea(frame: PointFrame | null, area: Footprint, rule: SizeRule, seenFrom: Vec3, level: number, others: readonly Cuboid[] = []): Fit {
  const reach = Math.max(area.length, area.width) / 2 + GROUND_AROUND;
  const ground = (frame && groundHeight(frame, ...area.center, reach)) ?? level;
  const points = frame ? pointsAbove(frame, area, ground, rule, others) : [];
  if (points.length < POINTS_MIN) return { cuboid: unfitted(area, rule, ground), points: 0 };
  const first = fittedTo(points, area.yaw, rule, ground);
  // A line drawn across a corner misses some of the object: what is beside the first fit belongs to it.
  const more = frame ? pointsAbove(frame, grownArea(first, rule), ground, rule, others) : points;
  const best = more.length > points.length ? fittedTo(more, area.yaw, rule, ground) : first;
  // People are thin inside of what they take up: they grow to all sides.
  const from = rule.usual[0] < 1 ? best.position : seenFrom;
  const cuboid = grownToLeast(asLongAsDrawn(best, area, rule, from), rule, from);
  return { cuboid, points: Math.max(more.length, points.length) };
}

/** Less of its length than this is one end of it: the rest is hidden, and the drawn line knows better. */
const WHOLE = 0.75;

function asLongAsDrawn(cuboid: Cuboid, area: Footprint, rule: SizeRule, seenFrom: Vec3): Cuboid {
  const [length, width, height] = cuboid.dimensions;
  if (length > area.length * WHOLE) return cuboid;
  return grown(cuboid, [Math.max(length, Math.min(area.length, rule.most[0])), width, height], seenFrom);
}

/** Shorter than this, an object is no rectangle to a lidar, and the drawn line says more about its heading. */
const ROUND = 2.5;

function fittedTo(points: readonly Vec3[], heading: number, rule: SizeRule, ground: number): Cuboid {
  if (rule.usual[0] < ROUND) return around(points, heading, ground);
  return around(points, towards(bestYaw(points, 0, Math.PI / 2), points, heading, rule), ground);
}

/** A hand's width more on each side, but not much beyond what is usual: the next object may be near. */
const BESIDE = 0.3;

function grownArea({ position, dimensions, yaw }: Cuboid, { usual }: SizeRule): Footprint {
  const size = (axis: 0 | 1) => Math.max(dimensions[axis], Math.min(usual[axis] * WIDE, dimensions[axis] + 2 * BESIDE));
  return { center: [position[0], position[1]], length: size(0), width: size(1), yaw };
}

/** Fits an existing cuboid anew: size, place, and the yaw within some degrees. Null where there are too few points. */
export function refit(frame: PointFrame, cuboid: Cuboid, rule: SizeRule, seenFrom: Vec3, others: readonly Cuboid[] = []): Cuboid | null {
  const { points, ground } = pointsOf(frame, cuboid, 0.35, others);
  if (points.length < POINTS_MIN) return null;
  const yaw = points.length >= 20 ? bestYaw(points, cuboid.yaw - NEAR_YAW, cuboid.yaw + NEAR_YAW) : cuboid.yaw;
  return grownToLeast(around(points, yaw, ground), rule, seenFrom);
}

/** Puts a cuboid of known size to the points: the faces towards the device touch them, and it stands on the ground. */
export function refitPlace(frame: PointFrame, cuboid: Cuboid, seenFrom: Vec3, others: readonly Cuboid[] = []): Cuboid | null {
  const { points, ground } = pointsOf(frame, cuboid, 0.5, others);
  if (points.length < POINTS_MIN) return null;
  const tight = around(points, cuboid.yaw, ground);
  const placed = grown({ ...tight, position: [tight.position[0], tight.position[1], ground + tight.dimensions[2] / 2] }, cuboid.dimensions, seenFrom);
  return { ...placed, yaw: cuboid.yaw };
}

const NEAR_YAW = (12 * Math.PI) / 180;

function pointsOf(frame: PointFrame, cuboid: Cuboid, margin: number, others: readonly Cuboid[]): { points: Vec3[]; ground: number } {
  const bottom = cuboid.position[2] - cuboid.dimensions[2] / 2;
  const reach = Math.max(cuboid.dimensions[0], cuboid.dimensions[1]) / 2 + GROUND_AROUND;
  const found = groundHeight(frame, cuboid.position[0], cuboid.position[1], reach);
  // On a bridge the lowest points are the road below it.
  const ground = found !== null && Math.abs(found - bottom) < 1 ? found : bottom;
  const inside = pointsInside(frame, cuboid, margin).map((index) => frame.position(index));
  return { points: without(others, inside.filter((point) => point[2] > ground + ABOVE_GROUND)), ground };
}

/** Points in another object's cuboid are not this one's. */
function without(others: readonly Cuboid[], points: Vec3[]): Vec3[] {
  const holds = (other: Cuboid, point: Vec3) => toLocal(other, point).every((value, axis) => Math.abs(value) <= other.dimensions[axis]! / 2);
  return points.filter((point) => !others.some((other) => holds(other, point)));
}

function pointsAbove(frame: PointFrame, area: Footprint, ground: number, rule: SizeRule, others: readonly Cuboid[]): Vec3[] {
  const high = Math.max(rule.usual[2] * 1.5, 2.5);
  const box: Cuboid = {
    position: [...area.center, ground + (ABOVE_GROUND + high) / 2],
    dimensions: [area.length + 2 * AREA_MARGIN, area.width + 2 * AREA_MARGIN, high - ABOVE_GROUND],
    yaw: area.yaw,
  };
  return without(others, pointsInside(frame, box).map((index) => frame.position(index)));
}

function unfitted(area: Footprint, rule: SizeRule, ground: number): Cuboid {
  const within = (size: number, axis: 0 | 1) => Math.min(rule.most[axis], Math.max(rule.least[axis], size));
  const dimensions: Vec3 = [within(area.length, 0), within(area.width / WIDE, 1), rule.usual[2]];
  return { position: [...area.center, ground + rule.usual[2] / 2], dimensions, yaw: wrapAngle(area.yaw) };
}

const SAMPLE = 400;
const YAW_STEPS = 46;
/** Nearer than this to an edge all points count the same. */
const EDGE_NEAR = 0.05;

/**
 * The yaw between two where the points lie closest to two sides of a rectangle, as cars' do (Zhang, Xu, Dong and Dolan,
 * "Efficient L-shape fitting for vehicle detection using laser scanners", 2017: the closeness criterion).
 */
export function bestYaw(points: readonly Vec3[], from: number, to: number): number {
  const stride = Math.max(1, Math.floor(points.length / SAMPLE));
  const sample = points.filter((_, i) => i % stride === 0);
  let best = { score: -Infinity, yaw: from };
  for (let step = 0; step < YAW_STEPS; step++) {
    const yaw = from + ((to - from) * step) / (YAW_STEPS - 1);
    const score = closeness(sample, yaw);
    if (score > best.score) best = { score, yaw };
  }
  return best.yaw;
}

function closeness(points: readonly Vec3[], yaw: number): number {
  const [cos, sin] = [Math.cos(yaw), Math.sin(yaw)];
  const along = points.map(([x, y]) => cos * x + sin * y);
  const across = points.map(([x, y]) => cos * y - sin * x);
  const [x1, x2] = trimmed(along, STRAY);
  const [y1, y2] = trimmed(across, STRAY);
  let score = 0;
  for (let i = 0; i < points.length; i++) {
    const x = Math.min(Math.abs(along[i]! - x1), Math.abs(x2 - along[i]!));
    const y = Math.min(Math.abs(across[i]! - y1), Math.abs(y2 - across[i]!));
    score += 1 / Math.max(Math.min(x, y), EDGE_NEAR);
  }
  return score;
}

/** Of the four ways a rectangle can look: the one that suits its shape, the label, and the drawn heading. */
function towards(yaw: number, points: readonly Vec3[], heading: number, rule: SizeRule): number {
  const { dimensions } = around(points, yaw, 0);
  const elongated = rule.usual[0] > rule.usual[1] * 1.3;
  const score = (turn: number) => {
    const [length, width] = turn % 2 ? [dimensions[1], dimensions[0]] : [dimensions[0], dimensions[1]];
    // A rear seen from behind is as wide as a car, and not its side.
    const fits = width <= rule.most[1] ? 1 : 0;
    const shape = elongated && width > 0 && length / width > 1.3 && length > rule.usual[1] * 1.2 ? 1 : 0;
    return Math.cos(yaw + (turn * Math.PI) / 2 - heading) + 1.5 * fits + 1.5 * shape;
  };
  const turns = [0, 1, 2, 3];
  const best = turns.reduce((a, b) => (score(b) > score(a) ? b : a));
  return wrapAngle(yaw + (best * Math.PI) / 2);
}

/** The tightest cuboid of this yaw around the points, standing on the ground. */
function around(points: readonly Vec3[], yaw: number, ground: number): Cuboid {
  const start: Cuboid = { position: [points[0]![0], points[0]![1], 0], dimensions: [0, 0, 0], yaw };
  const own = points.map((point) => toLocal(start, point));
  const [x1, x2] = trimmed(own.map((point) => point[0]), STRAY);
  const [y1, y2] = trimmed(own.map((point) => point[1]), STRAY);
  const top = trimmed(own.map((point) => point[2]), STRAY)[1];
  const height = Math.max(0.1, top - ground) + SKIN;
  const [x, y] = toWorld(start, [(x1 + x2) / 2, (y1 + y2) / 2, 0]);
  return { position: [x, y, ground + height / 2], dimensions: [x2 - x1 + 2 * SKIN, y2 - y1 + 2 * SKIN, height], yaw };
}

function grownToLeast(cuboid: Cuboid, rule: SizeRule, seenFrom: Vec3): Cuboid {
  const dimensions = cuboid.dimensions.map((size, axis) => Math.max(size, rule.least[axis]!)) as Vec3;
  return grown(cuboid, dimensions, seenFrom);
}

/** The least and the greatest without a share of stray values at either end. */
function trimmed(values: readonly number[], share: number): [number, number] {
  const sorted = Float64Array.from(values).sort();
  const skip = Math.floor(sorted.length * share);
  return [sorted[skip]!, sorted[sorted.length - 1 - skip]!];
}
