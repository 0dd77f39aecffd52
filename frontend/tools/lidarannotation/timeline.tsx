/** The frame bar: play, step, jump, what is loaded, and the selected object's frames with its keys as diamonds. */
import { useRef } from "preact/hooks";
import type { LidarTrack } from "../../workbench/types";
import { nameOf } from "./document";
import type { LidarTool } from "./tool";
import { anchorsOf, cuboidAt } from "./track";

export function Timeline({ tool }: { tool: LidarTool }) {
  return (
    <div class="lidar-timeline">
      <Controls tool={tool} />
      <Track tool={tool} />
    </div>
  );
}

const ICONS = {
  first: "M4 3v10M13 3L6 8l7 5z",
  before: "M10 3L5 8l5 5",
  play: "M4 2.5v11l9-5.5z",
  pause: "M5 3v10M11 3v10",
  next: "M6 3l5 5-5 5",
  last: "M12 3v10M3 3l7 5-7 5z",
} as const;

function Glyph({ name }: { name: keyof typeof ICONS }) {
  return <svg class="icon" viewBox="0 0 16 16" aria-hidden="true"><path d={ICONS[name]} /></svg>;
}

function Controls({ tool }: { tool: LidarTool }) {
  const { keys } = tool.session;
  const playing = tool.playback.playing.value;
  const place = tool.placeOf(tool.frame.value);
  const count = tool.frames.length;
  const button = (icon: keyof typeof ICONS, name: string, run: () => void, words = name) => (
    <button type="button" class="button button-quiet button-small lidar-step" title={keys.tooltip(name)} aria-label={words} onClick={run}><Glyph name={icon} /></button>
  );
  return (
    <div class="lidar-controls">
      {button("first", "First frame", () => tool.step(-Infinity))}
      {button("before", "Frame before", () => tool.step(-1))}
      {button(playing ? "pause" : "play", "Play or pause", () => tool.playback.toggle(), playing ? "Pause" : "Play")}
      {button("next", "Next frame", () => tool.step(1))}
      {button("last", "Last frame", () => tool.step(Infinity))}
      <span class="lidar-frame-number">
        <label>
          <span class="visually-hidden">Frame, by its number in the drive</span>
          <input type="number" min={tool.frames[0]!.index} max={tool.frames[count - 1]!.index} value={tool.frame.value}
            title="Frame, by its number in the drive" onChange={(event) => { if (event.currentTarget.value !== "") tool.step(event.currentTarget.valueAsNumber - tool.frame.peek()); }} />
        </label>
        <span class="soft">{`${place + 1} of ${count}`}</span>
      </span>
      <Loaded tool={tool} />
    </div>
  );
}

function Loaded({ tool }: { tool: LidarTool }) {
  const failed = tool.store.failed.value;
  const loaded = tool.store.loaded.value.size;
  const count = tool.frames.length;
  if (failed.size) {
    return (
      <span class="is-bad" role="status">
        {[...failed.values()][0]} <button type="button" class="button button-small" onClick={() => tool.store.retry()}>Try again</button>
      </span>
    );
  }
  return <span class="soft" role="status">{loaded < count ? `${loaded} of ${count} frames loaded` : "all frames loaded"}</span>;
}

/** Frames side by side; a drag runs through them. */
function Track({ tool }: { tool: LidarTool }) {
  const place = useRef<HTMLDivElement>(null);
  const { frames } = tool;
  const first = frames[0]!.index;
  const share = (frame: number) => `${(((frame - first) / frames.length) * 100).toFixed(3)}%`;
  const scrub = (event: PointerEvent) => {
    if (!place.current || !(event.buttons & 1)) return;
    const { left, width } = place.current.getBoundingClientRect();
    tool.step(first + Math.min(frames.length - 1, Math.max(0, Math.floor(((event.clientX - left) / width) * frames.length))) - tool.frame.peek());
  };
  const track = tool.selectedTrack.value;
  const loaded = tool.store.loaded.value;
  return (
    <div class="lidar-track" ref={place} role="slider" tabIndex={-1} aria-label="Frame" aria-valuemin={first} aria-valuemax={first + frames.length - 1} aria-valuenow={tool.frame.value}
      onPointerDown={(event) => { event.currentTarget.setPointerCapture(event.pointerId); scrub(event); }} onPointerMove={scrub}>
      {frames.map((frame) => (
        <span key={frame.index} class={loaded.has(frame.index) ? "lidar-cell is-loaded" : "lidar-cell"} data-frame={frame.index}>
          {showsNumber(frame.index - first, frames.length) && frame.index}
        </span>
      ))}
      {track && <Keys tool={tool} track={track} share={share} />}
      <GhostFrames tool={tool} share={share} />
      <span class="lidar-now" style={{ left: share(tool.frame.value), width: `${100 / frames.length}%` }} />
    </div>
  );
}

/** Some ten numbers, whatever the length. */
function showsNumber(place: number, count: number): boolean {
  const step = [1, 2, 5, 10, 20, 50, 100, 200].find((one) => count / one <= 20) ?? 500;
  return place % step === 0;
}

function Keys({ tool, track, share }: { tool: LidarTool; track: LidarTrack; share(frame: number): string }) {
  const color = tool.colorOf(track.label);
  const width = `${100 / tool.frames.length}%`;
  const keys = new Set(anchorsOf(track).map((one) => one.frame));
  return (
    <>
      {track.cuboids.map((one) => <span key={`bar${one.frame}`} class="lidar-present" style={{ left: share(one.frame), width, background: color }} />)}
      {track.cuboids.filter((one) => keys.has(one.frame)).map((one) => (
        <span key={`key${one.frame}`} class="lidar-key" style={{ left: `calc(${share(one.frame)} + ${width} / 2)` }} title={`Keyframe ${one.frame} of ${nameOf(track, tool.document.tracks.peek().indexOf(track))}`} />
      ))}
    </>
  );
}

/** Where what is drawn dashed, to compare with, has objects. */
function GhostFrames({ tool, share }: { tool: LidarTool; share(frame: number): string }) {
  const ghosts = tool.session.subtask.ghosts ?? [];
  if (!ghosts.length) return null;
  const seen = tool.frames.filter((frame) => ghosts.some((ghost) => cuboidAt(ghost, frame.index)));
  return <>{seen.map((frame) => <span key={frame.index} class="lidar-ghost" style={{ left: share(frame.index), width: `${100 / tool.frames.length}%` }} title="Another answer has objects here" />)}</>;
}
