/** The three close-ups of the selected object, in step with each other; a drag in one is one undo step. */
import { effect } from "@preact/signals";
import { CloseUp } from "../../viewports/pointcloud/closeup";
import { Renderer } from "../../viewports/pointcloud/renderer";
import type { PointScene } from "../../viewports/pointcloud/scene";
import type { LidarTrack } from "../../workbench/types";
import type { LidarTool } from "./tool";

const AXES = ["top", "side", "front"] as const;

export function addCloseUps(host: HTMLElement, tool: LidarTool, scene: PointScene): void {
  const { scope } = tool.session;
  let base: LidarTrack | null = null;
  const renderer = new Renderer(host, scene, scope, (change) => change.near);
  const views = AXES.map((axis) => {
    const place = document.createElement("div");
    place.className = `lidar-closeup lidar-closeup-${axis}`;
    host.append(place);
    const view = new CloseUp(place, scene, axis, renderer, scope);
    view.onEdit = (phase, change) => {
      if (phase === "start") base = tool.selectedTrack.peek();
      if (base) tool.place("adjust", change, { gesture: "drag-closeup", base });
      if (phase !== "end") return;
      base = null;
      tool.document.history.seal();
    };
    return view;
  });
  scope.add(
    effect(() => {
      const cuboid = tool.selectedCuboid.value;
      host.classList.toggle("is-empty", !cuboid);
      for (const view of views) view.follow(cuboid);
    }),
  );
}
