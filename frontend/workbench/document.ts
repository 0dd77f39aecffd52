/** An immutable state in a signal, changed only through the history, so that everything can be undone. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { History } from "./history";

export interface ChangeOptions {
  /** Consecutive changes with one gesture name are one undo step; see History.seal. */
  gesture?: string;
}

export class Document<State> {
  private readonly current;

  constructor(
    initial: State,
    private readonly history: History,
  ) {
    this.current = signal(initial);
  }

  get state(): ReadonlySignal<State> {
    return this.current;
  }

  /** Shows another state as it is, with nothing to undo: for looking at answers, where nothing is changed. */
  show(state: State): void {
    this.current.value = state;
  }

  /** Replaces the state by `next(state)`; returning the same object changes nothing and adds no undo step. */
  change(name: string, next: (state: State) => State, options: ChangeOptions = {}): void {
    const before = this.current.peek();
    const after = next(before);
    if (after === before) return;
    this.history.run({
      name,
      gesture: options.gesture,
      run: () => { this.current.value = after; },
      revert: () => { this.current.value = before; },
    });
  }
}
