/** The points that a close-up can show: those in the box that it looks at, cut out of the frame once; pure. */
import { toLocal, type Cuboid } from "../../geometry/cuboid";
import type { PointFrame } from "./frame";
import { units } from "./frame";

/** The numbers of the points (as in `frame.data`, in its order) inside a turned box. */
export function dataInside(frame: PointFrame, box: Cuboid): Uint16Array {
  const { data, count, step, origin } = frame;
  const [halfLength, halfWidth, halfHeight] = [box.dimensions[0] / 2, box.dimensions[1] / 2, box.dimensions[2] / 2];
  const [cos, sin] = [Math.cos(box.yaw), Math.sin(box.yaw)];
  const [lowX, highX] = units(frame, 0, box.position[0], Math.abs(cos) * halfLength + Math.abs(sin) * halfWidth);
  const [lowY, highY] = units(frame, 1, box.position[1], Math.abs(sin) * halfLength + Math.abs(cos) * halfWidth);
  const [lowZ, highZ] = units(frame, 2, box.position[2], halfHeight);
  const [offsetX, offsetY] = [origin[0] - box.position[0], origin[1] - box.position[1]];
  const found = new Uint16Array(count * 4);
  let filled = 0;
  for (let at = 0; at < count * 4; at += 4) {
    const [x, y, z] = [data[at]!, data[at + 1]!, data[at + 2]!];
    if (x < lowX || x > highX || y < lowY || y > highY || z < lowZ || z > highZ) continue;
    const dx = offsetX + x * step[0];
    const dy = offsetY + y * step[1];
    if (Math.abs(cos * dx + sin * dy) > halfLength || Math.abs(cos * dy - sin * dx) > halfWidth) continue;
    for (let i = 0; i < 4; i++) found[filled + i] = data[at + i]!;
    filled += 4;
  }
  return found.slice(0, filled);
}

/** Whether all of `inner` is in `outer`, so that what was cut out for the outer one serves the inner one, too. */
export function holds(outer: Cuboid, inner: Cuboid): boolean {
  const turn = inner.yaw - outer.yaw;
  const [cos, sin] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
  const [length, width, height] = inner.dimensions;
  const reach = [cos * length + sin * width, sin * length + cos * width, height];
  return toLocal(outer, inner.position).every((away, axis) => Math.abs(away) + reach[axis]! / 2 <= outer.dimensions[axis]! / 2 + 1e-6);
}
