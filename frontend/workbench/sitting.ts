/** One sitting at one assignment: the tool, its history and keys, saving, the lease, active time and problems. */
import { computed, effect, signal, type ReadonlySignal } from "@preact/signals";
import { ActiveTime } from "./activity";
import { Refused, type LabelerApi } from "./api";
import { Autosave } from "./autosave";
import { History } from "./history";
import { forgetDraft, keepDraft, newerDraft } from "./keepsake";
import { KeyMap } from "./keymap";
import { Scope } from "./scope";
import type { MountTool, Problem, Tool } from "./tool";
import type { Assignment } from "./types";
import { clockTime } from "./words";

const HEARTBEAT_MS = 30_000;
/** Someone who touched nothing for so long has gone: the lease is left to run out. */
const AWAY_MS = 10 * 60_000;
const CHECK_DELAY_MS = 250;

export class Sitting {
  readonly history = new History();
  readonly keys = new KeyMap();
  readonly scope = new Scope();
  readonly autosave: Autosave;
  readonly problems = signal<readonly Problem[]>([]);
  readonly blocking: ReadonlySignal<number> = computed(() => this.problems.value.filter((problem) => problem.blocking).length);
  /** Something about the lease or the epoch that the labeler should know, in words. */
  readonly notice = signal<string | null>(null);
  readonly leaseExpiresAt;
  private readonly active: ActiveTime;
  private readonly tool: Tool<unknown>;

  constructor(
    readonly api: LabelerApi,
    readonly assignment: Assignment,
    mount: MountTool,
    host: HTMLElement,
    announce: (text: string) => void,
  ) {
    this.leaseExpiresAt = signal(assignment.lease_expires_at);
    this.active = new ActiveTime(assignment.active_seconds);
    this.autosave = new Autosave({
      send: (leaving) => this.saveDraft(leaving),
      keep: () => keepDraft(assignment.id, this.tool.answer.peek(), api.serverNow()),
      forget: () => forgetDraft(assignment.id),
    });
    const kept = newerDraft(assignment.id, assignment.draft_saved_at);
    this.tool = this.mounted(mount, host, kept ?? assignment.draft ?? null, announce);
    if (kept !== null) {
      announce("Work kept on this machine while offline is back.");
      this.autosave.changed();
    }
    this.watchChanges();
    this.watchActivity();
    this.watchLeaving();
    this.scope.every(HEARTBEAT_MS, () => void this.heartbeat());
    void this.heartbeat(); // whoever comes back late in a lease has it whole again
  }

  activeSeconds(): number {
    return this.active.seconds(performance.now());
  }

  /** Runs the tool's checks now and shows their result. */
  check(): readonly Problem[] {
    this.problems.value = this.tool.check();
    return this.problems.peek();
  }

  async submit(): Promise<Assignment> {
    const { id, epoch } = this.assignment;
    const submitted = await this.api.submit(id, { epoch, answer: this.tool.answer.peek(), active_seconds: this.activeSeconds() });
    this.autosave.stop();
    forgetDraft(id);
    return submitted;
  }

  async skip(reason: string): Promise<void> {
    // The draft goes to whoever gets the slot next, so it is saved first.
    await this.autosave.flush();
    await this.api.skip(this.assignment.id, { epoch: this.assignment.epoch, reason });
    this.autosave.stop();
    forgetDraft(this.assignment.id);
  }

  dispose(): void {
    this.autosave.stop();
    this.tool.dispose();
    this.scope.dispose();
  }

  private mounted(mount: MountTool, host: HTMLElement, draft: unknown, announce: (text: string) => void): Tool<unknown> {
    const { assignment, history, keys, problems, scope } = this;
    try {
      return mount(host, { subtask: assignment.subtask, draft, history, keys, problems, scope, announce });
    } catch (error) {
      // What the tool had made before it failed (listeners, a WebGL context) goes with it.
      scope.dispose();
      throw error;
    }
  }

  private async saveDraft(leaving: boolean): Promise<Date> {
    const { id, epoch } = this.assignment;
    const draft = { epoch, answer: this.tool.answer.peek(), active_seconds: this.activeSeconds() };
    return new Date((await this.api.saveDraft(id, draft, leaving)).saved_at);
  }

  private async heartbeat(): Promise<void> {
    if (this.active.isIdle(performance.now(), AWAY_MS) || this.notice.peek() !== null) return;
    try {
      const { id, epoch } = this.assignment;
      const reply = await this.api.heartbeat(id, { epoch, active_seconds: this.activeSeconds() });
      this.leaseExpiresAt.value = reply.lease_expires_at;
    } catch (error) {
      // Unreachable: the next beat tries again, and the save line already says "offline".
      if (error instanceof Refused && error.status !== 401) this.notice.value = lostWords(error, this.leaseExpiresAt.peek());
    }
  }

  private watchChanges(): void {
    let checkTimer: ReturnType<typeof setTimeout> | undefined;
    let first = true;
    this.check();
    this.scope.add(
      effect(() => {
        void this.history.version.value;
        if (first) {
          first = false;
          return;
        }
        this.autosave.changed();
        clearTimeout(checkTimer);
        checkTimer = setTimeout(() => this.check(), CHECK_DELAY_MS);
      }),
    );
    this.scope.add(
      effect(() => {
        const state = this.autosave.state.value;
        if (state.kind === "refused") this.notice.value = lostWords(new Refused(state.status, state.why), this.leaseExpiresAt.peek());
      }),
    );
    this.scope.add(() => clearTimeout(checkTimer));
  }

  private watchActivity(): void {
    const note = () => this.active.input(performance.now());
    for (const type of ["pointerdown", "pointermove", "wheel", "keydown"]) {
      this.scope.listen(window, type, note, { passive: true, capture: true });
    }
    note();
  }

  private watchLeaving(): void {
    this.scope.listen(document, "visibilitychange", () => {
      if (!document.hidden) return;
      this.active.hide(performance.now());
      void this.autosave.flush(true);
    });
    this.scope.listen(window, "pagehide", () => void this.autosave.flush(true));
    this.scope.listen(window, "online", () => void this.autosave.flush());
    this.scope.listen<BeforeUnloadEvent>(window, "beforeunload", (event) => {
      const state = this.autosave.state.peek().kind;
      // Only when the server has not got it and does not look as if it would: else leaving is silent.
      if (this.autosave.isPending && (state === "offline" || state === "refused")) event.preventDefault();
      else void this.autosave.flush(true);
    });
  }
}

function lostWords(error: Refused, leaseExpiresAt: string | null): string {
  const ended = leaseExpiresAt !== null && Date.parse(leaseExpiresAt) <= Date.now() ? `The lease ended at ${clockTime(new Date(leaseExpiresAt), false)}. ` : "";
  return `${ended}${error.message}`;
}
