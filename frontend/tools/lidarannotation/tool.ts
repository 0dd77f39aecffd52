/** The lidar tool's state and what it does with it: frames, selection, tracks, checks. Views show it, keys and pointers call it. */
import { computed, effect, signal, untracked, type ReadonlySignal } from "@preact/signals";
import type { Cuboid } from "../../geometry/cuboid";
import { wrapAngle } from "../../geometry/cuboid";
import { classColor } from "../../styles/palette";
import type { ColorMode } from "../../viewports/pointcloud/coloring";
import { FrameStore } from "../../viewports/pointcloud/frames";
import type { ShownCuboid } from "../../viewports/pointcloud/shapes";
import type { Definitions } from "../../workbench/attribute_rules";
import type { Problem, Tool, WorkSession } from "../../workbench/tool";
import type { LabelChoice, LidarAnswer, LidarCuboid, LidarFrame, LidarSubtask, LidarTrack, Vec3 } from "../../workbench/types";
import { problemsOf } from "./checks";
import { load, type DriveDocument } from "./document";
import { fitArea, refit, refitPlace, type Footprint } from "./fit";
import { Playback } from "./playback";
import { PointCounts } from "./point_counts";
import { sizeRule } from "./sizes";
import { cuboidAt, filled, placed, predicted, resized, withoutFrame, withoutKey, endedAt, startedAt, anchorsOf, speedAt, type Clock } from "./track";

export const COLOR_MODES: readonly ColorMode[] = ["height", "intensity", "distance"];
const POINT_SIZES = [1, 1.5, 2, 3, 4, 6];
/** Where no times are given, ten frames a second. */
const SECONDS_PER_FRAME = 0.1;

export interface ChangeOptions {
  gesture?: string | undefined;
  /** The track before the drag began: each step of it starts there, so that nothing adds up. */
  base?: LidarTrack | undefined;
}

export class LidarTool implements Tool<LidarAnswer> {
  readonly document: DriveDocument;
  readonly frames: readonly LidarFrame[];
  readonly labels: readonly LabelChoice[];
  readonly definitions: Definitions;
  readonly store: FrameStore;
  readonly counts: PointCounts;
  readonly playback: Playback;
  readonly problems: ReadonlySignal<readonly Problem[]>;
  /** By its number in the drive. */
  readonly frame;
  readonly selected = signal<string | null>(null);
  readonly hovered = signal<string | null>(null);
  readonly label;
  readonly drawing = signal(false);
  readonly colorMode = signal<ColorMode>("height");
  readonly pointSize = signal(2);
  readonly top = signal(false);
  /** A new size of the selected object counts in all of its frames. */
  readonly oneSize = signal(true);
  /** The view goes along with the selected object, else with the device. */
  readonly follow = signal(true);
  /** The first image shows the selected object large. */
  readonly imageZoom = signal(true);
  readonly imagesTall = signal(false);
  readonly current: ReadonlySignal<LidarFrame>;
  readonly selectedTrack: ReadonlySignal<LidarTrack | null>;
  readonly selectedCuboid: ReadonlySignal<LidarCuboid | null>;
  readonly shown: ReadonlySignal<readonly ShownCuboid[]>;
  /** Set by the main view. */
  bringIntoView: (place: Vec3) => void = () => {};
  private readonly places: Map<number, number>;

  constructor(readonly session: WorkSession<LidarAnswer, LidarSubtask>) {
    const { subtask, history, scope } = session;
    this.frames = subtask.frames;
    this.places = new Map(this.frames.map((frame, place) => [frame.index, place]));
    this.labels = subtask.params.labels;
    this.definitions = subtask.params.annotation_attributes ?? {};
    this.problems = session.problems;
    this.label = signal(this.labels[0]?.name ?? "");
    this.frame = signal(this.frames[0]?.index ?? 0);
    this.document = load(session.draft, history);
    this.store = new FrameStore([...this.frames], scope);
    this.counts = new PointCounts((index) => this.store.get(index), () => this.document.tracks.peek(), scope);
    this.playback = new Playback(this, scope);
    this.current = computed(() => this.frames[this.placeOf(this.frame.value)]!);
    this.selectedTrack = computed(() => this.document.find(this.selected.value));
    this.selectedCuboid = computed(() => this.selectedTrack.value && cuboidAt(this.selectedTrack.value, this.frame.value));
    this.shown = computed(() => this.cuboidsShown());
    scope.add(effect(() => this.store.want(this.frame.value)));
    // What undo took away is not selected any more.
    scope.add(effect(() => { if (this.selected.value !== null && !this.document.find(this.selected.value)) this.selected.value = null; }));
  }

  get answer(): ReadonlySignal<LidarAnswer> {
    return this.document.answer;
  }

  check(): Problem[] {
    return problemsOf({
      tracks: this.document.tracks.peek(),
      params: this.session.subtask.params,
      clock: this.clock,
      countPoints: this.counts.counter(),
      show: (id, frame) => this.show(id, frame),
    });
  }

