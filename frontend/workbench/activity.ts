/** Active time: counts only while the page is visible and the last input is less than half a minute old. */

export const IDLE_MS = 30_000;

export class ActiveTime {
  private counted: number;
  private lastInput: number | null = null;

  /** `seconds` is what earlier sittings have already counted. */
  constructor(seconds: number) {
    this.counted = seconds * 1000;
  }

  /** A key, a pointer or a wheel moved at `now` (milliseconds). */
  input(now: number): void {
    this.counted += this.sinceInput(now);
    this.lastInput = now;
  }

  /** The page was hidden at `now`: nothing counts until the next input. */
  hide(now: number): void {
    this.counted += this.sinceInput(now);
    this.lastInput = null;
  }

  seconds(now: number): number {
    return Math.floor((this.counted + this.sinceInput(now)) / 1000);
  }

  isIdle(now: number, milliseconds = IDLE_MS): boolean {
    return this.lastInput === null || now - this.lastInput > milliseconds;
  }

  private sinceInput(now: number): number {
    if (this.lastInput === null) return 0;
    return Math.min(Math.max(0, now - this.lastInput), IDLE_MS);
  }
}
