import { render } from "preact";
import { expect, test } from "vitest";
import { FocusLine, standingOf } from "./focus";

const focus = { settled: ["a", "b"], disputed: ["c"], text: "Check this object; the others stand." };

test("of a follow-up each object stands, is to be checked, or is the labeler's own", () => {
  expect(["a", "b", "c", "new"].map((id) => standingOf(focus, id))).toEqual(["stands", "stands", "check", null]);
  expect(standingOf(null, "a")).toBeNull();
});

test("the line says what is asked, and nothing where all of it is", () => {
  const host = document.createElement("div");
  render(<FocusLine focus={focus} />, host);
  expect(host.textContent).toBe(focus.text);
  render(<FocusLine focus={null} />, host);
  expect(host.textContent).toBe("");
});
