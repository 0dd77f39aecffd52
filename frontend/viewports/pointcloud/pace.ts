/** The beat to which all canvases of a scene are drawn: together, and never before the graphics card has finished the last time. */

/** Something that is drawn to the beat. */
export interface Beaten {
  /** Whether the card has finished what it was given last. */
  isFinished(now: number): boolean;
  /** Draws what has changed since. */
  drawDue(now: number): void;
}

export class Pace {
  private readonly drawers = new Set<Beaten>();
  private step: (() => void) | null = null;
  private waiting = 0;

  add(drawer: Beaten): () => void {
    this.drawers.add(drawer);
    return () => this.drawers.delete(drawer);
  }

  /** Asks for a beat with the screen's next frame; any number of calls until then are one. */
  wake(): void {
    this.waiting ||= requestAnimationFrame((now) => this.beat(now));
  }

  /** Runs `step` right before the next drawing; only the latest one is kept, so a slow machine takes larger steps, not later ones. */
  before(step: () => void): void {
    this.step = step;
    this.wake();
  }

  /** Runs at once what still waits. */
  flush(): void {
    const { step } = this;
    this.step = null;
    step?.();
  }

  stop(): void {
    cancelAnimationFrame(this.waiting);
    this.step = null;
  }

  /** What is handed over faster than it is drawn would only queue up behind the hand. */
  private beat(now: number): void {
    this.waiting = 0;
    // Each is asked: that is how it learns its time.
    const open = [...this.drawers].filter((drawer) => !drawer.isFinished(now));
    if (open.length) return this.wake();
    this.flush();
    for (const drawer of this.drawers) drawer.drawDue(now);
  }
}
