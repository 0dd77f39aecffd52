/** What stands in the middle while nobody is labeling: opening, submitted, skipped, nothing to do, failed. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { WORK_ADDRESS, type Bench, type BenchState } from "./bench";
import type { Assignment } from "./types";
import { duration, money } from "./words";

const RATE_SECONDS_MIN = 30;

export function Screen({ bench, state }: { bench: Bench; state: Exclude<BenchState, { kind: "working" }> }) {
  switch (state.kind) {
    case "opening":
      return <Frame title={state.text} busy />;
    case "submitted":
      return (
        <Frame title="Submitted">
          <p>{earnedWords(state.assignment, state.activeSeconds)}</p>
          {bench.submittedCount.value > 1 && <p class="soft">{sessionWords(bench)}</p>}
          <Next bench={bench} before={state.assignment} />
        </Frame>
      );
    case "skipped":
      return (
        <Frame title="Skipped">
          <p>The task went back for someone else. Nothing was earned by it.</p>
          <Next bench={bench} before={state.assignment} />
        </Frame>
      );
    case "nothing":
      return (
        <Frame title="No task for now">
          <p>{state.text}</p>
          <div class="form-actions">
            <First class="button button-primary" onClick={() => void bench.claimNext(state.before, true)}>Look in all projects</First>
            <Stop />
          </div>
        </Frame>
      );
    case "failed":
      return (
        <Frame title="Not opened">
          <p>{state.text}</p>
          <div class="form-actions">
            <First class="button button-primary" onClick={state.retry}>Try again</First>
            <a class="button" href={WORK_ADDRESS}>Back to the list of work</a>
          </div>
        </Frame>
      );
  }
}

function Frame({ title, children, busy = false }: { title: string; children?: ComponentChildren; busy?: boolean }) {
  return (
    <main class="wb-screen" aria-busy={busy}>
      <div class="wb-screen-card" role={busy ? "status" : undefined}>
        <h1>{title}</h1>
        {busy && <div class="wb-busy" aria-hidden="true" />}
        {children}
      </div>
    </main>
  );
}

function Next({ bench, before }: { bench: Bench; before: Assignment }) {
  return (
    <div class="form-actions">
      <First class="button button-primary" onClick={() => void bench.claimNext(before)}>Next task</First>
      <Stop />
    </div>
  );
}

function Stop() {
  return <a class="button" href={WORK_ADDRESS}>Stop</a>;
}

/** The button that Enter presses. */
function First({ class: className, onClick, children }: { class: string; onClick(): void; children: ComponentChildren }) {
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => button.current?.focus(), []);
  return <button type="button" ref={button} class={className} onClick={onClick}>{children}</button>;
}

export function earnedWords(assignment: Assignment, activeSeconds: number): string {
  const { amount_cents, currency } = assignment.pay;
  const amount = money(amount_cents, currency);
  // A rate from a few seconds says nothing.
  if (activeSeconds < RATE_SECONDS_MIN) return `${amount} is yours when the answer is accepted.`;
  const hourly = Math.round((amount_cents * 3600) / activeSeconds);
  return `${amount} is yours when the answer is accepted. It took ${duration(activeSeconds)} of active time: ${money(hourly, currency)} an hour.`;
}

function sessionWords(bench: Bench): string {
  return `${bench.submittedCount.value} tasks submitted since you opened the workbench, ${money(bench.submittedCents.value)} in all.`;
}
