/** The workbench as a state machine: opening, working, done, nothing to do, failed. */
import { signal } from "@preact/signals";
import { TOOLS } from "../tools/index";
import { LabelerApi, Refused, Unreachable } from "./api";
import { Sitting } from "./sitting";
import type { MountTool } from "./tool";
import type { Assignment } from "./types";

export type BenchState =
  | { kind: "opening"; text: string }
  | { kind: "working"; sitting: Sitting }
  | { kind: "submitted"; assignment: Assignment; activeSeconds: number }
  | { kind: "skipped"; assignment: Assignment }
  | { kind: "nothing"; text: string; before: Assignment }
  | { kind: "failed"; text: string; retry(): void };

/** Where "Stop" and the brand lead. */
export const WORK_ADDRESS = "/work";

export class Bench {
  readonly state = signal<BenchState>({ kind: "opening", text: "Opening the task" });
  readonly submitting = signal(false);
  readonly said = signal("");
  /** Earned since this page was opened; submitted, not yet accepted. */
  readonly submittedCents = signal(0);
  readonly submittedCount = signal(0);

  constructor(
    readonly api: LabelerApi,
    private readonly host: () => HTMLElement,
  ) {}

  announce = (text: string): void => {
    this.said.value = text;
  };

  async open(id: string): Promise<void> {
    this.state.value = { kind: "opening", text: "Opening the task" };
    try {
      await this.begin(await this.held(id));
    } catch (error) {
      this.fail(error, () => void this.open(id));
    }
  }

  /** The assignment with its lease, which is taken up again if it ran out and nobody else has the work. */
  private async held(id: string): Promise<Assignment> {
    const assignment = await this.api.assignment(id);
    if (assignment.state !== "expired") return assignment;
    const { epoch, active_seconds } = assignment;
    return { ...assignment, state: "claimed", ...(await this.api.heartbeat(id, { epoch, active_seconds })) };
  }

  /** Claims the next task: of the same type and project first, of any with `anything`. */
  async claimNext(before: Assignment, anything = false): Promise<void> {
    this.state.value = { kind: "opening", text: "Looking for the next task" };
    try {
      const wish = anything ? {} : { types: [before.task_type], project: before.subtask.project };
      const { assignment, reason } = await this.api.claim(wish);
      if (!assignment) {
        this.state.value = { kind: "nothing", text: reason?.text ?? "There is no open task for you now.", before };
        return;
      }
      history.replaceState(null, "", `/assignments/${assignment.id}`);
      await this.begin(assignment);
    } catch (error) {
      this.fail(error, () => void this.claimNext(before, anything));
    }
  }

  async submit(): Promise<void> {
    const state = this.state.peek();
    if (state.kind !== "working" || this.submitting.peek()) return;
    const { sitting } = state;
    this.submitting.value = true;
    try {
      const activeSeconds = sitting.activeSeconds();
      const assignment = await sitting.submit();
      this.close(sitting);
      this.submittedCents.value += assignment.pay.amount_cents;
      this.submittedCount.value += 1;
      this.state.value = { kind: "submitted", assignment: { ...sitting.assignment, ...assignment }, activeSeconds };
    } catch (error) {
      sitting.notice.value = notSubmitted(error);
    } finally {
      this.submitting.value = false;
    }
  }

  async skip(reason: string): Promise<void> {
    const state = this.state.peek();
    if (state.kind !== "working") return;
    try {
      await state.sitting.skip(reason);
      this.close(state.sitting);
      this.state.value = { kind: "skipped", assignment: state.sitting.assignment };
    } catch (error) {
      state.sitting.notice.value = error instanceof Unreachable ? `Not skipped: ${error.message}. Try again.` : (error as Error).message;
    }
  }

  private async begin(assignment: Assignment): Promise<void> {
    const load = TOOLS[assignment.task_type];
    if (!load) throw new Refused(400, `This workbench has no tool for tasks of the type ${assignment.task_type}.`);
    if (assignment.state !== "claimed") throw new Refused(409, "This task is not open any more: it was submitted, skipped or taken back.");
    const mount = await loaded(load);
    const host = document.createElement("div");
    host.className = "wb-tool";
    this.host().replaceChildren(host);
    this.said.value = "";
    this.state.value = { kind: "working", sitting: new Sitting(this.api, assignment, mount, host, this.announce) };
  }

  private close(sitting: Sitting): void {
    sitting.dispose();
    this.host().replaceChildren();
  }

  private fail(error: unknown, retry: () => void): void {
    const text = error instanceof Unreachable ? `The task could not be opened: ${error.message}.` : (error as Error).message;
    this.state.value = { kind: "failed", text, retry };
    if (!(error instanceof Unreachable || error instanceof Refused)) console.error(error);
  }
}

/** A tool's code that does not load is the network's fault, or a new release has replaced it. */
async function loaded(load: () => Promise<MountTool>): Promise<MountTool> {
  try {
    return await load();
  } catch (error) {
    console.error(error);
    throw new Unreachable("the tool did not load; reload the page");
  }
}

function notSubmitted(error: unknown): string {
  if (error instanceof Refused) return `Not submitted: ${error.message}${error.field ? ` (${error.field})` : ""}`;
  return `Not submitted: ${(error as Error).message}. Your work is kept; try again.`;
}
