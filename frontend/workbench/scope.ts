/** Who creates a thing disposes of it: a scope collects undoers and runs them once, last first. */

export class Scope {
  private undoers: Array<() => void> = [];
  private closed = false;

  /** Runs `undo` when this scope ends; at once when it already has. */
  add(undo: () => void): void {
    if (this.closed) undo();
    else this.undoers.push(undo);
  }

  /** Listens until the scope ends. */
  listen<E extends Event>(
    target: EventTarget,
    type: string,
    handler: (event: E) => void,
    options?: AddEventListenerOptions,
  ): void {
    const listener = handler as EventListener;
    target.addEventListener(type, listener, options);
    this.add(() => target.removeEventListener(type, listener, options));
  }

  /** Calls `tick` every `milliseconds` until the scope ends. */
  every(milliseconds: number, tick: () => void): void {
    const timer = setInterval(tick, milliseconds);
    this.add(() => clearInterval(timer));
  }

  /** A scope that ends with this one, or before it. */
  child(): Scope {
    const inner = new Scope();
    this.add(() => inner.dispose());
    return inner;
  }

  dispose(): void {
    this.closed = true;
    for (let undo = this.undoers.pop(); undo; undo = this.undoers.pop()) undo();
  }
}
