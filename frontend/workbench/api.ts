/** The labelers' HTTP API as the workbench calls it; failures come back as errors with words in them. */
import type { Assignment, NoWork } from "./types";

/** The server understood and said no; `message` is its words. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly field: string | null = null,
  ) {
    super(message);
  }
}

/** The server was not reached, or fell over: worth trying again. */
export class Unreachable extends Error {}

/** Browsers refuse a keepalive request with more than 64 KiB; some room for headers. */
const KEEPALIVE_BYTES_MAX = 60_000;
const TIMEOUT_MS = 20_000;

export interface Progress {
  epoch: number;
  active_seconds: number;
}

export class LabelerApi {
  /** Server's clock minus ours, in milliseconds, from the last answer's Date header. */
  private skew = 0;

  constructor(
    private readonly base: string,
    private readonly csrf: string,
  ) {}

  serverNow(): number {
    return Date.now() + this.skew;
  }

  claim(wish: { types?: string[]; project?: string }): Promise<{ assignment: Assignment | null; reason: NoWork | null }> {
    return this.call("POST", "/claim", wish);
  }

  assignment(id: string): Promise<Assignment> {
    return this.call<{ assignment: Assignment }>("GET", `/assignments/${id}`).then((body) => body.assignment);
  }

  heartbeat(id: string, progress: Progress): Promise<{ lease_expires_at: string }> {
    return this.call("POST", `/assignments/${id}/heartbeat`, progress);
  }

  saveDraft(id: string, draft: Progress & { answer: unknown }, leaving = false): Promise<{ saved_at: string }> {
    return this.call("PUT", `/assignments/${id}/draft`, draft, leaving);
  }

  submit(id: string, work: Progress & { answer: unknown }): Promise<Assignment> {
    return this.call<{ assignment: Assignment }>("POST", `/assignments/${id}/submit`, work).then((body) => body.assignment);
  }

  skip(id: string, why: { epoch: number; reason: string }): Promise<unknown> {
    return this.call("POST", `/assignments/${id}/skip`, why);
  }

  private async call<Result>(method: string, path: string, body?: unknown, leaving = false): Promise<Result> {
    const text = body === undefined ? null : JSON.stringify(body);
    const response = await this.send(method, path, text, leaving);
    const content = await readJson(response);
    if (response.ok) return content as Result;
    const said = wordsOf(content) ?? `the server answered ${response.status}`;
    if (response.status >= 500 || response.status === 429) throw new Unreachable(said);
    if (response.status === 401) throw new Refused(401, "You are signed out. Sign in in another tab, then go on here: your work is kept.");
    throw new Refused(response.status, said, fieldOf(content));
  }

  private async send(method: string, path: string, text: string | null, leaving: boolean): Promise<Response> {
    try {
      const response = await fetch(this.base + path, {
        method,
        body: text,
        credentials: "same-origin",
        headers: { Accept: "application/json", "X-CSRFToken": this.csrf, ...(text === null ? {} : { "Content-Type": "application/json" }) },
        keepalive: leaving && (text?.length ?? 0) < KEEPALIVE_BYTES_MAX,
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      const date = Date.parse(response.headers.get("Date") ?? "");
      if (!Number.isNaN(date)) this.skew = date - Date.now();
      return response;
    } catch {
      throw new Unreachable(navigator.onLine === false ? "offline" : "the server cannot be reached");
    }
  }
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}

function wordsOf(content: unknown): string | null {
  const error = (content as { error?: unknown } | null)?.error;
  return typeof error === "string" && error !== "" ? error : null;
}

function fieldOf(content: unknown): string | null {
  const field = (content as { field?: unknown } | null)?.field;
  return typeof field === "string" ? field : null;
}