  present(answer: LidarAnswer): void {
    this.selected.value = null; // the same id is another object there
    this.document.present(answer);
  }

  dispose(): void {
    this.playback.stop();
  }

  /** Seconds, as the frames say; evenly where they do not. */
  clock: Clock = (frame) => {
    const time = this.frames[this.placeOf(frame)]?.timestamp;
    return time ?? frame * SECONDS_PER_FRAME;
  };

  device = (frame: number): Vec3 => this.frames[this.placeOf(frame)]?.device.position ?? [0, 0, 0];

  placeOf(frame: number): number {
    return this.places.get(frame) ?? 0;
  }

  goTo(frame: number): void {
    const [first, last] = [this.frames[0]!.index, this.frames.at(-1)!.index];
    this.frame.value = Math.min(last, Math.max(first, Math.round(frame)));
  }

  step(by: number): void {
    this.playback.stop();
    this.goTo(this.frame.peek() + by);
  }

  /** To the next or previous key of the selected object. */
  stepKey(by: 1 | -1): void {
    const track = this.selectedTrack.peek();
    if (!track) return;
    const frame = this.frame.peek();
    const keys = anchorsOf(track).map((one) => one.frame);
    const next = by > 0 ? keys.find((key) => key > frame) : keys.findLast((key) => key < frame);
    if (next === undefined) this.session.announce(by > 0 ? "No later keyframe." : "No earlier keyframe.");
    else this.step(next - frame);
  }

  /** Selects an object and goes where it is: to `frame`, else to its nearest one. */
  show(id: string, frame: number | null = null): void {
    const track = this.document.find(id);
    if (!track) return;
    this.selected.value = id;
    const here = this.frame.peek();
    const nearest = track.cuboids.reduce((a, b) => (Math.abs(b.frame - here) < Math.abs(a.frame - here) ? b : a));
    this.step((frame ?? nearest.frame) - here);
    const cuboid = cuboidAt(track, this.frame.peek()) ?? nearest;
    this.bringIntoView(cuboid.position);
  }

  stepObject(by: 1 | -1): void {
    const tracks = this.document.tracks.peek();
    if (!tracks.length) return;
    const here = tracks.findIndex((track) => track.id === this.selected.peek());
    const next = tracks[(here + by + tracks.length + (here < 0 && by < 0 ? 1 : 0)) % tracks.length];
    if (next) this.show(next.id);
  }

  /** Draws a new object in an area, fitted to the points in it; says what it did. */
  draw(area: Footprint, level: number): void {
    const label = this.label.peek();
    const frame = this.frame.peek();
    const fit = fitArea(this.store.get(frame), area, sizeRule(label), this.device(frame), level, this.othersHere());
    this.selected.value = this.document.add(label, frame, fit.cuboid);
    this.document.history.seal();
    this.session.announce(fit.points ? `${this.nameOfSelected()} fitted to ${fit.points} points.` : `${this.nameOfSelected()}: too few points to fit, so it has the usual size.`);
  }

  nameOfSelected(): string {
    return this.document.nameOf(this.selected.peek() ?? "");
  }

  /** Puts the selected object's cuboid of this frame. A new size counts in all frames while `oneSize` is on. */
  place(what: string, cuboid: Cuboid, { gesture, base }: ChangeOptions = {}): void {
    const id = this.selected.peek();
    if (id === null) return;
    const frame = this.frame.peek();
    this.document.edit(
      id,
      what,
      (now) => {
        const track = base ?? now;
        const before = cuboidAt(track, frame);
        const sized = before && !sameSize(before.dimensions, cuboid.dimensions) && this.oneSize.peek();
        return placed(sized ? resized(track, cuboid.dimensions, this.clock, this.device) : track, frame, cuboid, this.clock);
      },
      gesture,
    );
  }

  /** Changes the selected cuboid where there is one. */
  change(what: string, change: (cuboid: Cuboid) => Cuboid, gesture?: string): void {
    const cuboid = this.selectedCuboid.peek();
    if (cuboid) this.place(what, change(cuboid), { gesture });
    else if (this.selected.peek() !== null) this.session.announce(`${this.nameOfSelected()} is not in this frame. Press C to bring it here.`);
  }

  flip(): void {
    this.change("turn round", (cuboid) => ({ ...cuboid, yaw: wrapAngle(cuboid.yaw + Math.PI) }));
  }

  /** A quarter turn that keeps the outline: length and width change places. */
  quarterTurn(): void {
    this.change("turn by a quarter", (cuboid) => {
      const [length, width, height] = cuboid.dimensions;
      return { ...cuboid, dimensions: [width, length, height], yaw: wrapAngle(cuboid.yaw + Math.PI / 2) };
    });
  }

