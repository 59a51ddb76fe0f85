import { beforeEach, expect, test } from "vitest";

import { GivenUp, HallClient, Refused, SETTINGS } from "../src/client";
import type { HallRecord, ServerMessage, Status } from "../src/client";
import { World, beginRecordsAt, codec, hallState, record } from "./world";

const WELCOME: ServerMessage = { op: "welcome", role: "agent", subject: "agent:li", org: "o", now: 1000, speed: 1 };

/** A position in no journal: what asks for a snapshot on an open line. */
const NOWHERE = { epoch: "", seq: 0 };

const { ping_ms: PING_MS, silence_ms: SILENCE_MS, steady_ms: STEADY_MS } = SETTINGS;

let world: World;
let client: HallClient;
let told: Status[];
let seen: number[];

beforeEach(() => {
  beginRecordsAt(10);
  world = new World();
  client = new HallClient(world, codec);
  told = [];
  seen = [];
  client.listen({
    status: (status) => told.push(status),
    records: (records) => seen.push(...records.map((one) => one.seq)),
  });
});

const snapshot = (change = {}): ServerMessage => {
  const state = hallState(change);
  return { op: "snapshot", epoch: state.epoch, seq: state.seq, state };
};

const records = (...all: HallRecord[]): ServerMessage => ({
  op: "records",
  epoch: "e1",
  through: all.at(-1)?.seq ?? 0,
  records: all,
});

async function live(): Promise<void> {
  client.start();
  await world.pass(0);
  world.line.say(WELCOME);
  world.line.say(snapshot());
}

const paper = (seq: number) => record("ticket.printed", { ticket: "t", number: "A", copy: 1 }, 0, seq);

test("it takes a ticket, speaks its subprotocol and asks for everything it may see", async () => {
  await live();
  expect(world.line).toMatchObject({ ticket: "ticket-1", subprotocol: "somc.v1.json" });
  expect(world.line.of("subscribe")).toEqual([{ op: "subscribe", id: "s1", topics: ["#"] }]);
  expect(client.state?.seq).toBe(10);
  expect(told).toEqual(["live"]);
});

test("records are folded in order, each once, and the position is `through`", async () => {
  await live();
  world.line.say({ op: "records", epoch: "e1", through: 14, records: [paper(11), paper(12)] });
  world.line.say(records(paper(12), paper(15)));
  expect(seen).toEqual([11, 12, 15]);
  expect(client.state?.seq).toBe(15);
});

test("after a lost line it comes back with a new ticket and resumes after what it saw", async () => {
  await live();
  world.line.say({ op: "records", epoch: "e1", through: 20, records: [paper(11)] });
  world.line.break();
  await world.pass(1000);
  expect(world.lines).toHaveLength(2);
  world.line.say(WELCOME);
  expect(world.line.ticket).toBe("ticket-2");
  expect(world.line.of("subscribe")[0]?.after).toEqual({ epoch: "e1", seq: 20 });
  world.line.say(records(paper(21)));
  expect(seen).toEqual([11, 21]);
});

test("a resync's snapshot replaces everything", async () => {
  await live();
  world.line.say({ op: "resync", reason: "too far back" });
  world.line.say(snapshot({ epoch: "e2", seq: 3 }));
  expect(client.state).toMatchObject({ epoch: "e2", seq: 3 });
});

test("records of another epoch are not folded: a snapshot is asked for", async () => {
  await live();
  world.line.say({ op: "records", epoch: "e2", through: 1, records: [paper(1)] });
  expect(seen).toEqual([]);
  expect(world.line.of("subscribe")[1]?.after).toEqual(NOWHERE);
});

test("changed settings make it ask for a snapshot", async () => {
  await live();
  world.line.say(records(record("config.changed", { changes: {} })));
  expect(world.line.of("subscribe")[1]?.after).toEqual(NOWHERE);
});

