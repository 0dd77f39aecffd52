import { expect, test } from "vitest";
import { Budget, POINTS_LEAST } from "./budget";

/** A machine that needs some time for anything and some more for each point; returns each frame's milliseconds and points. */
function play(budget: Budget, frames: number, all: number, fixedMs: number, msPerPoint: number) {
  return Array.from({ length: frames }, () => {
    const drawn = Math.min(budget.points, all);
    const milliseconds = Math.max(16.7, fixedMs + drawn * msPerPoint);
    budget.took(milliseconds, drawn, drawn === all);
    return { milliseconds, drawn };
  });
}

test.each([
  ["a fast card", 1_000_000, 2, 0.00001],
  ["no card", 50_000, 12, 0.0006],
  ["no card, a poor guess", 5_000_000, 12, 0.0006],
  ["no card, a shy guess", 1_000, 12, 0.0006],
])("%s comes to rest between 27 and 60 frames a second", (_, start, fixed, perPoint) => {
  const last = play(new Budget(start), 80, 200_000, fixed, perPoint).slice(-10);
  for (const { milliseconds } of last) expect(milliseconds).toBeLessThanOrEqual(36);
  const [least, most] = [Math.min(...last.map((one) => one.drawn)), Math.max(...last.map((one) => one.drawn))];
  // It rests: points that come and go with each frame would be seen.
  expect(most - least).toBeLessThanOrEqual(most * 0.2);
});

test("a machine that can draw all of them does", () => {
  expect(play(new Budget(50_000), 40, 200_000, 2, 0.00001).at(-1)!.drawn).toBe(200_000);
});

test("one slow frame among quick ones takes nothing away, two do", () => {
  const budget = new Budget(100_000);
  budget.took(25, 100_000, false);
  budget.took(400, 100_000, false);
  expect(budget.points).toBe(100_000);
  budget.took(400, 100_000, false);
  expect(budget.points).toBe(50_000);
});

test("something is always left to see", () => {
  play(new Budget(100_000), 50, 200_000, 500, 0).forEach(({ drawn }) => expect(drawn).toBeGreaterThanOrEqual(POINTS_LEAST));
});
