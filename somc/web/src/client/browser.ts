/** The browser as surroundings of the client. */
import { ticketIn } from "./surroundings";
import type { SocketEvents, Surroundings, WireSocket } from "./surroundings";

const TICKET_PATH = "/api/v1/ws-ticket";
const SOCKET_PATH = "/api/v1/ws";
/** A hall that does not answer the ticket within this is not there (ms). */
const TICKET_PATIENCE_MS = 8_000;

/** `counter` of `/counter/3`; `1` where the path names no page. */
export function pageName(path: string): string {
  return path.split("/")[1] || "1";
}

async function wsTicket(): Promise<string> {
  const answer = await fetch(TICKET_PATH, {
    method: "POST",
    // A foreign site cannot set this header without asking first: with it the cookie is ours to use. Its value names
    // the page, since one browser may be signed in as kiosk on one tab and as an agent on the next.
    headers: { "X-SOMC": pageName(location.pathname), Accept: "application/json" },
    credentials: "same-origin",
    cache: "no-store",
    signal: AbortSignal.timeout(TICKET_PATIENCE_MS),
  });
  return ticketIn(answer);
}

function openSocket(ticket: string, subprotocol: string, events: SocketEvents): WireSocket {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  const url = `${scheme}//${location.host}${SOCKET_PATH}?ticket=${encodeURIComponent(ticket)}`;
  const socket = new WebSocket(url, [subprotocol]);
  socket.binaryType = "arraybuffer";
  socket.addEventListener("open", () => events.opened());
  socket.addEventListener("message", (event) => events.message(event.data as string | ArrayBuffer));
  socket.addEventListener("close", () => events.closed());
  return {
    send(data) {
      if (socket.readyState === WebSocket.OPEN) socket.send(data as string | Uint8Array<ArrayBuffer>);
    },
    close: () => socket.close(),
  };
}

/** 128 random bits. (`crypto.randomUUID` is missing where a hall serves plain http to its own network.) */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function onReturn(act: () => void): void {
  window.addEventListener("online", act);
  window.addEventListener("pageshow", act);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && act());
}

export const browser: Surroundings = {
  wsTicket,
  openSocket,
  setTimer: (act, delay_ms) => window.setTimeout(act, delay_ms),
  clearTimer: (timer) => window.clearTimeout(timer as number),
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  random: Math.random,
  newKey,
  onReturn,
};
