/** What stands beside the views: labels and drawing, the view's settings, the selected object and its numbers. */
import { AttributesForm, LabelRail } from "../../workbench/attributes";
import { FocusLine } from "../../workbench/focus";
import type { LidarCuboid, LidarTrack, Vec3 } from "../../workbench/types";
import { wrapAngle } from "../../geometry/cuboid";
import { ObjectList } from "./object_list";
import { COLOR_MODES, type LidarTool } from "./tool";
import { gapsOf } from "./track";

export function Rail({ tool }: { tool: LidarTool }) {
  const { keys } = tool.session;
  return (
    <>
      <button type="button" class={tool.drawing.value ? "button button-primary" : "button"} aria-pressed={tool.drawing.value}
        title={keys.tooltip("Draw a cuboid: drag from its back to its front, or click both")} onClick={() => { tool.drawing.value = !tool.drawing.peek(); }}>
        Draw <kbd>B</kbd>
      </button>
      <LabelRail labels={tool.labels} active={tool.label.value} onChoose={(label) => { tool.label.value = label; }} />
    </>
  );
}

/** Over the main view: how it is seen. */
export function ViewBar({ tool }: { tool: LidarTool }) {
  const { keys } = tool.session;
  const toggle = (flag: { value: boolean }, name: string, words: string) => (
    <button type="button" class="lidar-toggle" aria-pressed={flag.value} title={keys.tooltip(name)} onClick={() => { flag.value = !flag.value; }}>{words}</button>
  );
  return (
    <>
      {toggle(tool.top, "From above, or in perspective", "From above")}
      <span class="lidar-choice" role="group" aria-label="Colour of the points" title={keys.tooltip("Colour by height, intensity or distance")}>
        {COLOR_MODES.map((mode) => (
          <button type="button" key={mode} class="lidar-toggle" aria-pressed={tool.colorMode.value === mode} onClick={() => { tool.colorMode.value = mode; }}>{mode}</button>
        ))}
      </span>
      {toggle(tool.follow, "Follow the object (else the device), on or off", "Follow")}
      <button type="button" class="lidar-toggle" title={keys.tooltip("Smaller points")} aria-label="Smaller points" onClick={() => tool.pointSizeBy(-1)}>points −</button>
      <button type="button" class="lidar-toggle" title={keys.tooltip("Larger points")} aria-label="Larger points" onClick={() => tool.pointSizeBy(1)}>+</button>
    </>
  );
}

/** Over the images. */
export function ImageBar({ tool }: { tool: LidarTool }) {
  const { keys } = tool.session;
  if (!tool.frames.some((frame) => frame.images.length)) return null;
  return (
    <>
      <button type="button" class="lidar-toggle" aria-pressed={tool.imageZoom.value} title={keys.tooltip("Show the object large in the first image, or the whole image")} onClick={() => { tool.imageZoom.value = !tool.imageZoom.peek(); }}>Zoom to object</button>
      <button type="button" class="lidar-toggle" aria-pressed={tool.imagesTall.value} title={keys.tooltip("Larger images")} onClick={() => { tool.imagesTall.value = !tool.imagesTall.peek(); }}>Larger</button>
    </>
  );
}

export function Objects({ tool }: { tool: LidarTool }) {
  const tracks = tool.document.tracks.value;
  return (
    <>
      <p class="tool-heading"><span>Objects</span><span>{tracks.length}</span></p>
      {tracks.length === 0 && <p class="soft">Press B, then drag over an object from its back to its front. It is fitted to the points.</p>}
      <FocusLine focus={tool.session.subtask.focus} />
      <ObjectList tool={tool} />
    </>
  );
}

export function Selected({ tool }: { tool: LidarTool }) {
  const track = tool.selectedTrack.value;
  if (!track) return null;
  return (
    <section class="lidar-selected" aria-label="Selected object">
      <div class="lidar-row">
        <label class="grow">
          <span class="visually-hidden">Label</span>
          <select value={track.label} onChange={(event) => tool.document.relabel(track.id, event.currentTarget.value)}>
            {!tool.labels.some((label) => label.name === track.label) && <option>{track.label}</option>}
            {tool.labels.map((label) => <option key={label.name}>{label.name}</option>)}
          </select>
        </label>
        <TrackState tool={tool} track={track} />
      </div>
      {Object.keys(tool.definitions).length > 0 && (
        <div class="lidar-attributes">
          <AttributesForm definitions={tool.definitions} values={track.attributes} onChange={(key, value) => tool.document.setAttribute(track.id, key, value)} />
        </div>
      )}
      <TrackButtons tool={tool} track={track} />
    </section>
  );
}

