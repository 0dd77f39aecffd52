/** How many points are drawn while something moves: as many as come in time, found out from the frames before; pure. */

/** A frame that takes longer is one too slow to follow a hand: some 30 a second. */
const SLOW_MS = 36;
/** What is aimed at after a slow one. */
const AIM_MS = 27;
/** Faster than this there is time for more points: the screen itself takes nearly 17 ms. */
const FAST_MS = 20;
const GROWTH = 1.15;
/** One slow frame does not take more than half away. */
const SHRINK_MOST = 0.5;
/** With fewer points nothing is recognized, however fast. */
export const POINTS_LEAST = 15_000;
const POINTS_MOST = 20_000_000;

export class Budget {
  private now: number;
  private before = 0;

  constructor(start: number) {
    this.now = start;
  }

  get points(): number {
    return Math.floor(this.now);
  }

  /** A frame with `drawn` points took so long until it was finished. `wasAll`: there were no more to draw. */
  took(milliseconds: number, drawn: number, wasAll: boolean): void {
    // One slow frame alone is a hiccup of the machine, and says nothing about the points.
    const surely = Math.min(milliseconds, this.before || milliseconds);
    this.before = milliseconds;
    if (surely > SLOW_MS) {
      const fewer = Math.min(drawn, this.now) * Math.max(SHRINK_MOST, AIM_MS / surely);
      this.now = Math.max(POINTS_LEAST, fewer);
    } else if (milliseconds < FAST_MS && !wasAll) {
      this.now = Math.min(POINTS_MOST, this.now * GROWTH);
    }
  }
}
