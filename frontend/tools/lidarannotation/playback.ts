/** Plays the frames at the speed of the drive; waits for what is not loaded yet. */
import { signal } from "@preact/signals";
import type { Scope } from "../../workbench/scope";
import type { LidarTool } from "./tool";

const MS_MIN = 60;
const MS_MAX = 1000;
const MS_WAIT = 80;

export class Playback {
  readonly playing = signal(false);
  private timer = 0;

  constructor(private readonly tool: LidarTool, scope: Scope) {
    scope.add(() => this.stop());
  }

  toggle(): void {
    if (this.playing.peek()) return this.stop();
    const { frames, frame } = this.tool;
    if (frame.peek() === frames.at(-1)!.index) this.tool.goTo(frames[0]!.index);
    this.playing.value = true;
    this.plan();
  }

  stop(): void {
    clearTimeout(this.timer);
    this.playing.value = false;
  }

  private plan(): void {
    const { tool } = this;
    const here = tool.frame.peek();
    const next = tool.frames[tool.placeOf(here) + 1]?.index;
    if (next === undefined) return this.stop();
    const wait = Math.min(MS_MAX, Math.max(MS_MIN, (tool.clock(next) - tool.clock(here)) * 1000));
    this.timer = window.setTimeout(() => this.advance(next), wait);
  }

  private advance(next: number): void {
    if (!this.tool.store.get(next) && !this.tool.store.failed.peek().has(next)) {
      // It comes with the others: the store fetches nearest first.
      this.timer = window.setTimeout(() => this.advance(next), MS_WAIT);
      return;
    }
    this.tool.goTo(next);
    this.plan();
  }
}
