/** Undo and redo: everything that changes an answer is a command run here. */
import { computed, signal, type ReadonlySignal } from "@preact/signals";

export interface Command {
  /** Shown as "Undo <name>", so say what it does: "move car 12". */
  readonly name: string;
  /** Consecutive commands of one gesture (a drag, a held arrow key) are one step back. */
  readonly gesture?: string | undefined;
  run(): void;
  revert(): void;
}

/** Bounds memory: at some 50 edits a minute this is more than an hour back. */
export const STEPS_MAX = 5000;

export class History {
  private done: Command[] = [];
  private undone: Command[] = [];
  private sealed = true;
  private readonly changes = signal(0);

  /** Grows with every run, undo and redo: read it to react to changes. */
  readonly version: ReadonlySignal<number> = this.changes;
  /** The name of what undo would take back, or null. */
  readonly undoable: ReadonlySignal<string | null> = computed(() => this.nameOfLast(() => this.done));
  readonly redoable: ReadonlySignal<string | null> = computed(() => this.nameOfLast(() => this.undone));

  run(command: Command): void {
    command.run();
    const previous = this.done.at(-1);
    if (previous && !this.sealed && command.gesture !== undefined && previous.gesture === command.gesture) {
      this.done[this.done.length - 1] = merged(previous, command);
    } else {
      this.done.push(command);
      if (this.done.length > STEPS_MAX) this.done.shift();
    }
    this.sealed = false;
    this.undone = [];
    this.changes.value += 1;
  }

  /** Ends the current gesture (pointer or key released): what follows is a step of its own. */
  seal(): void {
    this.sealed = true;
  }

  undo(): boolean {
    return this.move(this.done, this.undone, (command) => command.revert());
  }

  redo(): boolean {
    return this.move(this.undone, this.done, (command) => command.run());
  }

  private move(from: Command[], to: Command[], act: (command: Command) => void): boolean {
    const command = from.pop();
    if (!command) return false;
    act(command);
    to.push(command);
    this.sealed = true;
    this.changes.value += 1;
    return true;
  }

  private nameOfLast(stack: () => Command[]): string | null {
    void this.changes.value;
    return stack().at(-1)?.name ?? null;
  }
}

function merged(first: Command, last: Command): Command {
  return { name: last.name, gesture: first.gesture, run: () => last.run(), revert: () => first.revert() };
}
