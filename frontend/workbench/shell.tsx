/** The workbench's frame around a tool: top bar, notices, panels, keys that count everywhere. */
import { signal, useComputed, useSignal, type Signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Bench } from "./bench";
import { Icon } from "./icons";
import { InstructionsPanel, ProblemsPanel, ShortcutsPanel, SkipPanel, type PanelName } from "./panels";
import { Screen } from "./screens";
import type { Sitting } from "./sitting";
import { TopBar } from "./topbar";

const SAID_MS = 5_000;

/** The server's clock, once a second, for what counts down. */
function useNow(bench: Bench) {
  const now = useSignal(bench.api.serverNow());
  useEffect(() => {
    const timer = setInterval(() => { now.value = bench.api.serverNow(); }, 1000);
    return () => clearInterval(timer);
  }, []);
  return now;
}

export function Shell({ bench, host }: { bench: Bench; host: { current: HTMLDivElement | null } }) {
  const state = bench.state.value;
  return (
    <div class="wb">
      {state.kind === "working" ? <Working key={state.sitting.assignment.id} bench={bench} sitting={state.sitting} /> : <Screen bench={bench} state={state} />}
      {/* Always laid out, so that a tool finds its size when it is mounted; the screens lie over it. */}
      <div class="wb-host" ref={host} />
      <Said said={bench.said} />
    </div>
  );
}

function Working({ bench, sitting }: { bench: Bench; sitting: Sitting }) {
  const now = useNow(bench);
  const panel = useSignal<PanelName | null>(null);
  const asked = useSignal(false);
  const close = () => { panel.value = null; };
  const toggle = (name: PanelName) => { panel.value = panel.peek() === name ? null : name; };
  const nextProblem = useRef(0);

  const submit = () => {
    const problems = sitting.check();
    asked.value = true;
    if (problems.length === 0) return void bench.submit();
    panel.value = "problems";
    const blocking = sitting.blocking.peek();
    bench.announce(blocking ? `Not submitted: ${blocking === 1 ? "1 problem" : `${blocking} problems`} to put right first.` : "Not submitted yet: have a look at the list.");
  };
  const showNextProblem = () => {
    const problems = sitting.check();
    if (problems.length === 0) return bench.announce("No problems.");
    const problem = problems[nextProblem.current % problems.length];
    nextProblem.current += 1;
    problem?.show?.();
    bench.announce(problem?.message ?? "");
  };

  useEffect(() => {
    const group = "Everywhere";
    const unbind = sitting.keys.bind(
      { keys: "mod+z", name: "Undo", group, run: () => void sitting.history.undo() },
      { keys: ["mod+shift+z", "mod+y"], name: "Redo", group, run: () => void sitting.history.redo() },
      { keys: "mod+s", name: "Save the draft now", group, inFields: true, run: () => void sitting.autosave.flush() },
      { keys: "mod+enter", name: "Submit", group, inFields: true, run: submit },
      { keys: "f8", name: "Show the next problem", group, inFields: true, run: showNextProblem },
      { keys: "f1", name: "Instructions", group, run: () => toggle("instructions") },
      { keys: "?", name: "Shortcuts", group, run: () => toggle("shortcuts") },
      { keys: "escape", name: "Close the panel", group, inFields: true, when: () => panel.peek() !== null, run: close },
    );
    const press = (event: KeyboardEvent) => void sitting.keys.press(event);
    const release = (event: KeyboardEvent) => sitting.keys.release(event);
    addEventListener("keydown", press);
    addEventListener("keyup", release);
    const leave = () => sitting.keys.releaseAll();
    addEventListener("blur", leave);
    if (isFirstVisit(sitting)) panel.value = "instructions";
    return () => {
      unbind();
      removeEventListener("keydown", press);
      removeEventListener("keyup", release);
      removeEventListener("blur", leave);
    };
  }, []);

  const subtask = sitting.assignment.subtask;
  const submitAnyway = useComputed(() => (asked.value ? () => { close(); void bench.submit(); } : null));
  return (
    <>
      <TopBar bench={bench} sitting={sitting} now={now} panel={panel.value} toggle={(name) => { asked.value = false; toggle(name); }} submit={submit} />
      {sitting.notice.value !== null && <Notice text={sitting.notice.value} />}
      {panel.value === "problems" && <ProblemsPanel problems={sitting.problems.value} submitAnyway={submitAnyway.value} onClose={close} />}
      {panel.value === "shortcuts" && <ShortcutsPanel keys={sitting.keys} onClose={close} />}
      {panel.value === "instructions" && <InstructionsPanel project={subtask.project} text={subtask.instruction} onClose={close} />}
      {panel.value === "skip" && <SkipPanel onSkip={(reason) => void bench.skip(reason)} onClose={close} />}
    </>
  );
}

function Notice({ text }: { text: string }) {
  return (
    <p class="wb-notice" role="alert">
      <Icon name="alert" />
      <span>{text}</span>
      <button type="button" class="button button-small" onClick={() => location.reload()}>Open it again</button>
    </p>
  );
}

/** The status line: seen for some seconds, read aloud once. */
export function Said({ said }: { said: Signal<string> }) {
  const text = said.value;
  useEffect(() => {
    if (text === "") return;
    const timer = setTimeout(() => { said.value = ""; }, SAID_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return <p class="wb-said" role="status" data-empty={text === "" || undefined}>{text}</p>;
}

const seen = signal<Set<string> | null>(null);

/** The instructions open by themselves the first time that someone meets them, and again when they change. */
function isFirstVisit(sitting: Sitting): boolean {
  const { project, instruction } = sitting.assignment.subtask;
  if (!instruction.trim()) return false;
  const mark = `${project}:${instruction.length}:${instruction.slice(0, 40)}`;
  try {
    seen.value ??= new Set(JSON.parse(localStorage.getItem("labelyard:read") ?? "[]") as string[]);
    if (seen.value.has(mark)) return false;
    seen.value.add(mark);
    localStorage.setItem("labelyard:read", JSON.stringify([...seen.value].slice(-100)));
  } catch {
    return false;
  }
  return true;
}
