/** Fetches the frames' points: the wanted one first, then its neighbours, and keeps those nearby. Frames go by their number in the drive. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Scope } from "../../workbench/scope";
import type { LidarFrame } from "../../workbench/types";
import { decodeFrame, type PointFrame } from "./frame";
import { spread } from "./spread";

/** More at once would make the wanted one slower. */
const AT_ONCE = 3;
/** Some 100 MB at 200,000 points a frame. */
const KEPT = 60;

export class FrameStore {
  readonly loaded: ReadonlySignal<ReadonlySet<number>>;
  /** What could not be fetched, in words by the frame's number; `retry` tries again. */
  readonly failed: ReadonlySignal<ReadonlyMap<number, string>>;
  private readonly loadedNow = signal<ReadonlySet<number>>(new Set());
  private readonly failedNow = signal<ReadonlyMap<number, string>>(new Map());
  private readonly urls: Map<number, string>;
  private readonly frames = new Map<number, PointFrame>();
  private readonly underWay = new Map<number, AbortController>();
  private wanted: number | null = null;
  private ended = false;

  constructor(frames: LidarFrame[], scope: Scope) {
    this.loaded = this.loadedNow;
    this.failed = this.failedNow;
    this.urls = new Map(frames.map((frame) => [frame.index, frame.points_url]));
    scope.add(() => {
      this.ended = true;
      for (const fetching of this.underWay.values()) fetching.abort();
      this.frames.clear();
    });
  }

  get(index: number): PointFrame | null {
    return this.frames.get(index) ?? null;
  }

  want(index: number): void {
    this.wanted = index;
    this.forgetFar();
    if (!this.has(index) && this.underWay.size >= AT_ONCE) this.makeRoom();
    this.fill();
  }

  /** Tries again what failed: one frame, or all. */
  retry(index?: number): void {
    const failed = new Map(this.failedNow.peek());
    if (index === undefined) failed.clear();
    else failed.delete(index);
    this.failedNow.value = failed;
    this.fill();
  }

  private has(index: number): boolean {
    return this.frames.has(index) || this.underWay.has(index);
  }

  /** The numbers of all frames, nearest to the wanted one first, the later of two equally near ones first. */
  private nearest(): number[] {
    const middle = this.wanted ?? 0;
    const far = (index: number) => Math.abs(index - middle) - (index > middle ? 0.5 : 0);
    return [...this.urls.keys()].sort((a, b) => far(a) - far(b));
  }

  private fill(): void {
    if (this.ended || this.wanted === null) return;
    for (const index of this.nearest().slice(0, KEPT)) {
      if (this.underWay.size >= AT_ONCE) return;
      if (!this.has(index) && !this.failedNow.peek().has(index)) void this.load(index);
    }
  }

  private async load(index: number): Promise<void> {
    const aborter = new AbortController();
    this.underWay.set(index, aborter);
    try {
      const response = await fetch(this.urls.get(index)!, { signal: aborter.signal, credentials: "same-origin" });
      if (!response.ok) throw new Error(`The server answered ${response.status} for the points of frame ${index}.`);
      const frame = spread(decodeFrame(await response.arrayBuffer()));
      if (aborter.signal.aborted) return;
      this.frames.set(index, frame);
      this.forgetFar();
      this.tellLoaded();
    } catch (error) {
      if (!aborter.signal.aborted) this.fail(index, error);
    } finally {
      if (this.underWay.get(index) === aborter) this.underWay.delete(index);
      this.fill();
    }
  }

  private fail(index: number, error: unknown): void {
    const words = error instanceof Error && !(error instanceof TypeError) ? error.message : `No connection for the points of frame ${index}.`;
    this.failedNow.value = new Map(this.failedNow.peek()).set(index, words);
  }

  /** Gives up the farthest of those under way: the wanted one must not wait behind its former neighbours. */
  private makeRoom(): void {
    const farthest = this.nearest().findLast((index) => this.underWay.has(index))!;
    this.underWay.get(farthest)!.abort();
    this.underWay.delete(farthest);
  }

  private forgetFar(): void {
    if (this.frames.size <= KEPT) return;
    for (const index of this.nearest().slice(KEPT)) this.frames.delete(index);
    this.tellLoaded();
  }

  private tellLoaded(): void {
    this.loadedNow.value = new Set(this.frames.keys());
  }
}
