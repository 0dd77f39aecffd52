import { expect, test } from "vitest";
import { Document } from "./document";
import { History, STEPS_MAX } from "./history";

function counter() {
  const history = new History();
  const document = new Document(0, history);
  const add = (amount: number, gesture?: string) => document.change(`add ${amount}`, (value) => value + amount, gesture === undefined ? {} : { gesture });
  return { history, document, add };
}

test("undoing everything gives the first state back, redoing everything the last", () => {
  const { history, document, add } = counter();
  for (const amount of [1, 5, -2, 7]) add(amount);
  while (history.undo());
  expect(document.state.value).toBe(0);
  while (history.redo());
  expect(document.state.value).toBe(11);
});

test("a drag is one step back, the next drag another", () => {
  const { history, document, add } = counter();
  for (let step = 0; step < 10; step++) add(1, "drag-1");
  history.seal();
  for (let step = 0; step < 10; step++) add(1, "drag-1");
  history.undo();
  expect(document.state.value).toBe(10);
  history.undo();
  expect(document.state.value).toBe(0);
  history.redo();
  expect(document.state.value).toBe(10);
});

test("commands without a gesture, or of different ones, stay apart", () => {
  const { history, document, add } = counter();
  add(1);
  add(2);
  add(4, "a");
  add(8, "b");
  history.undo();
  expect(document.state.value).toBe(7);
  history.undo();
  history.undo();
  expect(document.state.value).toBe(1);
});

test("a new change forgets what was undone; no change is no step", () => {
  const { history, document, add } = counter();
  add(1);
  history.undo();
  add(2);
  expect(history.redo()).toBe(false);
  const version = history.version.value;
  document.change("nothing", (value) => value);
  expect(history.version.value).toBe(version);
  expect(document.state.value).toBe(2);
});

test("an undone drag is not continued by the next move of the same name", () => {
  const { history, document, add } = counter();
  add(1, "nudge");
  add(1, "nudge");
  history.undo();
  add(5, "nudge");
  history.undo();
  expect(document.state.value).toBe(0);
});

test("the names of what comes next are told", () => {
  const { history, add } = counter();
  expect(history.undoable.value).toBeNull();
  add(3);
  expect(history.undoable.value).toBe("add 3");
  history.undo();
  expect([history.undoable.value, history.redoable.value]).toEqual([null, "add 3"]);
});

test("the history is bounded", () => {
  const { history, document, add } = counter();
  for (let step = 0; step < STEPS_MAX + 10; step++) add(1);
  let steps = 0;
  while (history.undo()) steps += 1;
  expect(steps).toBe(STEPS_MAX);
  expect(document.state.value).toBe(10);
});
