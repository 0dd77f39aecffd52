/** A follow-up: the labeler is asked about some objects of an answer; the others stand, and are shown paler. */
import type { Focus } from "./types";

export type Standing = "check" | "stands" | null;

/** What is asked about an object: null where the whole subtask is asked about, and of what the labeler adds herself. */
export function standingOf(focus: Focus | null | undefined, id: string): Standing {
  if (!focus) return null;
  if (focus.disputed.includes(id)) return "check";
  return focus.settled.includes(id) ? "stands" : null;
}

export function FocusLine({ focus }: { focus: Focus | null | undefined }) {
  return focus ? <p class="focus-line" role="note">{focus.text}</p> : null;
}

export function StandingBadge({ standing }: { standing: Standing }) {
  return standing === "check" ? <span class="badge badge-warn">check</span> : null;
}
