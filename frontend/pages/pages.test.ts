import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { enhance } from "./enhance";
import { refreshRegions } from "./refresh";
import { markCurrentRows } from "./rows";
import { stackTables } from "./stack";

function page(html: string): void {
  document.body.innerHTML = html;
}

beforeEach(() => void vi.useFakeTimers({ now: new Date("2026-11-24T12:00:00Z") }));
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("times become relative, with the exact one on hover; nonsense is left alone", () => {
  page('<time datetime="2026-11-24T09:00:00+00:00">2026-11-24 09:00 UTC</time><time datetime="soon">soon</time>');
  enhance(document.body);
  const [good, bad] = document.querySelectorAll("time");
  expect(good?.textContent).toBe("3 h ago");
  expect(good?.title).toMatch(/^2026-11-24 \d\d:00:00 UTC/);
  expect(bad?.textContent).toBe("soon");
});

test("j and k walk the rows and stop at both ends", () => {
  page('<table><tbody><tr data-href="/1"><td><a href="/1">one</a></td></tr><tr data-href="/2"><td><a href="/2">two</a></td></tr></tbody></table>');
  markCurrentRows(document);
  const press = (key: string) => document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  const here = () => document.querySelector<HTMLElement>("tr.is-current")?.dataset["href"];
  for (const [key, expected] of [["j", "/1"], ["j", "/2"], ["j", "/2"], ["k", "/1"], ["k", "/1"]] as const) {
    press(key);
    expect(here()).toBe(expected);
  }
  expect(document.activeElement?.textContent).toBe("one");
});

test("a dangerous form asks first: no sends nothing, yes sends once", async () => {
  page('<form data-confirm="Pay 2 labelers $3.00"><button class="button">Pay</button></form>');
  enhance(document.body);
  const form = document.querySelector("form") as HTMLFormElement;
  const sent = vi.fn();
  form.requestSubmit = sent;
  const ask = async (answer: string) => {
    form.dispatchEvent(new SubmitEvent("submit", { cancelable: true, bubbles: true }));
    const dialog = document.querySelector("dialog") as HTMLDialogElement;
    expect(dialog.textContent).toContain("Pay 2 labelers $3.00?");
    dialog.close(answer);
    await vi.advanceTimersByTimeAsync(10);
  };
  await ask("no");
  expect(sent).not.toHaveBeenCalled();
  await ask("yes");
  expect(sent).toHaveBeenCalledOnce();
});

test("a region is swapped until the server leaves the attribute out, and waits longer after failures", async () => {
  page('<div id="bar" data-refresh-seconds="2">0 of 3</div>');
  const replies: Array<string | null> = ['<div id="bar" data-refresh-seconds="2">1 of 3</div>', null, '<div id="bar">3 of 3</div>', '<div id="bar">never</div>'];
  const fetched = vi.fn(async () => {
    const html = replies.shift();
    if (!html) throw new TypeError("offline");
    return new Response(html, { headers: { "Content-Type": "text/html" } });
  });
  vi.stubGlobal("fetch", fetched);
  refreshRegions(document);
  await vi.advanceTimersByTimeAsync(2100);
  expect(document.getElementById("bar")?.textContent).toBe("1 of 3");
  await vi.advanceTimersByTimeAsync(2100);
  await vi.advanceTimersByTimeAsync(2100);
  expect(fetched).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(2100);
  expect(document.getElementById("bar")?.textContent).toBe("3 of 3");
  await vi.advanceTimersByTimeAsync(60_000);
  expect(fetched).toHaveBeenCalledTimes(3);
});

test("good news fade, bad news stay until closed", async () => {
  page('<p class="toast toast-good" data-toast>Saved.</p><p class="toast toast-bad" data-toast>Not saved.</p>');
  enhance(document.body);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(document.body.textContent).toBe("Not saved.Close");
  document.querySelector("button")?.click();
  expect(document.body.textContent).toBe("");
});

test("each value knows its column's word, past cells that span; a table that compares columns is left alone", () => {
  page(`<table class="table" id="list"><thead><tr><th><a href="?sort=p">Project<span aria-hidden="true"> ↓</span></a></th><th>Pay <span class="unit">USD</span></th><th><span class="visually-hidden">Claim</span></th></tr></thead>
    <tbody><tr><td>drives</td><td>$1.00</td><td><button>Claim</button></td></tr><tr><td colspan="2">none</td><td></td></tr></tbody></table>
    <table class="table" id="matrix"><thead><tr><th></th><th>1. Ana</th></tr></thead><tbody><tr><th scope="row">objects</th><td>3</td></tr></tbody></table>`);
  stackTables(document);
  stackTables(document);
  const cells = [...document.querySelectorAll<HTMLElement>("#list td")];
  expect(cells.map((cell) => cell.dataset["word"])).toEqual([undefined, "Pay (USD)", undefined, undefined, undefined]);
  expect(cells.map((cell) => cell.dataset["empty"] !== undefined)).toEqual([false, false, false, false, true]);
  expect(document.querySelector("#matrix")?.className).toBe("table");
});
