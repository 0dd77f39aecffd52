/** The keys of the box tool: every mouse action has one. */
import type { Binding } from "../../workbench/keymap";
import { moved } from "./box";
import type { BoxTool } from "./mount";

const STEPS: Record<string, [number, number]> = { arrowleft: [-1, 0], arrowright: [1, 0], arrowup: [0, -1], arrowdown: [0, 1] };
const PAN_PIXELS = 60;

export function bindKeys(tool: BoxTool): void {
  tool.session.scope.add(tool.session.keys.bind(...labelKeys(tool), ...boxKeys(tool), ...arrowKeys(tool), ...viewKeys(tool)));
}

function labelKeys(tool: BoxTool): Binding[] {
  return tool.labels.slice(0, 9).flatMap((label, index) => [
    { keys: String(index + 1), name: `Draw ${label.name}`, group: "Labels", run: () => { tool.label.value = label.name; } },
    {
      keys: `shift+${index + 1}`,
      name: `Change the selected box to ${label.name}`,
      group: "Labels",
      run: () => { if (tool.selected.peek() !== null) tool.document.relabel(tool.selected.peek()!, label.name); },
    },
  ]);
}

function boxKeys(tool: BoxTool): Binding[] {
  const group = "Boxes";
  return [
    { keys: "b", name: "Put a box in the middle", group, run: () => tool.addInMiddle() },
    { keys: ["delete", "backspace"], name: "Delete the selected box", group, run: () => tool.remove() },
    { keys: "mod+c", name: "Copy the selected box", group, when: () => tool.selected.peek() !== null, run: () => tool.copy() },
    { keys: "mod+v", name: "Paste the copied box at the pointer", group, run: () => tool.paste() },
    { keys: "n", name: "Select the next box", group, run: () => step(tool, 1) },
    { keys: "shift+n", name: "Select the box before", group, run: () => step(tool, -1) },
    { keys: "escape", name: "Stop drawing, or select nothing", group, run: () => escape(tool) },
  ];
}

function arrowKeys(tool: BoxTool): Binding[] {
  const group = "Move and resize";
  const arrows = Object.keys(STEPS);
  const act = (size: number, resize: boolean) => (event: KeyboardEvent) => {
    const [x, y] = STEPS[event.key.toLowerCase()] ?? [0, 0];
    nudge(tool, x * size, y * size, resize);
  };
  const release = () => tool.document.history.seal();
  return [
    { keys: arrows, shown: "Arrows", name: "Move the box by 1 pixel; without a selected box, the view", group, run: act(1, false), release },
    { keys: arrows.map((key) => `shift+${key}`), shown: "Shift+Arrows", name: "Move the box by 10 pixels", group, run: act(10, false), release },
    { keys: arrows.map((key) => `alt+${key}`), shown: "Alt+Arrows", name: "Change width or height by 1 pixel", group, run: act(1, true), release },
    { keys: arrows.map((key) => `alt+shift+${key}`), shown: "Alt+Shift+Arrows", name: "Change width or height by 10 pixels", group, run: act(10, true), release },
  ];
}

function viewKeys(tool: BoxTool): Binding[] {
  const group = "View";
  return [
    { keys: "f", name: "Show the whole image", group, run: () => tool.viewport.fit() },
    { keys: ["+", "="], name: "Zoom in (also: wheel)", group, run: () => tool.viewport.zoom(1.25) },
    { keys: "-", name: "Zoom out", group, run: () => tool.viewport.zoom(0.8) },
    { keys: "z", name: "Bring the selected box into view", group, run: () => { if (tool.selected.peek() !== null) tool.show(tool.selected.peek()!); } },
    {
      keys: "space",
      name: "Hold and drag to move the image (also: right button)",
      group,
      run: () => { tool.pointer.panKey.value = true; },
      release: () => { tool.pointer.panKey.value = false; },
    },
  ];
}

function nudge(tool: BoxTool, dx: number, dy: number, resize: boolean): void {
  const box = tool.document.find(tool.selected.peek());
  if (!box) return resize ? undefined : tool.viewport.pan(-Math.sign(dx) * PAN_PIXELS, -Math.sign(dy) * PAN_PIXELS);
  const gesture = `nudge-${box.id}`;
  if (resize) tool.placeSelected({ left: box.left, top: box.top, width: Math.max(1, box.width + dx), height: Math.max(1, box.height + dy) }, gesture);
  else tool.document.place(box.id, moved(box, dx, dy, tool.image), gesture);
}

function step(tool: BoxTool, by: number): void {
  const boxes = tool.document.boxes.peek();
  if (boxes.length === 0) return;
  const here = boxes.findIndex((box) => box.id === tool.selected.peek());
  const next = boxes[(here + by + boxes.length + (here < 0 && by < 0 ? 1 : 0)) % boxes.length];
  if (next) tool.show(next.id);
}

function escape(tool: BoxTool): void {
  if (tool.pointer.isDrawing) tool.pointer.cancel();
  else tool.selected.value = null;
}
