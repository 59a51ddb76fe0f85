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

export interface Surroundings {
  /** A one-time ticket for the socket. Raises `SignedOut` (401, 403), or anything else if the hall is not reached. */
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
}
