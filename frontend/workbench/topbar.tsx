/** The one line above the work: task, lease, pay, undo, problems, saved, help, submit. */
import type { ReadonlySignal } from "@preact/signals";
import { WORK_ADDRESS, type Bench } from "./bench";
import type { SaveState } from "./autosave";
import { Icon } from "./icons";
import type { PanelName } from "./panels";
import type { Sitting } from "./sitting";
import { currentTheme, toggleTheme } from "./theme";
import type { Assignment } from "./types";
import { clockTime, duration, money } from "./words";

const TYPE_WORDS: Record<string, string> = {
  lidarannotation: "3D boxes",
  imageannotation: "Boxes in an image",
  categorization: "Categories",
};

export function typeWords(type: string): string {
  return TYPE_WORDS[type] ?? type;
}

/** Below this the minutes left are amber. */
const LEASE_SHORT_MS = 5 * 60_000;

interface Props {
  bench: Bench;
  sitting: Sitting;
  now: ReadonlySignal<number>;
  panel: PanelName | null;
  toggle(panel: PanelName): void;
  submit(): void;
}

export function TopBar({ bench, sitting, now, panel, toggle, submit }: Props) {
  const { assignment, keys, history } = sitting;
  const problems = sitting.problems.value;
  const blocking = sitting.blocking.value;
  const undoName = history.undoable.value;
  const redoName = history.redoable.value;
  return (
    <header class="wb-top">
      <a class="wb-home" href={WORK_ADDRESS} aria-label="Back to the list of work" title="Back to the list of work; your draft is kept">
        <Icon name="yard" />
      </a>
      <div class="wb-task">
        <h1 title={assignment.subtask.project}>{assignment.subtask.project}</h1>
        <span class="soft">{typeWords(assignment.task_type)}</span>
        {assignment.subtask.simulated && <span class="badge badge-warn simulated" title="Made by a simulator, not recorded on a street">simulated</span>}
      </div>
      <Lease expiresAt={sitting.leaseExpiresAt.value} now={now.value} />
      <Pay assignment={assignment} activeSeconds={(void now.value, sitting.activeSeconds())} />
      <div class="wb-top-right">
        <div class="wb-pair">
          <button type="button" class="button button-quiet button-icon" disabled={undoName === null} onClick={() => history.undo()}
            title={`${keys.tooltip("Undo")}${undoName ? `: ${undoName}` : ""}`} aria-label={undoName ? `Undo ${undoName}` : "Undo"}>
            <Icon name="undo" />
          </button>
          <button type="button" class="button button-quiet button-icon" disabled={redoName === null} onClick={() => history.redo()}
            title={`${keys.tooltip("Redo")}${redoName ? `: ${redoName}` : ""}`} aria-label={redoName ? `Redo ${redoName}` : "Redo"}>
            <Icon name="redo" />
          </button>
        </div>
        <button type="button" class={`button button-quiet wb-problem-count ${blocking ? "is-bad" : problems.length ? "is-warn" : ""}`}
          aria-expanded={panel === "problems"} onClick={() => toggle("problems")} title={keys.tooltip("Show the next problem")}>
          <Icon name={problems.length ? "alert" : "check"} />
          {`Problems ${problems.length}`}
        </button>
        <Saved state={sitting.autosave.state.value} savedBefore={assignment.draft_saved_at ?? null} />
        <div class="wb-pair">
          <button type="button" class="button button-quiet button-icon" aria-expanded={panel === "instructions"} aria-label="Instructions"
            title={keys.tooltip("Instructions")} onClick={() => toggle("instructions")}>
            <Icon name="book" />
          </button>
          <button type="button" class="button button-quiet button-icon" aria-label="Switch between light and dark"
            title={`Switch to ${currentTheme() === "dark" ? "light" : "dark"}`} onClick={toggleTheme}>
            <Icon name="theme" />
          </button>
          <button type="button" class="button button-quiet button-icon" aria-expanded={panel === "shortcuts"} aria-label="Shortcuts"
            title={keys.tooltip("Shortcuts")} onClick={() => toggle("shortcuts")}>
            ?
          </button>
        </div>
        <button type="button" class="button button-quiet" aria-expanded={panel === "skip"} title="Give this task back, with a reason" onClick={() => toggle("skip")}>
          Skip
        </button>
        <button type="button" class="button button-primary" disabled={bench.submitting.value} title={keys.tooltip("Submit")} onClick={submit}>
          {bench.submitting.value ? "Submitting" : "Submit"}
        </button>
      </div>
    </header>
  );
}

function Lease({ expiresAt, now }: { expiresAt: string | null; now: number }) {
  if (expiresAt === null) return null;
  const ends = new Date(expiresAt);
  const left = ends.getTime() - now;
  const words = left <= 0 ? "lease ended" : left < LEASE_SHORT_MS ? `${duration(left / 1000)} left` : `${Math.floor(left / 60_000)} min left`;
  return (
    <span class={left < LEASE_SHORT_MS ? "wb-fact is-warn" : "wb-fact"} title={`The lease ends at ${clockTime(ends)}; working extends it`}>
      <Icon name="clock" />
      {words}
    </span>
  );
}

function Pay({ assignment, activeSeconds }: { assignment: Assignment; activeSeconds: number }) {
  const { pay } = assignment;
  const expected = `expected ${duration(pay.expected_seconds)}, ${money(pay.hourly_cents, pay.currency)} an hour; active so far ${duration(activeSeconds)}`;
  return (
    <span class="wb-fact" title={expected}>
      <strong>{money(pay.amount_cents, pay.currency)}</strong>
      <span class="soft wb-hourly">{`${money(pay.hourly_cents, pay.currency)} an hour`}</span>
    </span>
  );
}

function Saved({ state, savedBefore }: { state: SaveState; savedBefore: string | null }) {
  const failing = state.kind === "offline" || state.kind === "refused";
  return (
    <span class={failing ? "wb-saved is-bad" : "wb-saved"} role="status" aria-live="off" title={savedTitle(state)} data-save={state.kind}>
      <Icon name={failing ? "offline" : "cloud"} />
      <span>{savedWords(state, savedBefore)}</span>
    </span>
  );
}

export function savedWords(state: SaveState, savedBefore: string | null): string {
  switch (state.kind) {
    case "saved": return `saved ${clockTime(state.at)}`;
    case "saving": return "saving";
    case "changed": return "not saved yet";
    case "offline": return `not saved: ${state.why}`;
    case "refused": return "not saved: lease lost";
    case "unchanged": return savedBefore ? `saved ${clockTime(new Date(savedBefore))}` : "nothing to save";
  }
}

function savedTitle(state: SaveState): string {
  if (state.kind === "offline") return `${state.why}. Tried again at ${clockTime(state.retryAt)}; meanwhile it is kept on this machine.`;
  if (state.kind === "refused") return state.why;
  return "The draft is kept on the server: leaving is always safe.";
}