function TrackState({ tool, track }: { tool: LidarTool; track: LidarTrack }) {
  const cuboid = tool.selectedCuboid.value;
  const inGap = gapsOf(track).some(({ from, to }) => from < tool.frame.value && tool.frame.value < to);
  const words = cuboid ? (cuboid.key ? "keyframe" : "interpolated") : inGap ? "left out here" : "not here";
  return <span class={cuboid ? "badge badge-info" : "badge badge-warn"}>{words}</span>;
}

function TrackButtons({ tool, track }: { tool: LidarTool; track: LidarTrack }) {
  const { keys } = tool.session;
  const cuboid = tool.selectedCuboid.value;
  const gap = gapsOf(track).some(({ from, to }) => from < tool.frame.value && tool.frame.value < to);
  const button = (words: string, name: string, run: () => void, enabled = true) => (
    <button type="button" class="button button-small" title={keys.tooltip(name)} disabled={!enabled} onClick={run}>{words}</button>
  );
  return (
    <div class="lidar-buttons">
      {cuboid ? button("Copy on", "Copy to the next frame (moving objects go on)", () => tool.carryTo(tool.frame.peek() + 1)) : button("Bring here", "Copy to the next frame (moving objects go on)", () => tool.bringHere())}
      {button(cuboid?.key ? "Unkey" : "Key", "Set or take away a keyframe", () => tool.toggleKey(), cuboid !== null)}
      {gap ? button("Fill gap", "Interpolate across the gap", () => tool.fillGap()) : button("Fit", "Fit to the points and the ground", () => tool.fit(), cuboid !== null)}
      {button("Flip", "Turn it round: front becomes back", () => tool.flip(), cuboid !== null)}
      {button("Starts", "The track starts in this frame", () => tool.startHere(), cuboid !== null)}
      {button("Ends", "The track ends in this frame", () => tool.endHere(), cuboid !== null)}
    </div>
  );
}

const SIZES = [["length", 0], ["width", 1], ["height", 2]] as const;

/** Under the close-ups: what the selected cuboid measures. */
export function Numbers({ tool }: { tool: LidarTool }) {
  const cuboid = tool.selectedCuboid.value;
  if (!cuboid) return null;
  void tool.store.loaded.value;
  const points = tool.counts.count(cuboid);
  const speed = tool.speed();
  return (
    <div class="lidar-numbers">
      {SIZES.map(([words, axis]) => (
        <NumberField key={words} words={words} unit="m" value={cuboid.dimensions[axis]} step={0.05} least={0.05} onSet={(value) => tool.place("resize", { ...cuboid, dimensions: cuboid.dimensions.with(axis, value) as Vec3 })} />
      ))}
      <NumberField words="yaw" unit="°" value={(cuboid.yaw * 180) / Math.PI} step={1} onSet={(value) => turnTo(tool, cuboid, value)} />
      <span class="lidar-fact"><span class="soft">points</span> {points ?? "–"}</span>
      <span class="lidar-fact" title="From its places in the frames before and after"><span class="soft">m/s</span> {speed === null ? "–" : speed.toFixed(1)}</span>
      <label class="lidar-fact lidar-check" title={tool.session.keys.tooltip("One size in all frames, on or off")}>
        <input type="checkbox" checked={tool.oneSize.value} onChange={(event) => { tool.oneSize.value = event.currentTarget.checked; }} />
        one size
      </label>
    </div>
  );
}

function turnTo(tool: LidarTool, cuboid: LidarCuboid, degrees: number): void {
  tool.place("turn", { ...cuboid, yaw: wrapAngle((degrees * Math.PI) / 180) });
}

interface NumberFieldProps { words: string; unit: string; value: number; step: number; least?: number; onSet(value: number): void }

function NumberField({ words, unit, value, step, least, onSet }: NumberFieldProps) {
  const shown = unit === "m" ? value.toFixed(2) : value.toFixed(1);
  return (
    <label>
      <span class="soft">{`${words} (${unit})`}</span>
      <input type="number" step={step} min={least} value={shown}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          if (Number.isFinite(typed) && typed >= (least ?? -Infinity)) onSet(typed);
          else event.currentTarget.value = shown;
        }} />
    </label>
  );
}
