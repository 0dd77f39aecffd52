/** The colours that stand on each other can be told apart: WCAG 2.2 AA, 4.5:1 for text and 3:1 for controls, light and dark. */
// @vitest-environment node
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

const sheet = readFileSync(new URL("./tokens.css", import.meta.url), "utf8");

/** A token's colours, [light, dark]; one colour is the same in both. */
function colours(name: string): [string, string] {
  const value = new RegExp(`--${name}:\\s*([^;]+);`).exec(sheet)?.[1]?.trim();
  if (!value) throw new Error(`there is no token --${name}`);
  const pair = /^light-dark\((oklch\([^)]*\)), (oklch\([^)]*\))\)$/.exec(value);
  return pair ? [pair[1]!, pair[2]!] : [value, value];
}

/** Relative luminance of an opaque `oklch(L C H)`, by Ottosson's matrices and WCAG's weights of linear light. */
function luminance(colour: string): number {
  const [l, c, h] = /^oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)$/.exec(colour)!.slice(1).map(Number) as [number, number, number];
  const [a, b] = [c * Math.cos((h * Math.PI) / 180), c * Math.sin((h * Math.PI) / 180)];
  const long = (l + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (l - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (l - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const linear = [
    4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
    -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
    -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short,
  ].map((part) => Math.min(1, Math.max(0, part)));
  return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
}

function contrast(one: string, other: string): number {
  const [low, high] = [luminance(one), luminance(other)].sort((x, y) => x - y) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

const PAPERS = ["bg", "surface", "surface-sunk", "surface-hover"];
const TEXT: Array<[string, string]> = [
  ...PAPERS.flatMap((paper): Array<[string, string]> => [["text", paper], ["text-soft", paper], ["link", paper]]),
  ...["good", "warn", "bad"].flatMap((state): Array<[string, string]> => [[state, "surface"], [state, "bg"], [state, `${state}-soft`], ["text", `${state}-soft`]]),
  ["text", "accent-soft"], ["link", "accent-soft"], ["text-soft", "accent-soft"],
  ["accent-text", "accent"], ["accent-text", "accent-hover"], ["accent-text", "bad-solid"],
  ["canvas-text", "canvas"],
];
const CONTROLS: Array<[string, string]> = [
  ...["bg", "surface"].flatMap((paper): Array<[string, string]> => [["border-strong", paper], ["focus", paper], ["accent", paper], ["bad-solid", paper]]),
];

describe.each(["light", "dark"] as const)("%s", (theme) => {
  const of = (name: string) => colours(name)[theme === "light" ? 0 : 1];
  test.each(TEXT)("--%s is read on --%s", (ink, paper) => expect(contrast(of(ink), of(paper))).toBeGreaterThanOrEqual(4.5));
  test.each(CONTROLS)("--%s is found on --%s", (edge, paper) => expect(contrast(of(edge), of(paper))).toBeGreaterThanOrEqual(3));
});

test("black on white is 21:1, and the greys that WCAG names as the limit are just at it", () => {
  expect(contrast("oklch(0 0 0)", "oklch(1 0 0)")).toBeCloseTo(21, 3);
  // #767676 is the lightest grey that passes on white, at 4.54:1; its OKLCH lightness is 0.5659.
  expect(contrast("oklch(0.5659 0 0)", "oklch(1 0 0)")).toBeCloseTo(4.54, 1);
});
