/** The frame around a tool in which a reviewer looks at answers: one line with the answers to switch between. */
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";
import { InstructionsPanel, ShortcutsPanel } from "./panels";
import type { Answers } from "./reading";
import { Said } from "./shell";
import { currentTheme, toggleTheme } from "./theme";
import { typeWords } from "./topbar";

type State = { kind: "opening" } | { kind: "open"; answers: Answers } | { kind: "failed"; text: string };
type PanelName = "instructions" | "shortcuts";

export function Reader({ open, back }: { open(host: HTMLElement): Promise<Answers>; back: string }) {
  const host = useRef<HTMLDivElement>(null);
  const state = useSignal<State>({ kind: "opening" });
  const begin = () => {
    state.value = { kind: "opening" };
    const place = document.createElement("div");
    host.current?.replaceChildren(place);
    open(place).then(
      (answers) => { state.value = { kind: "open", answers }; },
      (error: Error) => { state.value = { kind: "failed", text: error.message }; },
    );
  };
  useEffect(begin, []);
  const now = state.value;
  return (
    <div class="wb wb-reading">
      {now.kind === "open" && <Line answers={now.answers} back={back} />}
      <div class="wb-host" ref={host} />
      {now.kind === "opening" && <Waiting />}
      {now.kind === "failed" && <Failed text={now.text} again={begin} back={back} />}
      {now.kind === "open" && <Said said={now.answers.said} />}
    </div>
  );
}

function Line({ answers, back }: { answers: Answers; back: string }) {
  const panel = useSignal<PanelName | null>(null);
  const { subtask, layers } = answers.reading;
  const { keys } = answers;
  const toggle = (name: PanelName) => { panel.value = panel.peek() === name ? null : name; };
  const close = () => { panel.value = null; };
  useEffect(() => {
    const group = "Everywhere";
    const unbind = keys.bind(
      { keys: "f1", name: "Instructions", group, run: () => toggle("instructions") },
      { keys: "?", name: "Shortcuts", group, run: () => toggle("shortcuts") },
      { keys: "escape", name: "Close the panel", group, inFields: true, when: () => panel.peek() !== null, run: close },
    );
    return unbind;
  }, []);
  return (
    <>
      <header class="wb-top">
        <a class="wb-home" href={back} aria-label="Back to the review" title="Back to the review"><Icon name="yard" /></a>
        <div class="wb-task">
          <h1 title={subtask.project}>{subtask.project}</h1>
          <span class="soft">{typeWords(subtask.task_type)}</span>
          {subtask.simulated && <span class="badge badge-warn simulated" title="Made by a simulator, not recorded on a street">simulated</span>}
        </div>
        <div class="wb-layers" role="group" aria-label="Answers">
          {layers.map((layer, place) => (
            <button type="button" key={layer.name} class="wb-layer" aria-pressed={answers.shown.value === place} title={keys.tooltip(`Show ${layer.name}`)} onClick={() => answers.show(place)}>
              {layer.name} <span class="soft">{layer.state}</span>
            </button>
          ))}
          {layers.length === 0 && <span class="soft">Nobody has answered yet.</span>}
        </div>
        {answers.canCompare && (
          <label class="wb-compare" title={keys.tooltip("Draw the others dashed, or not")}>
            <input type="checkbox" checked={answers.compares.value} onChange={(event) => { answers.compares.value = event.currentTarget.checked; }} />
            others dashed
          </label>
        )}
        <div class="wb-top-right">
          <div class="wb-pair">
            <button type="button" class="button button-quiet button-icon" aria-expanded={panel.value === "instructions"} aria-label="Instructions" title={keys.tooltip("Instructions")} onClick={() => toggle("instructions")}><Icon name="book" /></button>
            <button type="button" class="button button-quiet button-icon" aria-label="Switch between light and dark" title={`Switch to ${currentTheme() === "dark" ? "light" : "dark"}`} onClick={toggleTheme}><Icon name="theme" /></button>
            <button type="button" class="button button-quiet button-icon" aria-expanded={panel.value === "shortcuts"} aria-label="Shortcuts" title={keys.tooltip("Shortcuts")} onClick={() => toggle("shortcuts")}>?</button>
          </div>
          <a class="button button-primary" href={back}>Back to the review</a>
        </div>
      </header>
      {panel.value === "shortcuts" && <ShortcutsPanel keys={keys} onClose={close} />}
      {panel.value === "instructions" && <InstructionsPanel project={subtask.project} text={subtask.instruction} onClose={close} />}
    </>
  );
}

function Waiting() {
  return (
    <main class="wb-screen" aria-busy>
      <div class="wb-screen-card" role="status"><h1>Opening the answers</h1><div class="wb-busy" aria-hidden="true" /></div>
    </main>
  );
}

function Failed({ text, again, back }: { text: string; again(): void; back: string }) {
  return (
    <main class="wb-screen">
      <div class="wb-screen-card">
        <h1>Not opened</h1>
        <p>{text}</p>
        <div class="form-actions">
          <button type="button" class="button button-primary" onClick={again}>Try again</button>
          <a class="button" href={back}>Back to the review</a>
        </div>
      </div>
    </main>
  );
}
