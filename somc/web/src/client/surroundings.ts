/** What the client needs of the world: sockets, the ws-ticket, timers, clocks and chance. Tests bring their own. */

export interface SocketEvents {
  opened(): void;
  message(data: string | ArrayBuffer): void;
  /** Called once, also if the connection never came to be. */
  closed(): void;
}

export interface WireSocket {
  /** Dropped silently if the socket is not open. */
  send(data: string | Uint8Array): void;
  close(): void;
}

/** The cookie gives no right to be here: a sign-in link is needed. */
export class SignedOut extends Error {}

/** The hall is too busy to let anybody in, and says when to come again. */
export class Busy extends Error {
  constructor(readonly retryAfter_s: number) {
    super(`the hall is busy: come again in ${retryAfter_s} s`);
  }
}

/** The one-time ticket in the hall's answer; raises `SignedOut`, `Busy`, or anything else if there is none. */
export async function ticketIn(answer: Response): Promise<string> {
  if (answer.status === 401 || answer.status === 403) throw new SignedOut();
  if (!answer.ok) {
    const after_s = Number(answer.headers.get("Retry-After") ?? "");
    if (after_s > 0) throw new Busy(after_s);
    throw new Error(`the hall answered ${answer.status}`);
  }
  return ((await answer.json()) as { ticket: string }).ticket;
}

export interface Surroundings {
  /** A one-time ticket for the socket. Raises `SignedOut` (401, 403), `Busy`, or anything else if there is none. */
  wsTicket(): Promise<string>;
  openSocket(ticket: string, subprotocol: string, events: SocketEvents): WireSocket;
  setTimer(act: () => void, delay_ms: number): unknown;
  clearTimer(timer: unknown): void;
  /** Milliseconds that never run backwards. */
  monotonic(): number;
  /** This computer's idea of now, Unix ms. */
  wall(): number;
  /** In [0, 1). */
  random(): number;
  /** A fresh idempotency key. */
  newKey(): string;
  /** `act` is called whenever the page is looked at again or the network is back: timers may have slept meanwhile. */
  onReturn?(act: () => void): void;
}
