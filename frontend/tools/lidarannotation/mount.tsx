/** The lidar tool on the page: puts its state, the views, the panels and the keys together. */
import { effect } from "@preact/signals";
import { h, render, type ComponentType } from "preact";
import "../../styles/lidar.css";
import { PointScene } from "../../viewports/pointcloud/scene";
import type { MountTool } from "../../workbench/tool";
import type { LidarAnswer, LidarSubtask, Vec3 } from "../../workbench/types";
import { facing } from "./ahead";
import { CameraStrip } from "./cameras";
import { addCloseUps } from "./close_ups";
import { bindKeys } from "./keys";
import { MainPane } from "./main_pane";
import { ImageBar, Numbers, Objects, Rail, Selected, ViewBar } from "./panels";
import { Timeline } from "./timeline";
import { LidarTool } from "./tool";

export const mount: MountTool<LidarAnswer, LidarSubtask> = (host, session) => {
  const tool = new LidarTool(session);
  const { scope } = session;
  const frame = layout(host);
  const scene = new PointScene(scope);
  const main = new MainPane(frame.main, tool, scene);
  new CameraStrip(frame.images, tool);
  addCloseUps(frame.closeUps, tool, scene);
  bindKeys(tool, main.view, main.draw);
  const parts: Array<[HTMLElement, ComponentType<{ tool: LidarTool }>]> = [
    [frame.rail, Rail], [frame.viewBar, ViewBar], [frame.imageBar, ImageBar], [frame.objects, Objects], [frame.selected, Selected], [frame.numbers, Numbers], [frame.time, Timeline],
  ];
  for (const [place, Part] of parts) {
    render(h(Part, { tool }), place);
    scope.add(() => render(null, place));
  }
  showScene(tool, scene, frame.message);
  followMotion(tool, main);
  scope.add(effect(() => { frame.middle.classList.toggle("has-tall-images", tool.imagesTall.value); }));
  keepKeys(host, frame.main, tool);
  return tool;
};

function layout(host: HTMLElement) {
  const make = (className: string, ...children: HTMLElement[]) => {
    const element = document.createElement("div");
    element.className = className;
    element.append(...children);
    return element;
  };
  const main = make("lidar-main");
  main.tabIndex = 0;
  main.setAttribute("role", "application");
  main.setAttribute("aria-label", "Points: draw cuboids here; press ? for the keys");
  const [viewBar, imageBar, images, message] = [make("lidar-bar"), make("lidar-bar"), make("lidar-images"), make("lidar-message")];
  const middle = make("lidar-middle", make("lidar-main-place", main, viewBar, message), make("lidar-images-place", images, imageBar));
  const [objects, selected, closeUps, numbers] = [make("lidar-objects"), make("lidar-selected-place"), make("lidar-closeups"), make("lidar-numbers-place")];
  const side = make("tool-side lidar-side", objects, selected, closeUps, numbers);
  const rail = make("tool-rail lidar-rail");
  const time = make("lidar-time");
  message.setAttribute("role", "status");
  host.append(make("lidar", rail, middle, side, time));
  return { rail, middle, main, viewBar, message, images, imageBar, objects, selected, closeUps, numbers, time };
}

function showScene(tool: LidarTool, scene: PointScene, message: HTMLElement): void {
  const { scope } = tool.session;
  scope.add(
    effect(() => {
      const { index, radar } = tool.current.value;
      void tool.store.loaded.value;
      const points = tool.store.get(index);
      scene.setFrame(points, facing(tool.current.value));
      scene.setRadar(radar);
      const failed = tool.store.failed.value.get(index);
      message.hidden = points !== null;
      message.textContent = failed ?? `Loading the points of frame ${index}`;
    }),
  );
  scope.add(effect(() => scene.setCuboids(tool.shown.value)));
  scope.add(effect(() => scene.setColorMode(tool.colorMode.value)));
  scope.add(effect(() => scene.setPointSize(tool.pointSize.value)));
}

/** With each frame the view goes along with the selected object, else with the device. */
function followMotion(tool: LidarTool, main: MainPane): void {
  let before: { frame: number; selected: string | null; place: Vec3; device: Vec3 } | null = null;
  tool.session.scope.add(
    effect(() => {
      const device = tool.current.value.device.position;
      const cuboid = tool.selectedCuboid.value;
      const now = { frame: tool.frame.value, selected: cuboid ? tool.selected.value : null, place: cuboid?.position ?? device, device };
      const last = before;
      before = now;
      if (!last || last.frame === now.frame || !tool.follow.peek()) return;
      const same = last.selected !== null && last.selected === now.selected;
      const [from, to] = same ? [last.place, now.place] : [last.device, now.device];
      main.view.carry([to[0] - from[0], to[1] - from[1], 0]);
    }),
  );
}

/** After a click on a button or a choice the keys belong to the main view again: "d" moves the cuboid and picks no list entry. */
function keepKeys(host: HTMLElement, main: HTMLElement, tool: LidarTool): void {
  const { scope } = tool.session;
  let byPointer = false;
  scope.listen(host, "pointerdown", () => { byPointer = true; }, { capture: true });
  scope.listen(host, "keydown", () => { byPointer = false; }, { capture: true });
  const giveBack = (event: Event) => {
    const control = (event.target as Element).closest?.(event.type === "change" ? "select, input[type=checkbox]" : "button");
    if (byPointer && control) main.focus({ preventScroll: true });
  };
  scope.listen(host, "click", giveBack);
  scope.listen(host, "change", giveBack);
}
