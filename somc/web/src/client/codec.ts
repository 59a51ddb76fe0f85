/** The two ways a message travels; both carry the same messages. */
import { decode, encode } from "@msgpack/msgpack";

import type { ClientMessage, ServerMessage } from "./messages";
import { checked } from "./shape";

export interface Codec {
  readonly subprotocol: string;
  encode(message: ClientMessage): string | Uint8Array;
  /** Raises if `data` is no message. */
  decode(data: string | ArrayBuffer): ServerMessage;
}

/** Binary and smaller: what the pages use. */
export const msgpackCodec: Codec = {
  subprotocol: "somc.v1.msgpack",
  encode: (message) => encode(message, { ignoreUndefined: true }),
  decode: (data) => checked(typeof data === "string" ? JSON.parse(data) : decode(new Uint8Array(data))),
};

/** Readable: for people who look at the wire. */
export const jsonCodec: Codec = {
  subprotocol: "somc.v1.json",
  encode: (message) => JSON.stringify(message),
  decode: (data) => checked(JSON.parse(typeof data === "string" ? data : new TextDecoder().decode(data))),
};
