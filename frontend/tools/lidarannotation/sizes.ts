/** What sizes objects usually have, by the words in their label: for drawing with few points, and for doubting what is odd. */
import type { Vec3 } from "../../workbench/types";

export interface SizeRule {
  /** Length, width, height in metres: drawn where nothing better is known. */
  usual: Vec3;
  /** A fit never makes it smaller than this: most objects are seen from one side only. */
  least: Vec3;
  /** Beyond it the size is doubted. */
  most: Vec3;
}

const RULES: Array<[words: RegExp, rule: SizeRule]> = [
  [/pedestrian|person|people|walker|human|adult|officer/, { usual: [0.7, 0.7, 1.75], least: [0.35, 0.4, 1.1], most: [2, 2, 2.4] }],
  [/child|kid/, { usual: [0.5, 0.5, 1.2], least: [0.3, 0.3, 0.7], most: [1.6, 1.6, 1.8] }],
  [/motor ?cycl|motor ?bike|scooter|moped/, { usual: [2.1, 0.8, 1.5], least: [1.3, 0.5, 0.9], most: [3.5, 1.7, 2.6] }],
  [/cycl|bike|rider|two.?wheel/, { usual: [1.75, 0.65, 1.7], least: [1.2, 0.4, 0.9], most: [3, 1.5, 2.6] }],
  [/bus|tram|train/, { usual: [11.5, 2.6, 3.2], least: [5, 2, 2.4], most: [36, 4, 5] }],
  [/trailer/, { usual: [10, 2.5, 3.2], least: [1.5, 1, 0.6], most: [25, 4, 5.5] }],
  [/truck|lorry|construction|engineering|emergency/, { usual: [7.5, 2.5, 3], least: [4, 1.8, 1.8], most: [26, 4.5, 6] }],
  [/van|pickup|bus ?mini|mini ?bus/, { usual: [5.2, 2, 2.1], least: [3.6, 1.6, 1.5], most: [9, 3, 4] }],
  [/car|sedan|suv|vehicle|taxi|auto/, { usual: [4.5, 1.85, 1.6], least: [3, 1.45, 1.2], most: [7.5, 2.8, 3] }],
  [/cone|barrel|bollard|hydrant|pylon/, { usual: [0.4, 0.4, 0.75], least: [0.15, 0.15, 0.3], most: [1.5, 1.5, 2] }],
  [/animal|dog|cat/, { usual: [0.8, 0.3, 0.6], least: [0.25, 0.15, 0.2], most: [3, 1.5, 2.5] }],
];

const UNKNOWN: SizeRule = { usual: [2, 1.2, 1.5], least: [0.2, 0.2, 0.2], most: [60, 60, 20] };

export function sizeRule(label: string): SizeRule {
  const words = label.toLowerCase().replace(/[_-]+/g, " ");
  return RULES.find(([pattern]) => pattern.test(words))?.[1] ?? UNKNOWN;
}

const AXES = ["long", "wide", "high"] as const;

/** "9.20 m long" where a size is implausible for the label; null where it is not. */
export function oddSize(label: string, dimensions: Vec3): string | null {
  const { least, most } = sizeRule(label);
  // Less than half of the least: parts of an object that are hidden are part of it all the same.
  const axis = [0, 1, 2].find((i) => dimensions[i]! > most[i]! || dimensions[i]! < least[i]! * 0.5);
  return axis === undefined ? null : `${dimensions[axis]!.toFixed(2)} m ${AXES[axis]}`;
}
