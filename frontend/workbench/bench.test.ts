import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LabelerApi } from "./api";
import { Bench } from "./bench";
import { keepDraft } from "./keepsake";

const BODY = {
  id: "a1", epoch: 7, state: "claimed", lease_expires_at: "2026-11-24T13:00:00.000Z", task_type: "categorization", draft: null, active_seconds: 40,
  subtask: {
    id: "s1", task_id: "t1", task_type: "categorization", instruction: "", project: "Mails", simulated: false,
    params: { categories: ["billing", "shipping"], allow_multiple: false }, content: { type: "text", text: "Where is my lamp?" },
  },
  pay: { amount_cents: 12, currency: "USD", expected_seconds: 20, hourly_cents: 2160 },
};

type Reply = [status: number, body: unknown];

/** A server of the labelers' API: replies by "METHOD path", and everything that was asked. */
function server(replies: Record<string, Reply | (() => Reply)>) {
  const asked: Array<{ what: string; body: any; csrf: string | null }> = [];
  vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
    const what = `${init.method} ${address}`;
    asked.push({ what, body: init.body ? JSON.parse(init.body as string) : null, csrf: new Headers(init.headers).get("X-CSRFToken") });
    const reply = replies[what];
    if (!reply) throw new TypeError(`not reached: ${what}`);
    const [status, body] = typeof reply === "function" ? reply() : reply;
    return new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });
  });
  const host = document.createElement("div");
  document.body.append(host);
  const bench = new Bench(new LabelerApi("/labeler", "token"), () => host);
  return { bench, host, asked, bodyOf: (what: string) => asked.findLast((one) => one.what === what)?.body };
}

const OPEN: Record<string, Reply> = {
  "GET /labeler/assignments/a1": [200, { assignment: BODY }],
  "PUT /labeler/assignments/a1/draft": [200, { saved_at: "2026-11-24T12:03:10.000Z" }],
};

async function opened(more: Record<string, Reply | (() => Reply)> = {}) {
  const world = server({ ...OPEN, ...more });
  await world.bench.open("a1");
  const state = world.bench.state.value;
  if (state.kind !== "working") throw new Error(`not working: ${JSON.stringify(state)}`);
  const choose = (key: string) => state.sitting.keys.press(new KeyboardEvent("keydown", { key, code: `Digit${key}`, cancelable: true }));
  return { ...world, sitting: state.sitting, choose };
}

beforeEach(() => {
  vi.useFakeTimers({ now: new Date("2026-11-24T12:00:00Z") });
  localStorage.clear();
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
  document.body.replaceChildren();
});

test("an assignment opens with its tool, a choice is saved with the epoch and the CSRF token", async () => {
  const { host, choose, asked, sitting } = await opened();
  expect(host.textContent).toContain("Where is my lamp?");
  choose("2");
  await vi.advanceTimersByTimeAsync(3_100);
  expect(asked.at(-1)).toMatchObject({ what: "PUT /labeler/assignments/a1/draft", csrf: "token", body: { epoch: 7, answer: { category: "shipping" } } });
  expect(asked.at(-1)?.body.active_seconds).toBeGreaterThanOrEqual(40);
  expect(sitting.problems.value).toEqual([]);
});

test("a lease that ran out is taken up again when its page is opened", async () => {
  const { sitting, bodyOf } = await opened({
    "GET /labeler/assignments/a1": [200, { assignment: { ...BODY, state: "expired", lease_expires_at: "2026-11-24T11:00:00.000Z" } }],
    "POST /labeler/assignments/a1/heartbeat": [200, { lease_expires_at: "2026-11-24T12:10:00.000Z" }],
  });
  expect(bodyOf("POST /labeler/assignments/a1/heartbeat")).toMatchObject({ epoch: 7 });
  expect(sitting.leaseExpiresAt.value).toBe("2026-11-24T12:10:00.000Z");
});

test("the server's draft is offered back", async () => {
  const { sitting } = await opened({ "GET /labeler/assignments/a1": [200, { assignment: { ...BODY, draft: { category: "billing" }, draft_saved_at: "2026-11-24T11:00:00.000Z" } }] });
  expect(sitting.check()).toEqual([]);
});

test("what was kept on this machine wins only when it is newer", async () => {
  const withDraft: Reply = [200, { assignment: { ...BODY, draft: { category: "billing" }, draft_saved_at: "2026-11-24T11:00:00.000Z" } }];
  const replies = { "GET /labeler/assignments/a1": withDraft, "POST /labeler/assignments/a1/submit": [200, { assignment: { ...BODY, state: "submitted" } }] as Reply };
  for (const [kept, expected] of [["2026-11-24T11:30:00Z", "shipping"], ["2026-11-24T10:30:00Z", "billing"]] as const) {
    keepDraft("a1", { category: "shipping" }, Date.parse(kept));
    const { bench, bodyOf } = await opened(replies);
    await bench.submit();
    expect(bodyOf("POST /labeler/assignments/a1/submit")).toMatchObject({ epoch: 7, answer: { category: expected } });
    expect(localStorage.getItem("labelyard:draft:a1")).toBeNull();
  }
});

