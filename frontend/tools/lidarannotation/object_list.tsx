/** The list of objects: label and number, the frames each is in, and whether something is to be put right. */
import { memo } from "preact/compat";
import { useEffect, useRef } from "preact/hooks";
import { StandingBadge, standingOf } from "../../workbench/focus";
import type { LidarTrack } from "../../workbench/types";
import { nameOf } from "./document";
import type { LidarTool } from "./tool";

export function ObjectList({ tool }: { tool: LidarTool }) {
  const tracks = tool.document.tracks.value;
  const selected = tool.selected.value;
  const troubled = new Map<string, boolean>();
  for (const problem of tool.problems.value) {
    const id = problem.id.slice(0, problem.id.lastIndexOf(":"));
    troubled.set(id, (troubled.get(id) ?? false) || problem.blocking);
  }
  const list = useRef<HTMLUListElement>(null);
  useEffect(() => list.current?.querySelector("[aria-current=true]")?.scrollIntoView({ block: "nearest" }), [selected]);
  return (
    <ul class="object-list" ref={list}>
      {tracks.map((track, at) => (
        <Row key={track.id} tool={tool} track={track} name={nameOf(track, at)} selected={track.id === selected} trouble={troubled.get(track.id)} />
      ))}
    </ul>
  );
}

interface RowProps {
  tool: LidarTool;
  track: LidarTrack;
  name: string;
  selected: boolean;
  /** True: it must be put right; false: it should be looked at. */
  trouble: boolean | undefined;
}

/** Drawn again only when its own track changed: there may be hundreds. */
const Row = memo(function Row({ tool, track, name, selected, trouble }: RowProps) {
  const color = tool.labels.find((label) => label.name === track.label)?.color_index ?? 11;
  const standing = standingOf(tool.session.subtask.focus, track.id);
  return (
    <li data-standing={standing ?? undefined}>
      <button type="button" aria-current={selected} onClick={() => tool.show(track.id)}
        onPointerEnter={() => { tool.hovered.value = track.id; }} onPointerLeave={() => { tool.hovered.value = null; }}>
        <span class={`swatch swatch-${color % 12}`} aria-hidden="true" />
        <span class="grow">{name}</span>
        <StandingBadge standing={standing} />
        <Ticks tool={tool} track={track} />
        {trouble !== undefined && <span class={trouble ? "badge badge-bad" : "badge badge-warn"}>{trouble ? "must" : "look"}</span>}
      </button>
    </li>
  );
});

/** A tick a frame: low where interpolated, high at keys, nothing where the object is not. */
function Ticks({ tool, track }: { tool: LidarTool; track: LidarTrack }) {
  const { frames } = tool;
  const first = frames[0]!.index;
  const path = (key: boolean) => track.cuboids.filter((one) => one.key === key).map((one) => `M${one.frame - first} ${key ? 1 : 5}h.8v${key ? 11 : 7}h-.8z`).join("");
  return (
    <svg class="lidar-ticks" viewBox={`0 0 ${frames.length} 13`} preserveAspectRatio="none" role="img" aria-label={`in ${track.cuboids.length} of ${frames.length} frames`}>
      <path class="lidar-tick-none" d={`M0 11h${frames.length}v1h-${frames.length}z`} />
      <path class="lidar-tick" d={path(false)} />
      <path class="lidar-tick is-key" d={path(true)} />
    </svg>
  );
}
