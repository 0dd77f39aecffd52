/** Cuboids, headings and radar returns as flat lists of lines and triangles around the scene's origin; pure. */
import { corners, EDGES, FACES, toWorld, type Cuboid } from "../../geometry/cuboid";
import type { Vec3 } from "../../workbench/types";

export interface ShownCuboid {
  id: string;
  cuboid: Cuboid;
  /** A class's colour, "#rrggbb". */
  color: string;
  selected: boolean;
  /** Of another answer: dashed, to compare with. */
  ghost: boolean;
}

export interface RadarReturn {
  position: Vec3;
  /** Metres a second. */
  direction: Vec3;
  size: number;
}

export type Rgb = readonly [number, number, number];

/** Lines: from and to, six numbers each, and a colour for both ends. */
export interface Lines {
  positions: number[];
  colors: number[];
}

export function rgb(color: string): Rgb {
  const value = Number.parseInt(color.slice(1, 7), 16);
  return Number.isNaN(value) ? [1, 1, 1] : [(value >> 16) / 255, ((value >> 8) & 255) / 255, (value & 255) / 255];
}

/** Wireframes with an arrow from the middle of the upper face past the front. */
export function cuboidLines(list: readonly ShownCuboid[], origin: Vec3, paint: (shown: ShownCuboid) => Rgb): Lines {
  const lines: Lines = { positions: [], colors: [] };
  for (const shown of list) {
    const color = paint(shown);
    const at = corners(shown.cuboid);
    for (const [from, to] of EDGES) add(lines, at[from]!, at[to]!, origin, color);
    for (const [from, to] of arrow(shown.cuboid)) add(lines, from, to, origin, color);
  }
  return lines;
}

function arrow(cuboid: Cuboid): Array<[Vec3, Vec3]> {
  const [length, width, height] = cuboid.dimensions;
  const tip = length / 2 + Math.min(1, Math.max(0.3, length / 4));
  const head = Math.min(0.4, width / 3);
  const place = (x: number, y: number) => toWorld(cuboid, [x, y, height / 2]);
  return [
    [place(0, 0), place(tip, 0)],
    [place(tip, 0), place(tip - head, head)],
    [place(tip, 0), place(tip - head, -head)],
  ];
}

export interface Triangles {
  positions: Float32Array;
  /** Red, green, blue, opacity. */
  colors: Float32Array;
}

/** Faint faces; the front one, the first two triangles of `FACES`, is stronger. */
export function cuboidFaces(list: readonly ShownCuboid[], origin: Vec3, paint: (shown: ShownCuboid) => Rgb): Triangles {
  const solid = list.filter((shown) => !shown.ghost);
  const positions = new Float32Array(solid.length * FACES.length * 3);
  const colors = new Float32Array(solid.length * FACES.length * 4);
  solid.forEach((shown, number) => {
    const color = paint(shown);
    const at = corners(shown.cuboid);
    FACES.forEach((corner, i) => {
      const vertex = number * FACES.length + i;
      const opacity = (i < 6 ? 0.16 : 0.06) * (shown.selected ? 1.5 : 1);
      positions.set(relative(at[corner]!, origin), vertex * 3);
      colors.set([...color, opacity], vertex * 4);
    });
  });
  return { positions, colors };
}

/** Where each return will be in a second. */
export function radarLines(returns: readonly RadarReturn[], origin: Vec3, color: Rgb): Lines {
  const lines: Lines = { positions: [], colors: [] };
  for (const { position, direction } of returns) {
    if (Math.hypot(...direction) < 0.05) continue;
    add(lines, position, [position[0] + direction[0], position[1] + direction[1], position[2] + direction[2]], origin, color);
  }
  return lines;
}

/** The device: a flat arrowhead where it stands, pointing ahead. */
export function deviceLines(position: Vec3, yaw: number, origin: Vec3, color: Rgb): Lines {
  const lines: Lines = { positions: [], colors: [] };
  const own: Cuboid = { position, dimensions: [0, 0, 0], yaw };
  const outline: Vec3[] = [[1.2, 0, 0], [-0.8, 0.7, 0], [-0.4, 0, 0], [-0.8, -0.7, 0]];
  outline.forEach((from, i) => add(lines, toWorld(own, from), toWorld(own, outline[(i + 1) % 4]!), origin, color));
  return lines;
}

export function relative(point: Vec3, origin: Vec3): Vec3 {
  return [point[0] - origin[0], point[1] - origin[1], point[2] - origin[2]];
}

function add(lines: Lines, from: Vec3, to: Vec3, origin: Vec3, color: Rgb): void {
  lines.positions.push(...relative(from, origin), ...relative(to, origin));
  lines.colors.push(...color, ...color);
}