test("submitting says what was earned and stops saving", async () => {
  const { bench, choose, asked } = await opened({ "POST /labeler/assignments/a1/submit": [200, { assignment: { ...BODY, state: "submitted" } }] });
  choose("1");
  await bench.submit();
  expect(bench.state.value).toMatchObject({ kind: "submitted", assignment: { state: "submitted" } });
  expect(bench.submittedCents.value).toBe(12);
  const before = asked.length;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked.length).toBe(before);
});

test("a submit that does not arrive keeps the work and says so", async () => {
  const { bench, choose, sitting } = await opened();
  choose("1");
  await bench.submit();
  expect(bench.state.value.kind).toBe("working");
  expect(sitting.notice.value).toContain("Not submitted");
  expect(bench.submitting.value).toBe(false);
});

test("a refused answer names its field", async () => {
  const { bench, sitting } = await opened({ "POST /labeler/assignments/a1/submit": [400, { status_code: 400, error: "Not a valid choice.", field: "answer.category" }] });
  await bench.submit();
  expect(sitting.notice.value).toBe("Not submitted: Not a valid choice. (answer.category)");
});

test("the lease is extended while someone works, and its loss is told in the server's words", async () => {
  let reply: Reply = [200, { lease_expires_at: "2026-11-24T14:00:00.000Z" }];
  const { sitting, asked } = await opened({ "POST /labeler/assignments/a1/heartbeat": () => reply });
  await vi.advanceTimersByTimeAsync(30_000);
  expect(sitting.leaseExpiresAt.value).toBe("2026-11-24T14:00:00.000Z");
  reply = [409, { status_code: 409, error: "Your work is saved; submit it now and it still counts." }];
  await vi.advanceTimersByTimeAsync(30_000);
  expect(sitting.notice.value).toBe("Your work is saved; submit it now and it still counts.");
  const beats = asked.length;
  await vi.advanceTimersByTimeAsync(120_000);
  expect(asked.length).toBe(beats);
});

test("someone who has gone away does not keep the lease", async () => {
  const { asked } = await opened({ "POST /labeler/assignments/a1/heartbeat": [200, { lease_expires_at: "2026-11-24T14:00:00.000Z" }] });
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  const beats = asked.length;
  await vi.advanceTimersByTimeAsync(30 * 60_000);
  expect(asked.length).toBe(beats);
});

test("skipping sends the reason after the draft", async () => {
  const { bench, choose, asked } = await opened({ "POST /labeler/assignments/a1/skip": [200, {}] });
  choose("1");
  await bench.skip("It is too hard for me");
  expect(asked.slice(-2).map((one) => one.what)).toEqual(["PUT /labeler/assignments/a1/draft", "POST /labeler/assignments/a1/skip"]);
  expect(asked.at(-1)?.body).toEqual({ epoch: 7, reason: "It is too hard for me" });
  expect(bench.state.value.kind).toBe("skipped");
});

test("the next task is asked of the same kind; none open says why", async () => {
  const { bench, bodyOf } = await opened({
    "POST /labeler/assignments/a1/submit": [200, { assignment: { ...BODY, state: "submitted" } }],
    "POST /labeler/claim": [200, { assignment: null, reason: { code: "none_open", text: "No task is open in Mails." } }],
  });
  await bench.submit();
  await bench.claimNext(BODY as never);
  expect(bodyOf("POST /labeler/claim")).toEqual({ types: ["categorization"], project: "Mails" });
  expect(bench.state.value).toMatchObject({ kind: "nothing", text: "No task is open in Mails." });
});

test.each([
  [{ "GET /labeler/assignments/a1": [404, { status_code: 404, error: "There is no such assignment." }] }, "There is no such assignment."],
  [{ "GET /labeler/assignments/a1": [200, { assignment: { ...BODY, state: "submitted" } }] }, "not open any more"],
  [{ "GET /labeler/assignments/a1": [200, { assignment: { ...BODY, task_type: "smelling" } }] }, "no tool for tasks of the type smelling"],
] as Array<[Record<string, Reply>, string]>)("what cannot be opened says why (%#)", async (replies, words) => {
  const { bench } = server(replies);
  await bench.open("a1");
  expect(bench.state.value).toMatchObject({ kind: "failed", text: expect.stringContaining(words) });
});
