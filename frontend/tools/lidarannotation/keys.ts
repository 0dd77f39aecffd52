/** The keys of the lidar tool: every mouse action has one. The left hand moves the cuboid, the right one the frames. */
import { toWorld, wrapAngle, type Cuboid } from "../../geometry/cuboid";
import type { MainView } from "../../viewports/pointcloud/view";
import type { Binding } from "../../workbench/keymap";
import type { Vec3 } from "../../workbench/types";
import type { DrawGesture } from "./draw";
import type { LidarTool } from "./tool";

const MOVE = 0.05;
const TURN = Math.PI / 180;
const SIZE_MIN = 0.05;

export function bindKeys(tool: LidarTool, view: MainView, draw: DrawGesture): void {
  const { keys, scope } = tool.session;
  scope.add(keys.bind(...labelKeys(tool), ...drawKeys(tool, draw), ...objectKeys(tool), ...frameKeys(tool), ...trackKeys(tool), ...moveKeys(tool), ...viewKeys(tool, view)));
}

function labelKeys(tool: LidarTool): Binding[] {
  return tool.labels.slice(0, 9).flatMap((label, index) => [
    { keys: String(index + 1), name: `Draw ${label.name}`, group: "Labels", run: () => { tool.label.value = label.name; } },
    {
      keys: `shift+${index + 1}`,
      name: `Make the selected object a ${label.name}`,
      group: "Labels",
      run: () => { if (tool.selected.peek() !== null) tool.document.relabel(tool.selected.peek()!, label.name); },
    },
  ]);
}

function drawKeys(tool: LidarTool, draw: DrawGesture): Binding[] {
  const group = "Draw";
  return [
    { keys: "b", name: "Draw a cuboid: drag from its back to its front, or click both", group, run: () => { tool.drawing.value = !tool.drawing.peek(); } },
    { keys: "enter", name: "Draw the cuboid in the middle of the view", group, when: () => tool.drawing.peek(), run: () => draw.inMiddle() },
    { keys: "escape", name: "Stop drawing, or select nothing", group, run: () => { if (!draw.cancel()) tool.selected.value = null; } },
  ];
}

function objectKeys(tool: LidarTool): Binding[] {
  const group = "Selected object";
  return [
    { keys: "t", name: "Fit to the points and the ground", group, run: () => tool.fit() },
    { keys: "g", name: "Turn it round: front becomes back", group, run: () => tool.flip() },
    { keys: "shift+g", name: "Swap length and width", group, run: () => tool.quarterTurn() },
    { keys: "n", name: "Select the next object", group, run: () => tool.stepObject(1) },
    { keys: "shift+n", name: "Select the object before", group, run: () => tool.stepObject(-1) },
    { keys: "l", name: "One size in all frames, on or off", group, run: () => { tool.oneSize.value = !tool.oneSize.peek(); } },
    { keys: ["delete", "backspace"], name: "Delete the object from all frames", group, run: () => tool.remove() },
    { keys: ["shift+delete", "shift+backspace"], name: "Take it out of this frame", group, run: () => tool.removeHere() },
  ];
}

function frameKeys(tool: LidarTool): Binding[] {
  const group = "Frames";
  return [
    { keys: "arrowright", name: "Next frame", group, run: () => tool.step(1) },
    { keys: "arrowleft", name: "Frame before", group, run: () => tool.step(-1) },
    { keys: "pagedown", name: "5 frames on", group, run: () => tool.step(5) },
    { keys: "pageup", name: "5 frames back", group, run: () => tool.step(-5) },
    { keys: "home", name: "First frame", group, run: () => tool.step(-Infinity) },
    { keys: "end", name: "Last frame", group, run: () => tool.step(Infinity) },
    { keys: "space", name: "Play or pause", group, run: () => tool.playback.toggle() },
    { keys: "]", name: "Next keyframe of the selected object", group, run: () => tool.stepKey(1) },
    { keys: "[", name: "Keyframe before", group, run: () => tool.stepKey(-1) },
  ];
}

function trackKeys(tool: LidarTool): Binding[] {
  const group = "Track";
  return [
    { keys: "c", name: "Copy to the next frame (moving objects go on)", group, run: () => (tool.selectedCuboid.peek() ? tool.carryTo(tool.frame.peek() + 1) : tool.bringHere()) },
    { keys: "shift+c", name: "Copy to the frame before", group, run: () => tool.carryTo(tool.frame.peek() - 1) },
    { keys: "alt+c", name: "Copy to the last frame", group, run: () => tool.carryTo(tool.frames.at(-1)!.index) },
    { keys: "k", name: "Set or take away a keyframe", group, run: () => tool.toggleKey() },
    { keys: "x", name: "The track ends in this frame", group, run: () => tool.endHere() },
    { keys: "shift+x", name: "The track starts in this frame", group, run: () => tool.startHere() },
    { keys: "j", name: "Interpolate across the gap", group, run: () => tool.fillGap() },
  ];
}

