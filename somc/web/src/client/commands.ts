/**
 * Commands on their way: each waits for its reply, is sent again with the same key after a reconnect, and is given
 * up after its patience.
 */
import type { ClientMessage, Problem } from "./messages";
import { SETTINGS } from "./settings";
import type { Surroundings } from "./surroundings";

/** How long a command may stay unanswered if its asker does not say (s). */
export const PATIENCE_S = 60;

/** The hall said no; `problem.words` says why in both languages. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail ?? problem.title ?? problem.code ?? "refused");
  }
}

/** No answer within the patience: whether it happened is not known. */
export class GivenUp extends Error {
  constructor(readonly key: string) {
    super("no answer from the hall");
  }
}

interface Pending {
  message: Extract<ClientMessage, { op: "command" }>;
  resolve(result: unknown): void;
  reject(error: Error): void;
  timer: unknown;
}

type Reply = { id: string | number; ok: boolean; result?: unknown; error?: Problem };

export class Commands {
  private pending = new Map<string, Pending>();
  private count = 0;
  private flowing = false;

  constructor(
    private readonly around: Surroundings,
    private readonly send: (message: ClientMessage) => void,
    private readonly overload_s: number = SETTINGS.overload_s,
  ) {}

  ask(name: string, args: Record<string, unknown>, patience_s = PATIENCE_S): Promise<unknown> {
    const id = `c${++this.count}`;
    const key = this.around.newKey();
    return new Promise((resolve, reject) => {
      const timer = this.around.setTimer(() => {
        this.pending.delete(id);
        reject(new GivenUp(key));
      }, patience_s * 1000);
      const message = { op: "command" as const, id, name, args, key };
      this.pending.set(id, { message, resolve, reject, timer });
      if (this.flowing) this.send(message);
    });
  }

  /** The line is up: everything unanswered goes out, in the order it was asked. */
  resume(): void {
    this.flowing = true;
    for (const { message } of this.pending.values()) this.send(message);
  }

  /** The line is down: keep what is unanswered. */
  pause(): void {
    this.flowing = false;
  }

  answered(reply: Reply): void {
    const id = String(reply.id);
    const pending = this.pending.get(id);
    if (pending === undefined) return;
    if (!reply.ok && reply.error?.status === 503) {
      // Not at once, and not all at the same moment.
      const wait_s = (reply.error.retry_after_s ?? this.overload_s) * (0.5 + this.around.random() / 2);
      this.around.setTimer(() => this.flowing && this.pending.has(id) && this.send(pending.message), wait_s * 1000);
      return;
    }
    this.pending.delete(id);
    this.around.clearTimer(pending.timer);
    if (reply.ok) pending.resolve(reply.result);
    else pending.reject(new Refused(reply.error ?? {}));
  }

  close(): void {
    this.flowing = false;
    for (const { message, reject, timer } of this.pending.values()) {
      this.around.clearTimer(timer);
      reject(new GivenUp(message.key ?? ""));
    }
    this.pending.clear();
  }
}
