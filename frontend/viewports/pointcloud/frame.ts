/** One moment's points in the compact format LYPF: 16-bit numbers that go to the graphics card as they came. */
import type { Cuboid } from "../../geometry/cuboid";
import type { Vec3 } from "../../workbench/types";

export interface PointFrame {
  readonly count: number;
  /** The corner with the smallest coordinates, in the world's metres. */
  readonly origin: Vec3;
  /** Metres per unit. */
  readonly step: Vec3;
  /** Four numbers a point: x, y, z in units from `origin`, and intensity (low byte) with the sensor's number (high byte). */
  readonly data: Uint16Array;
  readonly hasIntensity: boolean;
  position(index: number): Vec3;
}

const HEADER = 64;
const POINT = 8;
const VERSION = 1;

export function decodeFrame(buffer: ArrayBuffer): PointFrame {
  if (buffer.byteLength < HEADER) throw new Error(`The points are cut short: ${buffer.byteLength} bytes, not even a header.`);
  const header = new DataView(buffer, 0, HEADER);
  const magic = String.fromCharCode(...new Uint8Array(buffer, 0, 4));
  if (magic !== "LYPF") throw new Error("This is not a file of points (it does not begin with LYPF).");
  const version = header.getUint16(4, true);
  if (version !== VERSION) throw new Error(`The points are of version ${version}; this page reads version ${VERSION}. Reload the page.`);
  const start = header.getUint16(6, true);
  const count = header.getUint32(8, true);
  const wanted = start + count * POINT;
  if (buffer.byteLength < wanted) throw new Error(`The points are cut short: ${buffer.byteLength} of ${wanted} bytes.`);
  const origin: Vec3 = [header.getFloat64(16, true), header.getFloat64(24, true), header.getFloat64(32, true)];
  const step: Vec3 = [header.getFloat32(40, true), header.getFloat32(44, true), header.getFloat32(48, true)];
  if (![...origin, ...step].every(Number.isFinite)) throw new Error("The points have no place in the world (numbers that are not finite).");
  return frameOf(new Uint16Array(buffer, start, count * 4), origin, step, (header.getUint32(12, true) & 1) === 1);
}

export function frameOf(data: Uint16Array, origin: Vec3, step: Vec3, hasIntensity: boolean): PointFrame {
  return {
    count: data.length / 4,
    origin,
    step,
    data,
    hasIntensity,
    position: (index) => [
      origin[0] + data[index * 4]! * step[0],
      origin[1] + data[index * 4 + 1]! * step[1],
      origin[2] + data[index * 4 + 2]! * step[2],
    ],
  };
}

/** The indices of the points inside a cuboid grown by `margin` on each side. */
export function pointsInside(frame: PointFrame, cuboid: Cuboid, margin = 0): number[] {
  const { data, count, step, origin } = frame;
  const [halfLength, halfWidth, halfHeight] = cuboid.dimensions.map((size) => size / 2 + margin) as Vec3;
  const cos = Math.cos(cuboid.yaw);
  const sin = Math.sin(cuboid.yaw);
  const reachX = Math.abs(cos) * halfLength + Math.abs(sin) * halfWidth;
  const reachY = Math.abs(sin) * halfLength + Math.abs(cos) * halfWidth;
  // Whole numbers first: nearly all points are outside of the upright box around it.
  const [lowX, highX] = units(frame, 0, cuboid.position[0], reachX);
  const [lowY, highY] = units(frame, 1, cuboid.position[1], reachY);
  const [lowZ, highZ] = units(frame, 2, cuboid.position[2], halfHeight);
  const offsetX = origin[0] - cuboid.position[0];
  const offsetY = origin[1] - cuboid.position[1];
  const inside: number[] = [];
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    const x = data[at]!;
    const y = data[at + 1]!;
    const z = data[at + 2]!;
    if (x < lowX || x > highX || y < lowY || y > highY || z < lowZ || z > highZ) continue;
    const dx = offsetX + x * step[0];
    const dy = offsetY + y * step[1];
    if (Math.abs(cos * dx + sin * dy) <= halfLength && Math.abs(cos * dy - sin * dx) <= halfWidth) inside.push(i);
  }
  return inside;
}

/** Few points say little about the ground. */
const GROUND_POINTS = 5;
/** Above the stray returns below the road, and below what stands on it. */
const GROUND_SHARE = 0.05;

/** The height of the ground around a place, from the lowest of the points there; null where there are too few. */
export function groundHeight(frame: PointFrame, x: number, y: number, radius: number): number | null {
  const { data, count, step, origin } = frame;
  const [lowX, highX] = units(frame, 0, x, radius);
  const [lowY, highY] = units(frame, 1, y, radius);
  const heights: number[] = [];
  for (let i = 0, at = 0; i < count; i++, at += 4) {
    const qx = data[at]!;
    const qy = data[at + 1]!;
    if (qx < lowX || qx > highX || qy < lowY || qy > highY) continue;
    const dx = origin[0] + qx * step[0] - x;
    const dy = origin[1] + qy * step[1] - y;
    if (dx * dx + dy * dy <= radius * radius) heights.push(data[at + 2]!);
  }
  if (heights.length < GROUND_POINTS) return null;
  heights.sort((a, b) => a - b);
  return origin[2] + heights[Math.floor(heights.length * GROUND_SHARE)]! * step[2];
}

/** The range center +- reach of an axis in whole units, a little wider so that rounding loses nothing. */
export function units(frame: PointFrame, axis: number, center: number, reach: number): [number, number] {
  const step = frame.step[axis]!;
  const middle = center - frame.origin[axis]!;
  return [Math.floor((middle - reach) / step - 1e-6), Math.ceil((middle + reach) / step + 1e-6)];
}
