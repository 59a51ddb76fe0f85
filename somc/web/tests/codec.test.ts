import { encode } from "@msgpack/msgpack";
import { expect, test } from "vitest";

import { jsonCodec, msgpackCodec } from "../src/client";
import type { ServerMessage } from "../src/client";

const message: ServerMessage = { op: "resync", reason: "太远" };

test("both codecs carry the same message", () => {
  const packed = encode(message);
  expect(msgpackCodec.decode(packed.slice().buffer)).toEqual(message);
  expect(jsonCodec.decode(JSON.stringify(message))).toEqual(message);
});

test("instants beyond 32 bits arrive as plain numbers", () => {
  const packed = encode({ op: "figures", seq: 1, figures: { now: 1_795_000_000_123 } });
  const back = msgpackCodec.decode(packed.slice().buffer);
  expect(back).toMatchObject({ figures: { now: 1_795_000_000_123 } });
});

test("an argument that is not set is not sent", () => {
  const bytes = msgpackCodec.encode({ op: "command", id: "c1", name: "x", args: { phone: undefined, a: 1 } });
  const back = msgpackCodec.decode((bytes as Uint8Array).slice().buffer);
  expect(back).toEqual({ op: "command", id: "c1", name: "x", args: { a: 1 } });
});

test.each(["null", "[]", "{}", '{"op":1}', "1"])("%s is no message", (text) => {
  expect(() => jsonCodec.decode(text)).toThrow();
});

const fine = { seq: 3, at: 1, type: "ticket.taken", topic: "a", data: {}, v: 1 };

test.each([
  { op: "records", epoch: "e", through: 3, records: 7 },
  { op: "records", epoch: "e", through: 3, records: [null] },
  { op: "records", epoch: "e", through: 2, records: [fine] },
  { op: "records", epoch: "e", through: 3, records: [fine, fine] },
  { op: "records", through: 3, records: [fine] },
  { op: "snapshot", epoch: "e", seq: 1, state: {} },
  { op: "welcome", role: "agent" },
  { op: "figures", seq: 1 },
  { op: "reply", id: 1 },
])("%j is not as a hall sends it", (message) => {
  expect(() => jsonCodec.decode(JSON.stringify(message))).toThrow();
});

test("what a newer hall says passes", () => {
  const message = { op: "records", epoch: "e", through: 3, records: [{ ...fine, more: 1 }], more: 2 };
  expect(jsonCodec.decode(JSON.stringify(message))).toEqual(message);
  expect(jsonCodec.decode('{"op":"celebration"}')).toEqual({ op: "celebration" });
});