function moveKeys(tool: LidarTool): Binding[] {
  const group = "Move and resize";
  const release = () => tool.document.history.seal();
  const key = (keys: string, what: string, name: string, change: (cuboid: Cuboid) => Cuboid): Binding => ({
    keys, name, group, release, when: () => tool.selected.peek() !== null, run: () => tool.change(what, change, `key-${what}`),
  });
  return [
    key("w", "move", "Ahead, 5 cm", (cuboid) => moved(cuboid, [MOVE, 0, 0])),
    key("s", "move", "Back", (cuboid) => moved(cuboid, [-MOVE, 0, 0])),
    key("a", "move", "To its left", (cuboid) => moved(cuboid, [0, MOVE, 0])),
    key("d", "move", "To its right", (cuboid) => moved(cuboid, [0, -MOVE, 0])),
    key("r", "move", "Up", (cuboid) => moved(cuboid, [0, 0, MOVE])),
    key("f", "move", "Down", (cuboid) => moved(cuboid, [0, 0, -MOVE])),
    key("q", "turn", "Turn left, 1 degree", (cuboid) => turned(cuboid, TURN)),
    key("e", "turn", "Turn right", (cuboid) => turned(cuboid, -TURN)),
    key("shift+q", "turn", "Turn left, 5 degrees", (cuboid) => turned(cuboid, 5 * TURN)),
    key("shift+e", "turn", "Turn right, 5 degrees", (cuboid) => turned(cuboid, -5 * TURN)),
    key("shift+w", "resize", "Longer, 5 cm at the front", (cuboid) => stretched(cuboid, 0, MOVE)),
    key("shift+s", "resize", "Shorter", (cuboid) => stretched(cuboid, 0, -MOVE)),
    key("shift+d", "resize", "Wider", (cuboid) => stretched(cuboid, 1, MOVE)),
    key("shift+a", "resize", "Narrower", (cuboid) => stretched(cuboid, 1, -MOVE)),
    key("shift+r", "resize", "Higher", (cuboid) => stretched(cuboid, 2, MOVE)),
    key("shift+f", "resize", "Lower", (cuboid) => stretched(cuboid, 2, -MOVE)),
  ];
}

function moved(cuboid: Cuboid, by: Vec3): Cuboid {
  return { ...cuboid, position: toWorld(cuboid, by) };
}

function turned(cuboid: Cuboid, by: number): Cuboid {
  return { ...cuboid, yaw: wrapAngle(cuboid.yaw + by) };
}

/** Length grows at the front and height at the top; width on both sides. */
function stretched(cuboid: Cuboid, axis: 0 | 1 | 2, by: number): Cuboid {
  const dimensions: Vec3 = [...cuboid.dimensions];
  dimensions[axis] = Math.max(SIZE_MIN, dimensions[axis] + by);
  const shift: Vec3 = [0, 0, 0];
  if (axis !== 1) shift[axis] = (dimensions[axis] - cuboid.dimensions[axis]) / 2;
  return { ...cuboid, dimensions, position: toWorld(cuboid, shift) };
}

const PAN = 0.1;
const ORBIT = 0.12;

function viewKeys(tool: LidarTool, view: MainView): Binding[] {
  const group = "View";
  const flick = (flag: { value: boolean; peek(): boolean }) => () => { flag.value = !flag.peek(); };
  return [
    { keys: "v", name: "From above, or in perspective", group, run: flick(tool.top) },
    { keys: "h", name: "Colour by height, intensity or distance", group, run: () => tool.nextColorMode() },
    { keys: ["+", "="], name: "Zoom in (also: wheel)", group, run: () => view.zoom(0.8) },
    { keys: "-", name: "Zoom out", group, run: () => view.zoom(1.25) },
    { keys: "z", name: "Bring the selected object near", group, run: () => { const cuboid = tool.selectedCuboid.peek(); if (cuboid) view.lookAt(cuboid.position, Math.max(8, cuboid.dimensions[0] * 3.5)); } },
    { keys: "shift+z", name: "Back to the device", group, run: () => view.lookAt(tool.current.peek().device.position, 40) },
    { keys: "arrowup", name: "Move the view ahead (also: right button)", group, run: () => view.pan(0, PAN) },
    { keys: "arrowdown", name: "Move the view back", group, run: () => view.pan(0, -PAN) },
    { keys: "shift+arrowleft", name: "Move the view left", group, run: () => view.pan(PAN, 0) },
    { keys: "shift+arrowright", name: "Move the view right", group, run: () => view.pan(-PAN, 0) },
    { keys: "alt+arrowleft", name: "Turn the view left (also: left button)", group, run: () => view.turn(ORBIT, 0) },
    { keys: "alt+arrowright", name: "Turn the view right", group, run: () => view.turn(-ORBIT, 0) },
    { keys: "alt+arrowup", name: "Look from higher up", group, run: () => view.turn(0, ORBIT / 2) },
    { keys: "alt+arrowdown", name: "Look from lower down", group, run: () => view.turn(0, -ORBIT / 2) },
    { keys: "p", name: "Larger points", group, run: () => tool.pointSizeBy(1) },
    { keys: "shift+p", name: "Smaller points", group, run: () => tool.pointSizeBy(-1) },
    { keys: "o", name: "Follow the object (else the device), on or off", group, run: flick(tool.follow) },
    { keys: "i", name: "Show the object large in the first image, or the whole image", group, run: flick(tool.imageZoom) },
    { keys: "m", name: "Larger images", group, run: flick(tool.imagesTall) },
  ];
}
