/**
 * One page's line to its hall: connects, subscribes, folds what comes, and comes back by itself.
 *
 * What must stay true
 * - It never polls. After a lost connection it waits with full jitter, asks for a new ws-ticket and subscribes with
 *   `after`, so that every record arrives once and in order, or a snapshot replaces everything.
 * - A command keeps its idempotency key until it is answered or given up: sent again after a reconnect it has one
 *   effect and one answer.
 * - Nothing here knows a page, Vue or the DOM; time, chance and sockets are handed in, so that tests own them.
 */
import { Backoff } from "./backoff";
import { HallClock } from "./clock";
import type { Codec } from "./codec";
import { Commands } from "./commands";
import { asksForSnapshot, fold, foldFigures, lacksDevice } from "./fold";
import type { ClientMessage, HallRecord, ServerMessage, Welcome } from "./messages";
import { SETTINGS } from "./settings";
import type { Settings } from "./settings";
import type { HallState } from "./state";
import type { Surroundings, WireSocket } from "./surroundings";
import { Busy, SignedOut } from "./surroundings";

/** `connecting` before the first snapshot, `away` while the hall cannot be reached after it. */
export type Status = "connecting" | "live" | "away" | "signed_out";

export interface Listener {
  status?(status: Status): void;
  welcome?(welcome: Welcome): void;
  state?(state: HallState): void;
  /** The hall told all of itself anew: nothing that was known before counts. */
  snapshot?(state: HallState): void;
  /** The records of one message that were new, after they were folded. */
  records?(records: HallRecord[]): void;
}

/** A failed attempt is told as `away` only after so many, so that a blink of the network stays unseen. */
const QUIET_FAILURES = 1;

export class HallClient {
  state: HallState | null = null;
  status: Status = "connecting";
  readonly clock: HallClock;
  private readonly backoff: Backoff;
  private readonly commands: Commands;
  private socket: WireSocket | null = null;
  private listeners = new Set<Listener>();
  private timers = new Set<unknown>();
  private attempt = 0;
  private failures = 0;
  private heardAt = 0;
  /** When the hall said `welcome` on this line; null before. */
  private welcomedAt: number | null = null;
  /** The hall said `resync`: nothing counts until its snapshot is here. */
  private void = false;
  /** What was told can be read as a whole only in a snapshot that was asked for and is not here yet. */
  private owed = false;
  private subscriptions = 0;
  private running = false;

  constructor(
    private readonly around: Surroundings,
    private readonly codec: Codec,
    private readonly topics: string[] = ["#"],
    private readonly settings: Settings = SETTINGS,
  ) {
    this.backoff = new Backoff(around.random, settings.firstBackoff_s, settings.mostBackoff_s);
    this.clock = new HallClock(around.monotonic, around.wall());
    this.commands = new Commands(around, (message) => this.send(message), settings.overload_s);
    around.onReturn?.(() => this.lookAgain());
  }

