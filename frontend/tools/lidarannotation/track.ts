/** One object's track: cuboids by frame, keys set by a person and the frames between them; positions are the world's, so what stands still stays. Pure. */
import { interpolate, toLocal, toWorld, wrapAngle, type Cuboid } from "../../geometry/cuboid";
import type { LidarCuboid, LidarTrack, Vec3 } from "../../workbench/types";

/** The time of a frame, in any unit: what moves evenly is interpolated evenly, though frames may come unevenly. */
export type Clock = (frame: number) => number;

/** A tenth of a millimetre, some thousandths of a degree: finer would be noise in the answer. */
const round = (value: number) => Math.round(value * 1e4) / 1e4 + 0;

export function rounded(cuboid: Cuboid): Cuboid {
  return { position: cuboid.position.map(round) as Vec3, dimensions: cuboid.dimensions.map(round) as Vec3, yaw: round(wrapAngle(cuboid.yaw)) };
}

export function cuboidAt(track: LidarTrack, frame: number): LidarCuboid | null {
  return track.cuboids.find((cuboid) => cuboid.frame === frame) ?? null;
}

export function firstFrame(track: LidarTrack): number {
  return track.cuboids[0]?.frame ?? 0;
}

export function lastFrame(track: LidarTrack): number {
  return track.cuboids.at(-1)?.frame ?? 0;
}

/** What the frames between are interpolated from: keys, and whatever stands beside a frame without a cuboid. */
export function anchorsOf({ cuboids }: LidarTrack): LidarCuboid[] {
  return cuboids.filter((one, i) => one.key || cuboids[i - 1]?.frame !== one.frame - 1 || cuboids[i + 1]?.frame !== one.frame + 1);
}

/**
 * Sets a key. Frames between it and the neighbouring keys follow where the track has them; beyond the track's ends it
 * is drawn out to the key. Inside a gap the gap stays.
 */
export function placed(track: LidarTrack, frame: number, cuboid: Cuboid, clock: Clock): LidarTrack {
  const key: LidarCuboid = { frame, ...rounded(cuboid), key: true };
  const outside = frame < firstFrame(track) || frame > lastFrame(track);
  const anchors = anchorsOf(track);
  const before = anchors.findLast((one) => one.frame < frame);
  const after = anchors.find((one) => one.frame > frame);
  let cuboids = sorted([...track.cuboids.filter((one) => one.frame !== frame), key]);
  if (before) cuboids = bridged(cuboids, before, key, clock, outside);
  if (after) cuboids = bridged(cuboids, key, after, clock, outside);
  return { ...track, cuboids };
}

/** Takes a key away: between others the frame follows them; at an end the track ends at the next key. Null: it was the only one. */
export function withoutKey(track: LidarTrack, frame: number, clock: Clock): LidarTrack | null {
  const anchors = anchorsOf(track);
  const before = anchors.findLast((one) => one.frame < frame);
  const after = anchors.find((one) => one.frame > frame);
  if (!before && !after) return null;
  if (!after) return endedAt(track, before!.frame);
  if (!before) return startedAt(track, after.frame);
  return { ...track, cuboids: bridged(track.cuboids, before, after, clock, false) };
}

/** Takes the cuboid of one frame away; its neighbours become keys, so that nothing else moves. */
export function withoutFrame(track: LidarTrack, frame: number): LidarTrack | null {
  const cuboids = track.cuboids
    .filter((one) => one.frame !== frame)
    .map((one) => (Math.abs(one.frame - frame) === 1 && !one.key ? { ...one, key: true } : one));
  return cuboids.length ? { ...track, cuboids } : null;
}

/** The object is last seen in this frame. */
export function endedAt(track: LidarTrack, frame: number): LidarTrack | null {
  return cut(track, (one) => one.frame <= frame, -1);
}

/** The object is first seen in this frame. */
export function startedAt(track: LidarTrack, frame: number): LidarTrack | null {
  return cut(track, (one) => one.frame >= frame, 0);
}

function cut(track: LidarTrack, keep: (one: LidarCuboid) => boolean, end: 0 | -1): LidarTrack | null {
  const cuboids = track.cuboids.filter(keep);
  const last = cuboids.at(end);
  if (!last) return null;
  return cuboids.length === track.cuboids.length ? track : { ...track, cuboids: cuboids.with(end, { ...last, key: true }) };
}

export interface Gap {
  /** The frames before and after it, which have cuboids. */
  from: number;
  to: number;
}

export function gapsOf(track: LidarTrack): Gap[] {
  return track.cuboids.flatMap((one, i) => {
    const next = track.cuboids[i + 1];
    return next && next.frame > one.frame + 1 ? [{ from: one.frame, to: next.frame }] : [];
  });
}

