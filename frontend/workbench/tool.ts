/** The contract between the workbench's shell and the tool of a task type. */
import type { ReadonlySignal } from "@preact/signals";
import type { History } from "./history";
import type { KeyMap } from "./keymap";
import type { Scope } from "./scope";
import type { Subtask } from "./types";

/** Something that should be put right before submitting, with the way to its place. */
export interface Problem {
  /** Stable while the problem lasts, so that the list does not jump: "box-3:too-small". */
  readonly id: string;
  /** In words, no blame: "Car 12 is missing its attribute 'occlusion' in frame 7." */
  readonly message: string;
  /** Blocks submitting when true; else the labeler may submit after reading it. */
  readonly blocking: boolean;
  /** Brings its place into view and selects it. */
  show?(): void;
}

/** What the shell hands to a tool. */
export interface WorkSession<Answer, Work extends Subtask = Subtask> {
  readonly subtask: Work;
  /** What the server kept from before, offered back first; null when there is none. */
  readonly draft: Answer | null;
  /** Every change of the answer runs through it: the shell saves and checks when `history.version` grows. */
  readonly history: History;
  readonly keys: KeyMap;
  /** The latest result of `Tool.check`, written by the shell shortly after each change. */
  readonly problems: ReadonlySignal<readonly Problem[]>;
  /** Ends when the labeler leaves this assignment; what the tool creates is added to it. */
  readonly scope: Scope;
  /** Says a thing once: in the status line, and aloud for screen readers. */
  announce(text: string): void;
}

/** What a tool hands back. */
export interface Tool<Answer> {
  /** The whole answer at any time, in the shape that the API takes; make it a `computed`, it is read when saving only. */
  readonly answer: ReadonlySignal<Answer>;
  /** All problems now. Called shortly after a change and again at submit: keep it under some milliseconds. */
  check(): Problem[];
  /** Shows another answer in the same view: so a reviewer goes from one labeler's to the next. */
  present(answer: Answer): void;
  dispose(): void;
}

/** Fills `host`, which is below the top bar and takes all the rest of the window. */
export type MountTool<Answer = any, Work extends Subtask = any> = (
  host: HTMLElement,
  session: WorkSession<Answer, Work>,
) => Tool<Answer>;
