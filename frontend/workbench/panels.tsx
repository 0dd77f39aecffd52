/** The panels that open beside the work, never over all of it: problems, shortcuts, instructions, skip. */
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons";
import type { Binding, KeyMap } from "./keymap";
import { Markdown } from "./markdown";
import type { Problem } from "./tool";

export type PanelName = "problems" | "shortcuts" | "instructions" | "skip";

function Panel({ title, onClose, children, kind = "" }: { title: string; onClose(): void; children: ComponentChildren; kind?: "" | "wb-panel-left" | "wb-panel-short" }) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    (panel.current?.querySelector<HTMLElement>("[data-first]") ?? panel.current)?.focus();
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <section class={`wb-panel ${kind}`} ref={panel} tabIndex={-1} role="dialog" aria-label={title}>
      <header>
        <h2>{title}</h2>
        <button type="button" class="button button-quiet button-icon button-small" aria-label={`Close ${title.toLowerCase()}`} title="Close (Escape)" onClick={onClose}>
          <Icon name="close" />
        </button>
      </header>
      {children}
    </section>
  );
}

interface ProblemsProps {
  problems: readonly Problem[];
  /** Set after a submit that found problems: offers to submit when none of them blocks. */
  submitAnyway: (() => void) | null;
  onClose(): void;
}

export function ProblemsPanel({ problems, submitAnyway, onClose }: ProblemsProps) {
  const blocking = problems.filter((problem) => problem.blocking);
  return (
    <Panel title="Problems" onClose={onClose} kind="wb-panel-short">
      {problems.length === 0 && <p class="soft">None. Every check of this task passes.</p>}
      {blocking.length > 0 && <p class="soft">{`${blocking.length} of ${problems.length} must be put right before submitting.`}</p>}
      <ul class="wb-problems">
        {problems.map((problem) => (
          <li key={problem.id}>
            <button type="button" onClick={() => problem.show?.()} disabled={!problem.show}>
              <span class={problem.blocking ? "badge badge-bad" : "badge badge-warn"}>{problem.blocking ? "must" : "look"}</span>
              <span>{problem.message}</span>
            </button>
          </li>
        ))}
      </ul>
      {submitAnyway && blocking.length === 0 && (
        <div class="form-actions">
          <button type="button" class="button button-primary" data-first onClick={submitAnyway}>Submit as it is</button>
          <button type="button" class="button" onClick={onClose}>Go on working</button>
        </div>
      )}
    </Panel>
  );
}

export function ShortcutsPanel({ keys, onClose }: { keys: KeyMap; onClose(): void }) {
  const wanted = useSignal("");
  const words = wanted.value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = keys.bindings.value.filter((binding) => words.every((word) => searchable(binding, keys).includes(word)));
  return (
    <Panel title="Shortcuts" onClose={onClose}>
      <input type="search" data-first placeholder="Search, for instance: delete" aria-label="Search shortcuts" value={wanted.value}
        onInput={(event) => { wanted.value = event.currentTarget.value; }} />
      {found.length === 0 && <p class="soft">No shortcut has these words.</p>}
      {groupsOf(found).map(([group, bindings]) => (
        <section key={group} class="wb-shortcuts">
          <h3>{group}</h3>
          <dl>
            {bindings.map((binding) => (
              <div key={binding.name}>
                <dt>{binding.name}</dt>
                <dd>{keys.readableKeys(binding).map((key) => <kbd key={key}>{key}</kbd>)}</dd>
              </div>
            ))}
          </dl>
        </section>
      ))}
    </Panel>
  );
}

function searchable(binding: Binding, keys: KeyMap): string {
  return `${binding.group} ${binding.name} ${keys.readableKeys(binding).join(" ")}`.toLowerCase();
}

function groupsOf(bindings: readonly Binding[]): Array<[string, Binding[]]> {
  const groups = new Map<string, Binding[]>();
  for (const binding of bindings) {
    const group = groups.get(binding.group) ?? [];
    if (!group.some((one) => one.name === binding.name)) group.push(binding);
    groups.set(binding.group, group);
  }
  return [...groups];
}

export function InstructionsPanel({ project, text, onClose }: { project: string; text: string; onClose(): void }) {
  return (
    <Panel title="Instructions" onClose={onClose} kind="wb-panel-left">
      <p class="soft">{project}</p>
      {text.trim() ? <Markdown text={text} /> : <p>The customer gave no instructions for this project.</p>}
    </Panel>
  );
}

const REASONS = [
  "The data is broken or does not load",
  "The instructions do not fit this task",
  "It is too hard for me",
  "I have to stop now",
];

export function SkipPanel({ onSkip, onClose }: { onSkip(reason: string): void; onClose(): void }) {
  const chosen = useSignal(REASONS[0] as string);
  const own = useSignal("");
  const reason = chosen.value === "other" ? own.value.trim() : chosen.value;
  const send = (event: Event) => {
    event.preventDefault();
    if (reason) onSkip(reason);
  };
  return (
    <Panel title="Skip this task" onClose={onClose}>
      <form class="form" onSubmit={send}>
        <p class="soft">It goes back for someone else, with what you have done so far. A skipped task is not paid.</p>
        <fieldset class="wb-reasons">
          <legend>Why</legend>
          {[...REASONS, "other"].map((one, index) => (
            <label key={one}>
              <input type="radio" name="reason" data-first={index === 0 || undefined} checked={chosen.value === one} onChange={() => { chosen.value = one; }} />
              {one === "other" ? "Something else" : one}
            </label>
          ))}
        </fieldset>
        {chosen.value === "other" && (
          <label class="field">
            <span class="field-label">In your words</span>
            <textarea rows={3} maxLength={500} value={own.value} onInput={(event) => { own.value = event.currentTarget.value; }} />
          </label>
        )}
        <div class="form-actions">
          <button class="button button-primary" disabled={!reason}>Skip this task</button>
          <button type="button" class="button" onClick={onClose}>Go on working</button>
        </div>
      </form>
    </Panel>
  );
}
