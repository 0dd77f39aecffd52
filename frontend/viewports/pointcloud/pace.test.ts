import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Pace } from "./pace";

let frames: FrameRequestCallback[] = [];

beforeEach(() => {
  frames = [];
  vi.stubGlobal("requestAnimationFrame", (callback: FrameRequestCallback) => frames.push(callback));
  vi.stubGlobal("cancelAnimationFrame", () => { frames = []; });
});
afterEach(() => vi.unstubAllGlobals());

function frame(): void {
  const due = frames;
  frames = [];
  for (const callback of due) callback(0);
}

function setUp() {
  const pace = new Pace();
  const state = { finished: true, done: [] as string[] };
  pace.add({ isFinished: () => state.finished, drawDue: () => { state.done.push("draw"); } });
  return { pace, state };
}

test("nothing is asked of the screen unless something is to be drawn", () => {
  const { pace, state } = setUp();
  expect(frames).toHaveLength(0);
  pace.wake();
  pace.wake();
  expect(frames).toHaveLength(1);
  frame();
  expect(state.done).toEqual(["draw"]);
  expect(frames).toHaveLength(0);
});

test("a drag waits for the picture before it, and then only its latest step counts", () => {
  const { pace, state } = setUp();
  state.finished = false;
  pace.before(() => state.done.push("first"));
  frame();
  pace.before(() => state.done.push("second"));
  frame();
  expect(state.done).toEqual([]);
  state.finished = true;
  frame();
  expect(state.done).toEqual(["second", "draw"]);
});

test("what waits is done when the pointer is let go, once", () => {
  const { pace, state } = setUp();
  pace.before(() => state.done.push("last"));
  pace.flush();
  pace.flush();
  frame();
  expect(state.done).toEqual(["last", "draw"]);
});