  listen(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  start(): void {
    if (this.running) return;
    this.running = true;
    void this.connect();
  }

  stop(): void {
    this.running = false;
    this.clearTimers();
    this.drop();
    this.commands.close();
  }

  /**
   * Ask the hall for something. Resolves with its result; raises `Refused` with the hall's words, or `GivenUp` if
   * nothing was heard for `patience_s` (it may have happened: the key is in the error).
   */
  command<Result>(name: string, args: Record<string, unknown>, patience_s?: number): Promise<Result> {
    return this.commands.ask(name, args, patience_s) as Promise<Result>;
  }

  // -- the connection ------------------------------------------------------------------------------

  private async connect(): Promise<void> {
    const attempt = ++this.attempt;
    try {
      const ticket = await this.around.wsTicket();
      if (!this.running || attempt !== this.attempt) return;
      this.open(attempt, ticket);
    } catch (error) {
      if (!this.running || attempt !== this.attempt) return;
      if (error instanceof SignedOut) {
        this.tell("signed_out");
        this.after(this.settings.signedOutWait_s * 1000, () => void this.connect());
      } else {
        this.lost(error instanceof Busy ? error.retryAfter_s : 0);
      }
    }
  }

  private open(attempt: number, ticket: string): void {
    const current = () => this.running && attempt === this.attempt;
    this.heardAt = this.around.monotonic();
    this.welcomedAt = null;
    this.socket = this.around.openSocket(ticket, this.codec.subprotocol, {
      opened: () => {},
      message: (data) => current() && this.heard(data),
      closed: () => current() && this.lost(),
    });
    this.watch(attempt);
  }

  /** Say ping, and take a long silence for a broken line: a peer that lost power says nothing at all. */
  private watch(attempt: number): void {
    this.after(this.settings.ping_ms, () => {
      if (attempt !== this.attempt) return;
      if (this.around.monotonic() - this.heardAt > this.settings.silence_ms) {
        this.lost();
        return;
      }
      this.send({ op: "ping" });
      this.watch(attempt);
    });
  }

  /** Come back, not before `wait_s`. On top of what the hall asks for: all whom it sent away would return at once. */
  private lost(wait_s = 0): void {
    const stood_ms = this.welcomedAt === null ? 0 : this.around.monotonic() - this.welcomedAt;
    if (stood_ms >= this.settings.steady_ms) this.backoff.reset();
    this.attempt += 1;
    this.failures += 1;
    this.clearTimers();
    this.drop();
    if (this.failures > QUIET_FAILURES && this.state !== null) this.tell("away");
    this.after((wait_s + this.backoff.next_s()) * 1000, () => void this.connect());
  }

  /** Somebody looks, or the network is back: do not wait for a timer that slept. */
  private lookAgain(): void {
    if (!this.running) return;
    if (this.socket === null) {
      this.clearTimers();
      void this.connect();
    } else if (this.around.monotonic() - this.heardAt > this.settings.silence_ms) {
      this.lost();
    } else {
      this.send({ op: "ping" });
    }
  }

  private drop(): void {
    this.commands.pause();
    const socket = this.socket;
    this.socket = null;
    this.welcomedAt = null;
    socket?.close();
  }

  // -- what the hall says --------------------------------------------------------------------------

  private heard(data: string | ArrayBuffer): void {
    this.heardAt = this.around.monotonic();
    let message: ServerMessage;
    try {
      message = this.codec.decode(data);
    } catch {
      this.lost();
      return;
    }
    switch (message.op) {
      case "welcome":
        this.welcomedAt = this.around.monotonic();
        this.void = false;
        this.clock.set(message.now, message.speed);
        for (const listener of this.listeners) listener.welcome?.(message);
        this.resume();
        this.commands.resume();
        break;
      case "snapshot":
        this.void = this.owed = false;
        this.clock.set(message.state.now, message.state.speed);
        this.replace({ ...message.state, epoch: message.epoch, seq: message.seq });
        this.arrived();
        break;
      case "records":
        if (!this.void) this.fold(message.epoch, message.through, message.records);
        break;
      case "resync":
        this.void = true;
        break;
      case "figures":
        if (message.figures.now !== undefined) this.clock.set(message.figures.now);
        if (this.state !== null) this.become(foldFigures(this.state, message.figures));
        // With the figures, not with each record: one question for all devices of a plugin that was enabled.
        if (this.state !== null && !this.owed && lacksDevice(this.state)) this.askSnapshot();
        break;
      case "reply":
        this.commands.answered(message);
        break;
      default:
        break; // `pong`: it was heard; whatever is new: not for us
    }
  }

  private fold(epoch: string | number, through: number, records: HallRecord[]): void {
    const before = this.state;
    if (before === null) return;
    if (before.epoch !== epoch) {
      this.askSnapshot();
      return;
    }
    const fresh = records.filter((record) => record.seq > before.seq);
    const after = fresh.reduce(fold, before);
    this.become({ ...after, seq: Math.max(after.seq, through) });
    this.arrived();
    if (fresh.length > 0) for (const listener of this.listeners) listener.records?.(fresh);
    if (fresh.some(asksForSnapshot)) this.askSnapshot();
  }

  private subscribe(after?: { epoch: string | number; seq: number }): void {
    const id = `s${++this.subscriptions}`;
    this.send({ op: "subscribe", id, topics: this.topics, ...(after ? { after } : {}) });
  }

  /** Go on after what was seen. A hall with nothing new to say is silent: the line stands all the same. */
  private resume(): void {
    if (this.state === null) {
      this.subscribe();
      return;
    }
    if (this.owed) this.askSnapshot();
    else this.subscribe({ epoch: this.state.epoch, seq: this.state.seq });
    this.arrived();
  }

  /** A position in no journal of any hall: the answer is a new snapshot. */
  private askSnapshot(): void {
    this.owed = true;
    this.subscribe({ epoch: "", seq: 0 });
  }

  private replace(state: HallState): void {
    this.become(state);
    for (const listener of this.listeners) listener.snapshot?.(state);
  }

  private become(state: HallState): void {
    this.state = state;
    for (const listener of this.listeners) listener.state?.(state);
  }

  private arrived(): void {
    this.failures = 0;
    this.tell("live");
  }

  private tell(status: Status): void {
    if (this.status === status) return;
    this.status = status;
    for (const listener of this.listeners) listener.status?.(status);
  }

  private send(message: ClientMessage): void {
    this.socket?.send(this.codec.encode(message));
  }

  // -- timers --------------------------------------------------------------------------------------

  private after(delay_ms: number, act: () => void): void {
    const timer = this.around.setTimer(() => {
      this.timers.delete(timer);
      act();
    }, delay_ms);
    this.timers.add(timer);
  }

  private clearTimers(): void {
    for (const timer of this.timers) this.around.clearTimer(timer);
    this.timers.clear();
  }
}
