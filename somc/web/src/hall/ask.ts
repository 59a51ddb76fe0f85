/** Requests by HTTP, for what has no place on the live line: the page's own session, the hall's reasons as `Refused`. */
import { Refused } from "../client";
import type { Problem } from "../client";
import { pageName } from "../client/browser";

/** Nobody waits longer for a hall that is away (ms). */
const PATIENCE_MS = 30_000;

/** `answer` of the hall at `path` below /api/v1; null for one without content. `Refused`, or the browser's own error. */
export async function ask<Answer>(method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE", path: string, body?: unknown): Promise<Answer> {
  const answer = await fetch(`/api/v1${path}`, {
    method,
    headers: { "X-SOMC": pageName(location.pathname), Accept: "application/json", ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(PATIENCE_MS),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Refused(problemOf(text, answer.status));
  return (text === "" ? null : JSON.parse(text)) as Answer;
}

function problemOf(text: string, status: number): Problem {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return { status, title: `HTTP ${status}` }; // a proxy between us and the hall speaks otherwise
  }
}
