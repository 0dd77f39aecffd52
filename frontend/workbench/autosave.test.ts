import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused, Unreachable } from "./api";
import { Autosave, DELAY_MS } from "./autosave";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A server that can be slow or away, and what it has received. */
function server() {
  const world = { sent: 0, kept: 0, forgotten: 0, fail: null as Error | null, slowMs: 0 };
  const autosave = new Autosave({
    send: async () => {
      world.sent += 1;
      if (world.slowMs) await new Promise((resolve) => setTimeout(resolve, world.slowMs));
      if (world.fail) throw world.fail;
      return new Date("2026-11-24T12:03:10Z");
    },
    keep: () => { world.kept += 1; },
    forget: () => { world.forgotten += 1; },
  });
  return { world, autosave };
}

test("many changes within some seconds are one request", async () => {
  const { world, autosave } = server();
  for (let change = 0; change < 50; change++) autosave.changed();
  expect(autosave.state.value.kind).toBe("changed");
  await vi.advanceTimersByTimeAsync(DELAY_MS);
  expect(world.sent).toBe(1);
  expect(autosave.state.value).toEqual({ kind: "saved", at: new Date("2026-11-24T12:03:10Z") });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(world.sent).toBe(1);
});

test("steady work is saved every few seconds, not only when it pauses", async () => {
  const { world, autosave } = server();
  for (let second = 0; second < 30; second++) {
    autosave.changed();
    await vi.advanceTimersByTimeAsync(1000);
  }
  expect(world.sent).toBeGreaterThanOrEqual(7);
});

test("a change while a request is under way is saved by the next", async () => {
  const { world, autosave } = server();
  world.slowMs = 2000;
  autosave.changed();
  await vi.advanceTimersByTimeAsync(DELAY_MS + 1000);
  autosave.changed();
  await vi.advanceTimersByTimeAsync(1000);
  expect(autosave.isPending).toBe(true);
  await vi.advanceTimersByTimeAsync(DELAY_MS + 2000);
  expect(world.sent).toBe(2);
  expect(autosave.isPending).toBe(false);
});

test("offline: tried again with growing pauses, kept on the machine, saved when back", async () => {
  const { world, autosave } = server();
  world.fail = new Unreachable("offline");
  autosave.changed();
  await vi.advanceTimersByTimeAsync(DELAY_MS);
  expect(autosave.state.value).toMatchObject({ kind: "offline", why: "offline" });
  await vi.advanceTimersByTimeAsync(2000 + 4000 + 8000);
  expect(world.sent).toBe(4);
  expect(world.kept).toBe(4);
  world.fail = null;
  await autosave.flush();
  expect(autosave.state.value.kind).toBe("saved");
  expect(world.forgotten).toBe(1);
});

test("a pause never grows past a minute", async () => {
  const { world, autosave } = server();
  world.fail = new Unreachable("offline");
  autosave.changed();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  const before = world.sent;
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(world.sent - before).toBe(5);
});

test("a lost lease ends the trying and says why", async () => {
  const { world, autosave } = server();
  world.fail = new Refused(409, "The lease ended at 12:10.");
  autosave.changed();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  autosave.changed();
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  expect(world.sent).toBe(1);
  expect(autosave.isPending).toBe(true);
  expect(autosave.state.value).toEqual({ kind: "refused", why: "The lease ended at 12:10.", status: 409 });
});

test("signed out is worth trying again: signing in elsewhere mends it", async () => {
  const { world, autosave } = server();
  world.fail = new Refused(401, "You are signed out.");
  autosave.changed();
  await vi.advanceTimersByTimeAsync(DELAY_MS);
  world.fail = null;
  await vi.advanceTimersByTimeAsync(2000);
  expect(autosave.state.value.kind).toBe("saved");
});

test("stopped (submitted) means silent, with nothing sent any more", async () => {
  const { world, autosave } = server();
  autosave.changed();
  autosave.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  await autosave.flush(true);
  expect(world.sent).toBe(0);
});
