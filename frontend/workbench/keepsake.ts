/** A draft kept on this machine while the server cannot be reached, so that closing the browser loses nothing. */

interface Kept {
  answer: unknown;
  /** Milliseconds on this machine's clock, corrected to the server's. */
  at: number;
}

const nameOf = (assignmentId: string) => `labelyard:draft:${assignmentId}`;

export function keepDraft(assignmentId: string, answer: unknown, at: number): void {
  try {
    localStorage.setItem(nameOf(assignmentId), JSON.stringify({ answer, at } satisfies Kept));
  } catch {
    // Full or forbidden: the line in the top bar still says that the draft is not saved.
  }
}

export function forgetDraft(assignmentId: string): void {
  try {
    localStorage.removeItem(nameOf(assignmentId));
  } catch {
    // Forbidden storage never held anything.
  }
}

/** The kept answer when it is newer than the server's draft, else null. */
export function newerDraft(assignmentId: string, savedAt: string | null | undefined): unknown {
  try {
    const text = localStorage.getItem(nameOf(assignmentId));
    if (text === null) return null;
    const kept = JSON.parse(text) as Kept;
    return savedAt && Date.parse(savedAt) >= kept.at ? null : kept.answer;
  } catch {
    return null;
  }
}
