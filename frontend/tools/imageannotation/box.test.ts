import { expect, test } from "vitest";
import { boxAt, fromCorners, handleAt, HANDLES, handlePoint, moved, resized } from "./box";

const IMAGE = { width: 100, height: 80 };
const BOX = { left: 20, top: 30, width: 40, height: 20 };

test("corners in any order make the same box, kept inside the image", () => {
  const box = fromCorners({ x: 10, y: 20 }, { x: 40, y: 60 }, IMAGE);
  expect(fromCorners({ x: 40, y: 20 }, { x: 10, y: 60 }, IMAGE)).toEqual(box);
  expect(fromCorners({ x: -50, y: -1 }, { x: 500, y: 500 }, IMAGE)).toEqual({ left: 0, top: 0, width: 100, height: 80 });
});

test("moving never leaves the image nor changes the size", () => {
  for (const [dx, dy] of [[-999, 0], [999, 999], [3, -4], [0, 999]] as const) {
    const box = moved(BOX, dx, dy, IMAGE);
    expect([box.width, box.height]).toEqual([40, 20]);
    expect(box.left).toBeGreaterThanOrEqual(0);
    expect(box.top + box.height).toBeLessThanOrEqual(80);
  }
});

test.each(HANDLES)("handle %s moves only its own sides, and back again", (handle) => {
  const there = resized(BOX, handle, 5, 5, IMAGE);
  expect(resized(there, handle, -5, -5, IMAGE)).toEqual(BOX);
  if (!handle.includes("w")) expect(there.left).toBe(BOX.left);
  if (!handle.includes("n")) expect(there.top).toBe(BOX.top);
});

test("a side pulled over its opposite still makes a box", () => {
  expect(resized(BOX, "e", -60, 0, IMAGE)).toEqual({ left: 0, top: 30, width: 20, height: 20 });
});

test("every handle is found at its place; the middle has none", () => {
  for (const handle of HANDLES) expect(handleAt(BOX, handlePoint(BOX, handle), 2)).toBe(handle);
  expect(handleAt(BOX, { x: 40, y: 40 }, 2)).toBeNull();
});

test("the inner of two boxes is taken", () => {
  const inner = { left: 30, top: 35, width: 5, height: 5 };
  expect(boxAt([inner, BOX], { x: 32, y: 37 })).toBe(inner);
  expect(boxAt([inner, BOX], { x: 22, y: 37 })).toBe(BOX);
  expect(boxAt([inner, BOX], { x: 1, y: 1 })).toBeNull();
});
