import { expect, test } from "vitest";
import { KeyMap } from "./keymap";

function pressed(keys: KeyMap, init: KeyboardEventInit, target: HTMLElement = document.body): boolean {
  const event = new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...init });
  let taken = false;
  const listen = (seen: Event) => { taken = keys.press(seen as KeyboardEvent); };
  document.body.append(target === document.body ? "" : target);
  target.addEventListener("keydown", listen);
  target.dispatchEvent(event);
  target.removeEventListener("keydown", listen);
  return taken;
}

function bound(keys: string, mac = false) {
  const map = new KeyMap(mac);
  const ran: string[] = [];
  map.bind({ keys, name: keys, group: "g", run: () => void ran.push(keys) });
  return { map, ran };
}

test.each([
  ["mod+z", { key: "z", code: "KeyZ", ctrlKey: true }],
  ["mod+shift+z", { key: "Z", code: "KeyZ", ctrlKey: true, shiftKey: true }],
  ["?", { key: "?", code: "Slash", shiftKey: true }],
  ["space", { key: " ", code: "Space" }],
  ["alt+arrowleft", { key: "ArrowLeft", code: "ArrowLeft", altKey: true }],
  ["shift+1", { key: "!", code: "Digit1", shiftKey: true }],
  ["z", { key: "я", code: "KeyZ" }],
  ["+", { key: "+", code: "Equal", shiftKey: true }],
])("%s is understood", (keys, init) => {
  const { map, ran } = bound(keys);
  expect(pressed(map, init)).toBe(true);
  expect(ran).toEqual([keys]);
});

test.each([
  ["z", { key: "z", code: "KeyZ", ctrlKey: true }],
  ["mod+z", { key: "z", code: "KeyZ" }],
  ["z", { key: "Z", code: "KeyZ", shiftKey: true }],
  ["z", { key: "y", code: "KeyZ" }],
])("%s is not another key", (keys, init) => {
  expect(pressed(bound(keys).map, init)).toBe(false);
});

test("on a Mac, mod is Command", () => {
  expect(pressed(bound("mod+z", true).map, { key: "z", metaKey: true })).toBe(true);
  expect(pressed(bound("mod+z", true).map, { key: "z", ctrlKey: true })).toBe(false);
});

test("typing in a field is typing, except for bindings that say so", () => {
  const field = document.createElement("input");
  expect(pressed(bound("1").map, { key: "1" }, field)).toBe(false);
  const map = new KeyMap(false);
  map.bind({ keys: "mod+s", name: "Save", group: "g", inFields: true, run: () => {} });
  expect(pressed(map, { key: "s", ctrlKey: true }, field)).toBe(true);
});

test("a focused button keeps its space", () => {
  expect(pressed(bound("space").map, { key: " " }, document.createElement("button"))).toBe(false);
});

test("the latest binding wins, and gives way when it does not count or is taken away", () => {
  const map = new KeyMap(false);
  const ran: string[] = [];
  let open = true;
  map.bind({ keys: "escape", name: "Deselect", group: "g", run: () => void ran.push("deselect") });
  const undo = map.bind({ keys: "escape", name: "Close", group: "g", when: () => open, run: () => void ran.push("close") });
  pressed(map, { key: "Escape" });
  open = false;
  pressed(map, { key: "Escape" });
  open = true;
  undo();
  pressed(map, { key: "Escape" });
  expect(ran).toEqual(["close", "deselect", "deselect"]);
});

test("a held key is released once, also when the window loses the keyboard", () => {
  const map = new KeyMap(false);
  let released = 0;
  map.bind({ keys: "space", name: "Pan", group: "g", run: () => {}, release: () => { released += 1; } });
  pressed(map, { key: " ", code: "Space" });
  map.release(new KeyboardEvent("keyup", { key: " ", code: "Space" }));
  map.release(new KeyboardEvent("keyup", { key: " ", code: "Space" }));
  expect(released).toBe(1);
  pressed(map, { key: " ", code: "Space" });
  map.releaseAll();
  expect(released).toBe(2);
});

test("tooltips name the key", () => {
  const { map } = bound("mod+shift+z");
  expect(map.tooltip("mod+shift+z")).toBe("mod+shift+z (Ctrl+Shift+Z)");
  expect(map.tooltip("unknown")).toBe("unknown");
});
