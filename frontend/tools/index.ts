/** The tool of each task type, in tools/<task type>/mount.ts, loaded when its first assignment is opened. */
import type { MountTool } from "../workbench/tool";

export const TOOLS: Record<string, () => Promise<MountTool>> = {
  lidarannotation: async () => (await import("./lidarannotation/mount")).mount,
  imageannotation: async () => (await import("./imageannotation/mount")).mount,
  categorization: async () => (await import("./categorization/mount")).mount,
};
