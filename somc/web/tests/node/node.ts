/** Node as surroundings of the client: npm's `ws` for the socket, a bearer token for the ws-ticket. */
import { randomUUID } from "node:crypto";

import WebSocket from "ws";

import { ticketIn } from "../../src/client";
import type { SocketEvents, Surroundings, WireSocket } from "../../src/client";

export function node(url: string, token: string): Surroundings {
  return {
    async wsTicket() {
      const headers = { Authorization: `Bearer ${token}`, Accept: "application/json" };
      const signal = AbortSignal.timeout(8_000);
      return ticketIn(await fetch(`${url}/api/v1/ws-ticket`, { method: "POST", headers, signal }));
    },
    openSocket(ticket: string, subprotocol: string, events: SocketEvents): WireSocket {
      const where = `${url.replace(/^http/, "ws")}/api/v1/ws?ticket=${encodeURIComponent(ticket)}`;
      const socket = new WebSocket(where, [subprotocol], { perMessageDeflate: false });
      socket.binaryType = "arraybuffer";
      socket.on("open", () => events.opened());
      socket.on("message", (data: ArrayBuffer | Buffer, binary: boolean) =>
        events.message(binary ? (data as ArrayBuffer) : data.toString()),
      );
      // What went wrong does not matter: `close` follows.
      socket.on("error", () => {});
      socket.on("close", () => events.closed());
      return {
        send(data) {
          if (socket.readyState === WebSocket.OPEN) socket.send(data);
        },
        close: () => socket.terminate(),
      };
    },
    setTimer: (act, delay_ms) => setTimeout(act, delay_ms),
    clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
    monotonic: () => performance.now(),
    wall: () => Date.now(),
    random: Math.random,
    newKey: () => randomUUID(),
  };
}