  /** To the points: the size too where the object is in one frame only, or sizes differ. */
  fit(): void {
    const track = this.selectedTrack.peek();
    const cuboid = this.selectedCuboid.peek();
    const frame = this.store.get(this.frame.peek());
    if (!track || !cuboid || !frame) return;
    const seenFrom = this.device(this.frame.peek());
    const keepsSize = this.oneSize.peek() && track.cuboids.length > 1;
    const fitted = keepsSize ? refitPlace(frame, cuboid, seenFrom, this.othersHere(track.id)) : refit(frame, cuboid, sizeRule(track.label), seenFrom, this.othersHere(track.id));
    if (fitted) this.place("fit", fitted);
    this.session.announce(fitted ? `${this.nameOfSelected()} fitted${keepsSize ? ", its size kept" : ""}.` : "Too few points here to fit to.");
  }

  /** Carries the selected object into a frame, as its motion says, and goes there. */
  carryTo(frame: number): void {
    const track = this.selectedTrack.peek();
    const [first, last] = [this.frames[0]!.index, this.frames.at(-1)!.index];
    if (!track || frame < first || frame > last) return this.session.announce(track ? "There is no further frame." : "Select an object first.");
    const here = cuboidAt(track, this.frame.peek());
    const inside = cuboidAt(track, frame);
    const cuboid = inside ? here ?? inside : predicted(track, frame, this.clock) ?? here;
    if (!cuboid) return;
    this.step(frame - this.frame.peek());
    this.place(`carry to frame ${frame}`, cuboid);
    this.document.history.seal();
  }

  /** Puts the cuboid where it would be in this frame, when the object is not here yet. */
  bringHere(): void {
    const track = this.selectedTrack.peek();
    const frame = this.frame.peek();
    if (!track) return;
    const cuboid = predicted(track, frame, this.clock) ?? track.cuboids.findLast((one) => one.frame < frame);
    if (cuboid) this.place(`bring to frame ${frame}`, cuboid);
  }

  toggleKey(): void {
    const frame = this.frame.peek();
    const cuboid = this.selectedCuboid.peek();
    if (!cuboid) return this.bringHere();
    if (!cuboid.key) return this.place("keep", cuboid);
    this.editSelected("take a key from", (track) => (anchorsOf(track).length > 1 ? withoutKey(track, frame, this.clock) : track));
  }

  endHere(): void {
    this.editSelected("end", (track) => endedAt(track, this.frame.peek()));
  }

  startHere(): void {
    this.editSelected("start", (track) => startedAt(track, this.frame.peek()));
  }

  fillGap(): void {
    this.editSelected("fill the gap of", (track) => filled(track, this.frame.peek(), this.clock));
  }

  removeHere(): void {
    const { selectedCuboid } = this;
    if (!selectedCuboid.peek()) return;
    const name = this.nameOfSelected();
    this.editSelected(`take out of frame ${this.frame.peek()}:`, (track) => withoutFrame(track, this.frame.peek()));
    this.session.announce(`${name} taken out of frame ${this.frame.peek()}.`);
  }

  remove(): void {
    const id = this.selected.peek();
    if (id === null) return;
    const name = this.nameOfSelected();
    this.selected.value = null;
    this.document.remove(id);
    this.session.announce(`${name} deleted from all frames.`);
  }

  speed(): number | null {
    const track = this.selectedTrack.value;
    return track && speedAt(track, this.frame.value, this.clock);
  }

  nextColorMode(): void {
    this.colorMode.value = COLOR_MODES[(COLOR_MODES.indexOf(this.colorMode.peek()) + 1) % COLOR_MODES.length]!;
  }

  pointSizeBy(by: 1 | -1): void {
    const at = POINT_SIZES.indexOf(this.pointSize.peek()) + by;
    this.pointSize.value = POINT_SIZES[Math.min(POINT_SIZES.length - 1, Math.max(0, at))]!;
  }

  colorOf(label: string): string {
    return classColor(this.labels.find((one) => one.name === label)?.color_index ?? 11);
  }

  private othersHere(id: string | null = null): Cuboid[] {
    return this.shown.peek().filter((one) => !one.ghost && one.id !== id).map((one) => one.cuboid);
  }

  private editSelected(what: string, change: (track: LidarTrack) => LidarTrack | null): void {
    const id = this.selected.peek();
    if (id === null) return;
    const before = this.document.history.version.peek();
    this.document.edit(id, what, change);
    if (untracked(() => this.document.history.version.value) === before) this.session.announce("Nothing to change here.");
  }

  private cuboidsShown(): ShownCuboid[] {
    const frame = this.frame.value;
    const shown = (tracks: readonly LidarTrack[], ghost: boolean) =>
      tracks.flatMap((track) => {
        const cuboid = cuboidAt(track, frame);
        const selected = !ghost && track.id === this.selected.value;
        return cuboid ? [{ id: ghost ? `ghost ${track.id}` : track.id, cuboid, color: this.colorOf(track.label), selected, ghost }] : [];
      });
    return [...shown(this.session.subtask.ghosts ?? [], true), ...shown(this.document.tracks.value, false)];
  }
}

function sameSize(a: Vec3, b: Vec3): boolean {
  return a.every((size, axis) => Math.abs(size - b[axis]!) < 1e-4);
}
