import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Scope } from "../../workbench/scope";
import type { LidarFrame } from "../../workbench/types";
import { FrameStore } from "./frames";
import { encodeFrame } from "./lypf.fixture";

interface Asked { index: number; answer(status?: number): Promise<void>; signal: AbortSignal }

let asked: Asked[] = [];
let scope: Scope;

function drive(count: number): LidarFrame[] {
  return Array.from({ length: count }, (_, index) => ({
    index, timestamp: null, points_url: `/media/${index}`, points_count: 1,
    device: { position: [0, 0, 0], heading: [1, 0, 0, 0] }, gps: null, radar: [], images: [],
  }));
}

const settle = () => new Promise((resolve) => setTimeout(resolve));

beforeEach(() => {
  asked = [];
  scope = new Scope();
  vi.stubGlobal("fetch", (url: string, { signal }: { signal: AbortSignal }) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
      const index = Number(url.split("/").pop());
      const answer = (status = 200) => {
        resolve({ ok: status === 200, status, arrayBuffer: async () => encodeFrame([[index, 0, 0]]) });
        return settle() as Promise<void>;
      };
      asked.push({ index, answer, signal });
    }));
});

afterEach(() => {
  scope.dispose();
  vi.unstubAllGlobals();
});

const waiting = () => asked.filter((one) => !one.signal.aborted);
async function answerAll(): Promise<void> {
  for (let i = 0; i < asked.length; i++) await asked[i]!.answer();
}

test("the wanted frame first, then its neighbours, three at once", async () => {
  const store = new FrameStore(drive(20), scope);
  expect(asked).toEqual([]);
  store.want(7);
  expect(asked.map((one) => one.index)).toEqual([7, 8, 6]);
  expect(store.get(7)).toBeNull();
  await asked[0]!.answer();
  expect(store.get(7)!.position(0)[0]).toBe(7);
  expect([...store.loaded.value]).toEqual([7]);
  expect(asked.map((one) => one.index)).toEqual([7, 8, 6, 9]);
  await answerAll();
  expect(store.loaded.value.size).toBe(20);
  expect(asked).toHaveLength(20);
});

test("a jump does not wait behind what was under way", async () => {
  const store = new FrameStore(drive(100), scope);
  store.want(0);
  store.want(90);
  expect(asked.map((one) => one.index)).toEqual([0, 1, 2, 90]);
  await settle();
  expect(waiting()).toHaveLength(3);
});

test("keeps some sixty frames, those around the wanted one", async () => {
  const store = new FrameStore(drive(100), scope);
  store.want(0);
  await answerAll();
  expect(store.loaded.value.size).toBe(60);
  store.want(99);
  await answerAll();
  expect(store.loaded.value.size).toBe(60);
  expect(store.get(99)).not.toBeNull();
  expect(store.get(0)).toBeNull();
});

test("a failure is said in words, does not stop the others, and can be tried again", async () => {
  const store = new FrameStore(drive(3), scope);
  store.want(1);
  await asked[0]!.answer(403);
  await answerAll();
  expect(store.failed.value.get(1)).toContain("403");
  expect(store.loaded.value.size).toBe(2);
  store.retry(1);
  expect(store.failed.value.size).toBe(0);
  await answerAll();
  expect(store.loaded.value.size).toBe(3);
});

test("leaving ends what is under way and asks for nothing more", async () => {
  const store = new FrameStore(drive(9), scope);
  store.want(0);
  scope.dispose();
  await settle();
  expect(waiting()).toEqual([]);
  expect(asked).toHaveLength(3);
  expect(store.failed.value.size).toBe(0);
});