test("a device that it does not know makes it ask once what that is", async () => {
  await live();
  const figures: ServerMessage = { op: "figures", seq: 3, figures: { devices: ["care.pay-1"] } };
  world.line.say(figures);
  expect(client.state?.devices).toMatchObject([{ name: "care.pay-1", status: "unknown" }]);
  world.line.say(figures);
  expect(world.line.of("subscribe").map((said) => said.after)).toEqual([undefined, NOWHERE]);
  const device = { name: "care.pay-1", driver: "plugin care", device_class: "self_service", counter: null, status: "online", detail: "", since: 1 };
  world.line.say(snapshot({ seq: 4, devices: [device] }));
  world.line.say(figures);
  expect(client.state?.devices).toEqual([device]);
  expect(world.line.of("subscribe")).toHaveLength(2);
});

test("a snapshot that was asked for and did not come is asked for on the next line", async () => {
  await live();
  world.line.say(records(record("config.changed", { changes: {} })));
  world.line.break();
  await world.pass(1000);
  world.line.say(WELCOME);
  expect(world.line.of("subscribe").map((said) => said.after)).toEqual([NOWHERE]);
  world.line.say(snapshot({ seq: 20 }));
  world.line.break();
  await world.pass(1000);
  world.line.say(WELCOME);
  expect(world.line.of("subscribe").map((said) => said.after)).toEqual([{ epoch: "e1", seq: 20 }]);
});

test("a blink is not told, a hall that stays away is", async () => {
  await live();
  world.line.break();
  world.door = "unreachable";
  expect(told).toEqual(["live"]);
  await world.pass(2000);
  expect(told).toEqual(["live", "away"]);
  world.door = "open";
  await world.pass(10_000);
  world.line.say(WELCOME);
  expect(told).toEqual(["live", "away", "live"]);
});

test("attempts spread over a span that doubles up to ten seconds", async () => {
  world.door = "unreachable";
  world.chance = 0.999;
  client.start();
  await world.pass(8_000); // 0.25 + 0.5 + 1 + 2 + 4 s
  expect(world.tickets).toBe(6);
  await world.pass(60_000);
  expect(world.tickets).toBeGreaterThanOrEqual(6 + 6);
  expect(world.tickets).toBeLessThanOrEqual(6 + 7);
});

test("without a right to be here it says so and looks again seldom", async () => {
  world.door = "signed_out";
  client.start();
  await world.pass(19_000);
  expect(told).toEqual(["signed_out"]);
  expect(world.tickets).toBe(1);
  world.door = "open";
  await world.pass(2_000);
  world.line.say(WELCOME);
  world.line.say(snapshot());
  expect(told).toEqual(["signed_out", "live"]);
});

test("a silent hall is left, one that answers pings is not", async () => {
  await live();
  for (let turn = 0; turn < 5; turn++) {
    await world.pass(PING_MS);
    world.line.say({ op: "pong" });
  }
  expect(world.line.of("ping")).toHaveLength(5);
  expect(world.lines).toHaveLength(1);
  await world.pass(SILENCE_MS + 2 * PING_MS);
  expect(world.lines.length).toBeGreaterThan(1);
});

test("what is no message ends the line, and it comes back", async () => {
  await live();
  world.line.sayRaw("{not json");
  await world.pass(1000);
  expect(world.lines).toHaveLength(2);
});

test("a command resolves with the result of its own reply", async () => {
  await live();
  const first = client.command("counters.start", { counter: 1 });
  const second = client.command("counters.start", { counter: 2 });
  const [one, two] = world.line.of("command");
  world.line.say({ op: "reply", id: two!.id, ok: true, result: 2 });
  world.line.say({ op: "reply", id: one!.id, ok: true, result: 1 });
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  expect(one!.key).not.toBe(two!.key);
});

test("a refusal carries the hall's own words", async () => {
  await live();
  const asked = client.command("counters.start", { counter: 1 });
  const words = { zh: "没有顾客", en: "nobody called" };
  world.line.say({ op: "reply", id: world.line.of("command")[0]!.id, ok: false, error: { status: 409, words } });
  await expect(asked).rejects.toBeInstanceOf(Refused);
  await expect(asked).rejects.toMatchObject({ problem: { words } });
});

