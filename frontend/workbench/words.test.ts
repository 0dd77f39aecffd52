import { expect, test } from "vitest";
import { duration, money, relative } from "./words";

test.each([[128450, "$1,284.50"], [-300, "-$3.00"], [5, "$0.05"], [0, "$0.00"], [100000000, "$1,000,000.00"]])("%i cents", (cents, words) => {
  expect(money(cents)).toBe(words);
});

test("another currency says its code", () => expect(money(1200, "EUR")).toBe("EUR 12.00"));

test.each([[0, "0 s"], [59.6, "1 min"], [250, "4 min 10 s"], [3600, "1 h"], [5430, "1 h 30 min"], [200000, "2 days"]])("%d seconds", (seconds, words) => {
  expect(duration(seconds)).toBe(words);
});

test.each([[-3, "just now"], [-45, "45 s ago"], [-200, "3 min ago"], [7300, "in 2 h"], [-300000, "3 days ago"]])("%d seconds from now", (offset, words) => {
  const now = new Date("2026-11-24T12:00:00Z");
  expect(relative(new Date(now.getTime() + offset * 1000), now)).toBe(words);
});
