import { expect, test } from "vitest";
import { ActiveTime } from "./activity";

const SECOND = 1000;

test("steady input counts in full, on top of earlier sittings", () => {
  const active = new ActiveTime(100);
  for (let at = 0; at <= 60; at += 5) active.input(at * SECOND);
  expect(active.seconds(60 * SECOND)).toBe(160);
});

test("a long pause counts its first half minute only", () => {
  const active = new ActiveTime(0);
  active.input(0);
  expect(active.seconds(600 * SECOND)).toBe(30);
  active.input(600 * SECOND);
  expect(active.seconds(610 * SECOND)).toBe(40);
});

test("nothing counts before the first input and while the page is hidden", () => {
  const active = new ActiveTime(0);
  expect(active.seconds(50 * SECOND)).toBe(0);
  active.input(50 * SECOND);
  active.hide(60 * SECOND);
  expect(active.seconds(500 * SECOND)).toBe(10);
  active.input(500 * SECOND);
  expect(active.seconds(505 * SECOND)).toBe(15);
});

test("a clock that steps back takes nothing away", () => {
  const active = new ActiveTime(0);
  active.input(10 * SECOND);
  active.input(5 * SECOND);
  expect(active.seconds(5 * SECOND)).toBe(0);
});
