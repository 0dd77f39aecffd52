/** Writes LYPF as the server does, for tests. */
import type { Vec3 } from "../../workbench/types";

export function encodeFrame(points: Vec3[], intensity?: number[]): ArrayBuffer {
  const low = [0, 1, 2].map((axis) => Math.min(...points.map((point) => point[axis]!)));
  const step = [0, 1, 2].map((axis) => {
    const extent = Math.max(...points.map((point) => point[axis]!)) - low[axis]!;
    return Math.fround(Math.max(extent / 65535, 0.001));
  });
  const buffer = new ArrayBuffer(64 + points.length * 8);
  const view = new DataView(buffer);
  [..."LYPF"].forEach((letter, i) => view.setUint8(i, letter.charCodeAt(0)));
  view.setUint16(4, 1, true);
  view.setUint16(6, 64, true);
  view.setUint32(8, points.length, true);
  view.setUint32(12, intensity ? 1 : 0, true);
  low.forEach((value, axis) => view.setFloat64(16 + axis * 8, value, true));
  step.forEach((value, axis) => view.setFloat32(40 + axis * 4, value, true));
  points.forEach((point, i) => {
    const at = 64 + i * 8;
    point.forEach((value, axis) => view.setUint16(at + axis * 2, Math.round((value - low[axis]!) / step[axis]!), true));
    view.setUint16(at + 6, intensity?.[i] ?? 0, true);
  });
  return buffer;
}