test("an unanswered command goes out again on the next line with the same key, and is answered once", async () => {
  await live();
  const asked = client.command("tickets.take", { service: "pay" });
  const sent = world.line.of("command")[0]!;
  world.line.break();
  await world.pass(1000);
  world.line.say(WELCOME);
  const again = world.line.of("command");
  expect(again).toEqual([sent]);
  world.line.say({ op: "reply", id: sent.id, ok: true, result: "A001" });
  world.line.say({ op: "reply", id: sent.id, ok: true, result: "A002" });
  expect(await asked).toBe("A001");
});

test("a command asked while the hall is away waits for it", async () => {
  await live();
  world.line.break();
  const asked = client.command("counters.start", { counter: 1 });
  expect(world.line.of("command")).toEqual([]);
  await world.pass(1000);
  world.line.say(WELCOME);
  world.line.say({ op: "reply", id: world.line.of("command")[0]!.id, ok: true, result: "done" });
  expect(await asked).toBe("done");
});

test("a command is given up after its patience and not sent later", async () => {
  await live();
  world.line.break();
  world.door = "unreachable";
  const asked = client.command("counters.start", { counter: 1 }, 5);
  const failed = expect(asked).rejects.toBeInstanceOf(GivenUp);
  await world.pass(6_000);
  await failed;
  world.door = "open";
  await world.pass(11_000);
  world.line.say(WELCOME);
  expect(world.line.of("command")).toEqual([]);
});

test("an overloaded hall is asked again with the same key", async () => {
  await live();
  const asked = client.command("tickets.take", { service: "pay" });
  const sent = world.line.of("command")[0]!;
  world.line.say({ op: "reply", id: sent.id, ok: false, error: { status: 503 } });
  await world.pass(2_000);
  expect(world.line.of("command")).toEqual([sent, sent]);
  world.line.say({ op: "reply", id: sent.id, ok: true, result: "A001" });
  expect(await asked).toBe("A001");
});

test("the hall's clock runs at the hall's speed", async () => {
  await live();
  world.line.say({ ...WELCOME, now: 50_000, speed: 60 } as ServerMessage);
  await world.pass(1000);
  expect(client.clock.now()).toBe(110_000);
  world.line.say({ op: "figures", seq: 10, figures: { now: 200_000 } });
  await world.pass(500);
  expect(client.clock.now()).toBe(230_000);
});

test("stopped, it leaves nothing behind", async () => {
  await live();
  const asked = client.command("counters.start", { counter: 1 });
  const failed = expect(asked).rejects.toBeInstanceOf(GivenUp);
  client.stop();
  await failed;
  await world.pass(60_000);
  expect(world.lines).toHaveLength(1);
});

test("only a line that has stood for a while makes the back-off small again", async () => {
  world.chance = 0.999;
  await live();
  for (let n = 0; n < 6; n++) {
    world.line.break();
    await world.pass(10_000);
    world.line.say(WELCOME);
  }
  const known = world.tickets;
  world.line.break();
  await world.pass(9_000);
  expect(world.tickets).toBe(known);
  await world.pass(1_000);
  expect(world.tickets).toBe(known + 1);
  world.line.say(WELCOME);
  await world.pass(STEADY_MS);
  world.line.break();
  await world.pass(250);
  expect(world.tickets).toBe(known + 2);
});

test("a busy hall is given the time it asks for", async () => {
  await live();
  world.door = "busy";
  world.line.break();
  await world.pass(1_000);
  const known = world.tickets;
  await world.pass(29_000);
  expect(world.tickets).toBe(known);
  world.door = "open";
  await world.pass(2_000);
  expect(world.tickets).toBe(known + 1);
});

test("when somebody looks again it does not wait for its timers", async () => {
  await live();
  world.door = "unreachable";
  world.chance = 0.999;
  world.line.break();
  await world.pass(20_000);
  world.door = "open";
  const known = world.tickets;
  world.lookAgain();
  await world.pass(0);
  expect(world.tickets).toBe(known + 1);
  world.line.say(WELCOME);
  world.lookAgain();
  expect(world.line.of("ping")).toHaveLength(1);
});

test("between resync and snapshot nothing counts", async () => {
  await live();
  world.line.say({ op: "resync", reason: "too slow" });
  world.line.say(records(paper(11)));
  expect(seen).toEqual([]);
  world.line.say(snapshot({ seq: 20 }));
  world.line.say(records(paper(21)));
  expect(seen).toEqual([21]);
});
