import { expect, test } from "vitest";
import answer from "../../../tests/contracts/categorization/answer.json";
import { History } from "../../workbench/history";
import { load } from "./document";

test.each([answer, { category: ["praise", "billing"] }, { category: [] }, { category: "" }])("what is loaded is what is saved: %j", (one) => {
  expect(load(one).serialize()).toEqual(one);
});

test("one choice replaces the other, and can be taken back", () => {
  const history = new History();
  const document = load(null, false, history);
  document.toggle("a");
  document.toggle("b");
  document.toggle("b");
  expect(document.serialize()).toEqual({ category: "b" });
  history.undo();
  expect(document.serialize()).toEqual({ category: "a" });
});

test("several choices go on and off", () => {
  const document = load(null, true);
  for (const category of ["a", "b", "a", "c"]) document.toggle(category);
  expect(document.serialize()).toEqual({ category: ["b", "c"] });
});
