/** A small honest world for the client: a clock to turn, sockets to speak through, a hall that can go away. */
import { jsonCodec } from "../src/client";
import type { ClientMessage, HallState, ServerMessage, SocketEvents, Surroundings, WireSocket } from "../src/client";
import { Busy, SignedOut } from "../src/client";

interface Timer {
  due: number;
  order: number;
  act(): void;
}

/** One socket as the hall sees it. */
export class Line {
  heard: ClientMessage[] = [];
  open = true;

  constructor(
    readonly ticket: string,
    readonly subprotocol: string,
    private readonly events: SocketEvents,
  ) {
    events.opened();
  }

  say(message: ServerMessage): void {
    this.events.message(JSON.stringify(message));
  }

  sayRaw(data: string): void {
    this.events.message(data);
  }

  /** The hall closes, or the cable is pulled. */
  break(): void {
    if (!this.open) return;
    this.open = false;
    this.events.closed();
  }

  of<Op extends ClientMessage["op"]>(op: Op): Extract<ClientMessage, { op: Op }>[] {
    return this.heard.filter((message): message is Extract<ClientMessage, { op: Op }> => message.op === op);
  }
}

export class World implements Surroundings {
  now_ms = 0;
  lines: Line[] = [];
  tickets = 0;
  keys = 0;
  /** What the door for ws-tickets does. */
  door: "open" | "unreachable" | "signed_out" | "busy" = "open";
  chance = 0.5;
  private timers = new Set<Timer>();
  private order = 0;

  get line(): Line {
    const line = this.lines.at(-1);
    if (line === undefined) throw new Error("nobody has connected");
    return line;
  }

  async wsTicket(): Promise<string> {
    this.tickets += 1;
    if (this.door === "signed_out") throw new SignedOut();
    if (this.door === "busy") throw new Busy(30);
    if (this.door === "unreachable") throw new Error("connection refused");
    return `ticket-${this.tickets}`;
  }

  openSocket(ticket: string, subprotocol: string, events: SocketEvents): WireSocket {
    const line = new Line(ticket, subprotocol, events);
    this.lines.push(line);
    return {
      send: (data) => {
        if (line.open) line.heard.push(JSON.parse(data as string) as ClientMessage);
      },
      close: () => {
        line.open = false;
      },
    };
  }

  setTimer(act: () => void, delay_ms: number): unknown {
    const timer = { due: this.now_ms + delay_ms, order: this.order++, act };
    this.timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.timers.delete(timer as Timer);
  }

  monotonic = () => this.now_ms;
  wall = () => 1_700_000_000_000 + this.now_ms;
  random = () => this.chance;
  newKey = () => `key-${++this.keys}`;
  /** Somebody looks at the page again. */
  lookAgain = (): void => {};
  onReturn = (act: () => void): void => {
    this.lookAgain = act;
  };

  /** Let everything that is ready run, then turn the clock, timer by timer. */
  async pass(delay_ms: number): Promise<void> {
    const until = this.now_ms + delay_ms;
    for (;;) {
      await settle();
      const next = [...this.timers]
        .filter((timer) => timer.due <= until)
        .sort((a, b) => a.due - b.due || a.order - b.order)[0];
      if (next === undefined) break;
      this.now_ms = Math.max(this.now_ms, next.due);
      this.timers.delete(next);
      next.act();
    }
    this.now_ms = until;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

export const codec = jsonCodec;

export function hallState(change: Partial<HallState> = {}): HallState {
  return {
    epoch: "e1",
    seq: 10,
    at: 1000,
    now: 1000,
    speed: 1,
    org: "east/city/north/hall1",
    timezone: "Asia/Shanghai",
    name: { zh: "一号厅", en: "Hall one" },
    day: "2026-11-22",
    open: true,
    services: [service("pay"), service("card")],
    classes: [{ id: "gotone", name: { zh: "全球通", en: "GoTone" }, target_wait_s: 600, priority: 1 }],
    counters: [counter(1), counter(2)],
    tickets: [],
    recent_calls: [],
    policy: { kind: "fifo", max_wait_s: null },
    alerts: [],
    devices: [],
    today: {
      taken: 0,
      waiting: 0,
      held: 0,
      at_counters: 0,
      finished: 0,
      no_show: 0,
      cancelled: 0,
      expired: 0,
      mean_wait_s: null,
      mean_service_s: null,
      within_target: null,
      by_class: { gotone: { taken: 0, finished: 0, waiting: 0, mean_wait_s: null, within_target: null } },
      by_half_hour: [],
    },
    ...change,
  };
}

function service(id: string) {
  return {
    id,
    name: { zh: id, en: id },
    prefix: "A",
    group: null,
    papers: [],
    target_wait_s: {},
    open: true,
    waiting: 0,
    expected_wait_s: null,
  };
}

function counter(number: number) {
  return {
    number,
    name: { zh: `${number}`, en: `${number}` },
    state: "closed" as const,
    since: 0,
    agent: null,
    reason: null,
    skills: { pay: 1 },
    ticket: null,
    served: 0,
  };
}

let lastSeq = 10;

/** A record that follows the last one made; `seq` can be set. */
export function record(type: string, data: Record<string, unknown>, at = 2000, seq?: number) {
  lastSeq = seq ?? lastSeq + 1;
  return { seq: lastSeq, at, type, topic: "east/city/north/hall1/x", data: { by: "test", ...data }, v: 1 };
}

export function beginRecordsAt(seq: number): void {
  lastSeq = seq;
}