/** Interpolates across the gap around a frame. */
export function filled(track: LidarTrack, frame: number, clock: Clock): LidarTrack {
  const gap = gapsOf(track).find(({ from, to }) => from < frame && frame < to);
  if (!gap) return track;
  return { ...track, cuboids: bridged(track.cuboids, cuboidAt(track, gap.from)!, cuboidAt(track, gap.to)!, clock, true) };
}

/** Gives every cuboid of the track the same size. The corner nearest to the device stays: there the points are. */
export function resized(track: LidarTrack, dimensions: Vec3, clock: Clock, device: (frame: number) => Vec3): LidarTrack {
  const cuboids = track.cuboids.map((one) => ({ ...one, ...rounded(grown(one, dimensions, device(one.frame))) }));
  return refreshed({ ...track, cuboids }, clock);
}

/** The cuboid in another size: its lower face stays down, and its corner nearest to `seenFrom` stays in place. */
export function grown(cuboid: Cuboid, dimensions: Vec3, seenFrom: Vec3): Cuboid {
  const own = toLocal(cuboid, seenFrom);
  const shift = [0, 1].map((axis) => {
    const half = cuboid.dimensions[axis]! / 2;
    const side = Math.abs(own[axis]!) > half ? Math.sign(own[axis]!) : 0;
    return side * (half - dimensions[axis]! / 2);
  });
  const up = (dimensions[2] - cuboid.dimensions[2]) / 2;
  return { position: toWorld(cuboid, [shift[0]!, shift[1]!, up]), dimensions: [...dimensions], yaw: cuboid.yaw };
}

function refreshed(track: LidarTrack, clock: Clock): LidarTrack {
  const anchors = anchorsOf(track);
  let { cuboids } = track;
  anchors.forEach((anchor, i) => {
    const next = anchors[i + 1];
    if (next) cuboids = bridged(cuboids, anchor, next, clock, false);
  });
  return { ...track, cuboids };
}

/** Slower than this it stands: what jitters is not sent ahead. */
const STANDS = 0.5;
const TOO_FAST = 70;

/** Where the object would be in a frame without a cuboid, from its last known motion; null for a track without cuboids before it. */
export function predicted(track: LidarTrack, frame: number, clock: Clock): Cuboid | null {
  const here = cuboidAt(track, frame);
  if (here) return here;
  const beyond = frame > lastFrame(track);
  const known = beyond ? track.cuboids.slice(-6).reverse() : track.cuboids.filter((one) => one.frame > frame).slice(0, 6);
  const [near, far] = [known[0], known.at(-1)];
  if (!near || !far) return null;
  const velocity = velocityBetween(far, near, clock);
  const speed = velocity ? Math.hypot(...velocity) : 0;
  if (!velocity || speed < STANDS || speed > TOO_FAST) return near;
  const time = clock(frame) - clock(near.frame);
  return { ...near, position: near.position.map((value, axis) => value + velocity[axis]! * time) as Vec3 };
}

/** Metres a second around a frame; null where the object is in one frame only, or without times. */
export function speedAt(track: LidarTrack, frame: number, clock: Clock): number | null {
  const at = track.cuboids.findIndex((one) => one.frame === frame);
  if (at < 0) return null;
  const [from, to] = [track.cuboids[Math.max(0, at - 1)]!, track.cuboids[Math.min(track.cuboids.length - 1, at + 1)]!];
  const velocity = velocityBetween(from, to, clock);
  return velocity && Math.hypot(...velocity);
}

function velocityBetween(a: LidarCuboid, b: LidarCuboid, clock: Clock): Vec3 | null {
  const time = clock(b.frame) - clock(a.frame);
  return time === 0 ? null : (b.position.map((value, axis) => (value - a.position[axis]!) / time) as Vec3);
}

/** The frames strictly between two cuboids, anew; only those that are there unless `fill`. */
function bridged(cuboids: readonly LidarCuboid[], a: LidarCuboid, b: LidarCuboid, clock: Clock, fill: boolean): LidarCuboid[] {
  const present = new Set(cuboids.map((one) => one.frame));
  const kept = cuboids.filter((one) => one.frame <= a.frame || one.frame >= b.frame);
  const span = clock(b.frame) - clock(a.frame);
  for (let frame = a.frame + 1; frame < b.frame; frame++) {
    if (!fill && !present.has(frame)) continue;
    kept.push({ frame, ...rounded(interpolate(a, b, (clock(frame) - clock(a.frame)) / span)), key: false });
  }
  return sorted(kept);
}

function sorted(cuboids: LidarCuboid[]): LidarCuboid[] {
  return cuboids.sort((a, b) => a.frame - b.frame);
}
