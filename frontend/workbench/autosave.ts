/** Keeps the draft on the server: some seconds after a change, again with growing pauses while it fails. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { Refused } from "./api";

export type SaveState =
  | { kind: "unchanged" }
  | { kind: "changed" }
  | { kind: "saving" }
  | { kind: "saved"; at: Date }
  /** Not reached; tried again at `retryAt`. */
  | { kind: "offline"; why: string; retryAt: Date }
  /** The server does not take drafts of this assignment any more. */
  | { kind: "refused"; why: string; status: number };

export const DELAY_MS = 3_000;
export const RETRY_MS_MAX = 60_000;

export interface AutosaveDoes {
  /** Sends the answer as it is now; `leaving` when the page may be gone before the reply. */
  send(leaving: boolean): Promise<Date>;
  /** Keeps a copy on this machine while the server cannot be reached. */
  keep(): void;
  /** The server has it: the local copy is not needed. */
  forget(): void;
}

export class Autosave {
  private readonly now = signal<SaveState>({ kind: "unchanged" });
  private timer: ReturnType<typeof setTimeout> | undefined;
  private changes = 0;
  private savedChanges = 0;
  private failures = 0;
  private sending: Promise<void> | null = null;
  private stopped = false;

  readonly state: ReadonlySignal<SaveState> = this.now;

  constructor(private readonly does: AutosaveDoes) {}

  get isPending(): boolean {
    return this.changes !== this.savedChanges;
  }

  changed(): void {
    this.changes += 1;
    // After a refusal asking again would only be refused again.
    if (this.stopped || this.isRefused || this.sending || this.timer !== undefined) return;
    this.now.value = { kind: "changed" };
    this.plan(DELAY_MS);
  }

  /** Saves at once when there is something to save (leaving, back online, Ctrl+S). */
  async flush(leaving = false): Promise<void> {
    if (this.stopped || !this.isPending) return;
    if (this.isRefused) return this.does.keep();
    if (this.sending && !leaving) await this.sending;
    if (this.isPending) await this.save(leaving);
  }

  /** No more saving: submitted, skipped, or left. */
  stop(): void {
    this.stopped = true;
    clearTimeout(this.timer);
    this.timer = undefined;
  }

  private get isRefused(): boolean {
    return this.now.peek().kind === "refused";
  }

  private plan(milliseconds: number): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.save(false), milliseconds);
  }

  private save(leaving: boolean): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    if (this.stopped) return Promise.resolve();
    const sending = this.attempt(leaving).finally(() => {
      if (this.sending === sending) this.sending = null;
      // What changed while the request was under way is saved next.
      if (this.isPending && this.timer === undefined && !this.stopped && !this.isRefused) this.plan(DELAY_MS);
    });
    this.sending = sending;
    return sending;
  }

  private async attempt(leaving: boolean): Promise<void> {
    const upTo = this.changes;
    this.now.value = { kind: "saving" };
    try {
      const at = await this.does.send(leaving);
      this.savedChanges = Math.max(this.savedChanges, upTo);
      this.failures = 0;
      this.now.value = { kind: "saved", at };
      if (!this.isPending) this.does.forget();
    } catch (error) {
      this.does.keep();
      this.failed(error as Error);
    }
  }

  private failed(error: Error): void {
    if (error instanceof Refused && error.status !== 401) {
      this.now.value = { kind: "refused", why: error.message, status: error.status };
      return;
    }
    this.failures += 1;
    const pause = Math.min(RETRY_MS_MAX, 2_000 * 2 ** (this.failures - 1));
    this.now.value = { kind: "offline", why: error.message, retryAt: new Date(Date.now() + pause) };
    if (!this.stopped) this.plan(pause);
  }
}
