import { beforeEach, expect, test } from "vitest";

import { asksForSnapshot, fold, foldFigures, lacksDevice } from "../src/client";
import type { HallRecord, HallState } from "../src/client";
import { beginRecordsAt, hallState, record } from "./world";

const TAKEN = {
  ticket: "t1",
  number: "A001",
  day: "2026-11-22",
  serial: 1,
  service: "pay",
  customer_class: "gotone",
  class_source: "default",
  channel: "kiosk",
  position: 1,
  estimated_wait_s: 120,
  target_wait_s: 600,
};
const CALLED = {
  ticket: "t1",
  number: "A001",
  counter: 1,
  agent: "li",
  service: "pay",
  customer_class: "gotone",
  reason: { rule: "only", policy: "fifo", waited_s: 60, candidates: 1, words: { zh: "", en: "" } },
};
const T1 = { ticket: "t1", number: "A001" };

beforeEach(() => beginRecordsAt(10));

function after(...facts: HallRecord[]): HallState {
  return facts.reduce(fold, hallState());
}

const taken = () => record("ticket.taken", TAKEN, 10_000);
const opened = () => record("counter.opened", { counter: 1, agent: "li", skills: { pay: 1, card: 2 } }, 9_000);
const called = () => record("ticket.called", CALLED, 70_000);
const started = () => record("ticket.service_started", { ...T1, counter: 1 }, 80_000);

test("a taken ticket waits and is counted", () => {
  const state = after(taken());
  expect(state.tickets).toMatchObject([{ id: "t1", state: "waiting", taken_at: 10_000, estimated_wait_s: 120 }]);
  expect(state.services[0]?.waiting).toBe(1);
  expect(state.today).toMatchObject({ taken: 1, waiting: 1, by_class: { gotone: { taken: 1, waiting: 1 } } });
  expect(state.seq).toBe(11);
});

test("a called ticket stands at its counter and leads the recent calls", () => {
  const state = after(taken(), opened(), called());
  expect(state.tickets[0]).toMatchObject({ state: "called", counter: 1, called_at: 70_000, waited_s: 60 });
  expect(state.counters[0]).toMatchObject({ state: "open", agent: "li", ticket: "t1", skills: { pay: 1, card: 2 } });
  expect(state.recent_calls).toEqual([{ ticket: "t1", number: "A001", counter: 1, at: 70_000, service: "pay" }]);
  expect(state.today).toMatchObject({ waiting: 0, at_counters: 1 });
  expect(state.services[0]?.waiting).toBe(0);
});

test("recent calls keep the newest twelve", () => {
  const calls = Array.from({ length: 14 }, (_, n) => record("ticket.called", { ...CALLED, ticket: `t${n}` }, n));
  const state = after(...calls);
  expect(state.recent_calls).toHaveLength(12);
  expect(state.recent_calls[0]?.ticket).toBe("t13");
});

test("a ticket stands once among the recent calls, and not while it waits again", () => {
  const twice = after(taken(), called(), record("ticket.held", { ...T1, counter: 1 }), called());
  expect(twice.recent_calls).toHaveLength(1);
  const held = fold(twice, record("ticket.held", { ...T1, counter: 1 }));
  expect(fold(held, record("ticket.resumed", T1)).recent_calls).toEqual([]);
});

test("a recall counts up and a new call begins at none", () => {
  const recalled = after(taken(), called(), record("ticket.recalled", { ...T1, counter: 1, recalls: 2 }));
  expect(recalled.tickets[0]?.recalls).toBe(2);
  const again = [record("ticket.held", { ...T1, counter: 1 }), called()].reduce(fold, recalled);
  expect(again.tickets[0]).toMatchObject({ recalls: 0, held_at: null });
});

test("a finished ticket leaves, frees its counter and counts for it", () => {
  const state = after(taken(), opened(), called(), started(), record("ticket.finished", { ...T1, counter: 1 }));
  expect(state.tickets).toEqual([]);
  expect(state.counters[0]).toMatchObject({ ticket: null, served: 1 });
  expect(state.today).toMatchObject({ finished: 1, at_counters: 0, waiting: 0 });
});

test.each(["no_show", "cancelled", "expired"] as const)("a ticket that is %s leaves and is counted so", (how) => {
  const state = after(taken(), called(), record(`ticket.${how}`, { ...T1, counter: 1 }));
  expect(state.tickets).toEqual([]);
  expect(state.counters[0]?.ticket).toBeNull();
  expect(state.today).toMatchObject({ [how]: 1, at_counters: 0 });
});

test("a held ticket frees its counter and is resumed into the queue", () => {
  const held = after(taken(), called(), started(), record("ticket.held", { ...T1, counter: 1 }, 140_000));
  expect(held.tickets[0]).toMatchObject({ state: "held", held_at: 140_000, served_s: 60 });
  expect(held.counters[0]?.ticket).toBeNull();
  expect(held.today).toMatchObject({ held: 1, at_counters: 0 });
  const resumed = fold(held, record("ticket.resumed", T1, 200_000));
  expect(resumed.tickets[0]).toMatchObject({ state: "waiting", queued_at: 200_000, counter: null, held_at: null });
  expect(resumed.services[0]?.waiting).toBe(1);
});

test("a transfer moves the wait to the other service and keeps the wait of one that was waiting", () => {
  const to = { ...T1, to_service: "card", to_counter: 2, target_wait_s: 300 };
  const waiting = after(taken(), record("ticket.transferred", to, 50_000));
  expect(waiting.tickets[0]).toMatchObject({ service: "card", only_counter: 2, target_wait_s: 300, queued_at: 10_000 });
  expect(waiting.services.map((service) => service.waiting)).toEqual([0, 1]);
  const served = after(taken(), called(), started(), record("ticket.transferred", { ...to, counter: 1 }, 90_000));
  expect(served.tickets[0]).toMatchObject({ state: "waiting", queued_at: 90_000, counter: null });
  expect(served.counters[0]?.ticket).toBeNull();
});

test("a printed slip changes nothing but the position", () => {
  const before = after(taken());
  const state = fold(before, record("ticket.printed", { ...T1, copy: 1 }));
  expect(state).toEqual({ ...before, seq: 12, at: 2000 });
});

test("a counter is paused with its reason, resumed, configured and closed", () => {
  const paused = after(opened(), record("counter.paused", { counter: 1, reason: "meal" }, 11_000));
  expect(paused.counters[0]).toMatchObject({ state: "paused", reason: "meal", since: 11_000 });
  const resumed = fold(paused, record("counter.resumed", { counter: 1 }, 12_000));
  expect(resumed.counters[0]).toMatchObject({ state: "open", reason: null, since: 12_000 });
  const configured = fold(resumed, record("counter.configured", { counter: 1, skills: { card: 1 } }));
  expect(configured.counters[0]?.skills).toEqual({ card: 1 });
  const closed = fold(configured, record("counter.closed", { counter: 1 }, 13_000));
  expect(closed.counters[0]).toMatchObject({ state: "closed", agent: null, since: 13_000 });
  expect(closed.counters[1]).toBe(paused.counters[1]);
});

test("the day's end begins the figures anew and leaves who is being served", () => {
  const state = after(taken(), called(), started(), record("day.ended", { day: "2026-11-22", taken: 1 }));
  expect(state).toMatchObject({ day: null, recent_calls: [{ ticket: "t1" }] });
  expect(state.today).toMatchObject({ taken: 0, waiting: 0, at_counters: 1 });
  expect(state.tickets).toHaveLength(1);
});

test("a device's report changes or adds it", () => {
  const state = after(
    record("device.status", { device: "printer", status: "offline", detail: "no paper" }, 5_000),
    record("device.status", { device: "printer", status: "online" }, 6_000),
  );
  expect(state.devices).toMatchObject([{ name: "printer", status: "online", detail: "", since: 6_000 }]);
});

test("a device that comes with a plugin stands there at once, and goes with it", () => {
  const printer = { name: "printer", driver: "escpos", device_class: "ticket_printer", counter: null, status: "online", detail: "", since: 1 };
  const before = { ...hallState(), devices: [printer] };
  expect(lacksDevice(before)).toBe(false);
  expect(foldFigures(before, { devices: ["printer"] }).devices).toBe(before.devices);
  const reported = fold(before, record("device.status", { device: "care.pay-1", status: "offline" }, 5_000));
  expect(reported.devices).toMatchObject([{ name: "printer" }, { name: "care.pay-1", status: "offline" }]);
  const listed = foldFigures(reported, { devices: ["printer", "care.pay-1", "care.pay-2"] });
  expect(listed.devices.map((device) => [device.name, device.status])).toEqual([
    ["printer", "online"],
    ["care.pay-1", "offline"],
    ["care.pay-2", "unknown"],
  ]);
  expect(lacksDevice(listed)).toBe(true);
  expect(foldFigures(listed, { devices: ["printer"] }).devices).toEqual([printer]);
});

test("a record twice changes nothing", () => {
  const fact = taken();
  const once = after(fact);
  expect(fold(once, fact)).toBe(once);
});

test("unknown types, unknown fields and unknown tickets are passed over, the position goes on", () => {
  const before = hallState();
  const state = [
    record("care.logged", { ticket: "t9", what: 1 }),
    record("ticket.rated", { ticket: "t9", stars: 5 }),
    record("ticket.finished", { ticket: "t9", number: "B9", counter: 1, mood: "fine" }),
    record("counter.opened", { counter: 99, agent: "x" }),
    record("ticket.taken", {}),
    record("device.status", {}),
  ].reduce(fold, before);
  expect(state).toEqual({ ...before, seq: 16, at: 2000 });
});

test("changed settings ask for a snapshot", () => {
  expect(asksForSnapshot(record("config.changed", { changes: { "policy.kind": "strict" } }))).toBe(true);
  expect(asksForSnapshot(record("counter.configured", { counter: 1, skills: null }))).toBe(true);
  expect(asksForSnapshot(record("counter.configured", { counter: 1, skills: { pay: 1 } }))).toBe(false);
});

test("figures win over counts, and what they do not name stays", () => {
  const state = foldFigures(after(taken()), {
    services: { pay: { waiting: 7, expected_wait_s: 90 } },
    today: { finished: 3 },
  });
  expect(state.services[0]).toMatchObject({ waiting: 7, expected_wait_s: 90, open: true });
  expect(state.today).toMatchObject({ finished: 3, taken: 1 });
});

// -- reasons, alerts, places ----------------------------------------------------------------------------

const REASON = { rule: "score", policy: "gcmu", waited_s: 60, candidates: 2, words: { zh: "等得最久", en: "waited longest" } };
const WARNING = { alert: "warning:t1", kind: "warning", ticket: "t1", number: "A001", service: "pay", left_s: 120 };

test("a ticket keeps why it was called until it waits again", () => {
  const called_ = after(taken(), record("ticket.called", { ...CALLED, reason: REASON }, 70_000));
  expect(called_.tickets[0]?.reason).toEqual(REASON);
  expect(fold(called_, started()).tickets[0]?.reason).toEqual(REASON);
  const returned = fold(called_, record("ticket.returned", { ...T1, counter: 1, behind: 3 }, 75_000));
  expect(returned.tickets[0]).toMatchObject({ state: "waiting", counter: null, reason: null, called_at: null });
  expect(returned.counters[0]?.ticket).toBeNull();
  expect(returned.recent_calls).toEqual([]);
  expect(returned.today).toMatchObject({ waiting: 1, at_counters: 0 });
});

test("a page that is not told the reason has none", () => {
  const { reason: _, ...untold } = CALLED;
  expect(after(taken(), record("ticket.called", untold)).tickets[0]?.reason).toBeNull();
});

test("an alert is open until it is acknowledged or cleared, whichever comes first", () => {
  const raised = after(taken(), record("alert.raised", WARNING, 50_000));
  expect(raised.alerts).toMatchObject([{ id: "warning:t1", kind: "warning", at: 50_000, number: "A001", left_s: 120, value: null }]);
  const acknowledged = record("alert.acknowledged", { alert: "warning:t1", done: "served", note: null });
  const cleared = record("alert.cleared", { alert: "warning:t1", cause: "called" });
  expect(fold(raised, acknowledged).alerts).toEqual([]);
  expect(fold(raised, cleared).alerts).toEqual([]);
  expect([acknowledged, { ...cleared, seq: acknowledged.seq + 2 }].reduce(fold, raised).alerts).toEqual([]);
});

test("an alert stands once, and one of a kind to come is passed over", () => {
  const twice = after(record("alert.raised", WARNING), record("alert.raised", { ...WARNING, left_s: 60 }));
  expect(twice.alerts).toMatchObject([{ left_s: 60 }]);
  expect(after(record("alert.raised", { ...WARNING, kind: "earthquake" })).alerts).toEqual([]);
});

test("an alert of the hall brings its own words", () => {
  const outside = { alert: "appointments_outside:1", kind: "appointments_outside", value: 2, words: { zh: "两个预约", en: "2 appointments" }, appointments: ["a1", "a2"] };
  expect(after(record("alert.raised", outside)).alerts).toMatchObject([{ kind: "appointments_outside", value: 2, words: { zh: "两个预约", en: "2 appointments" } }]);
});

test("the day's end leaves no alert", () => {
  expect(after(record("alert.raised", WARNING), record("day.ended", { day: "2026-11-22" })).alerts).toEqual([]);
});

test("places, alerts, advice and policy of the figures win; what they leave out stays", () => {
  const state = foldFigures(hallState(), {
    places: { t1: [2, 300] },
    alerts: [],
    advice: { open_now: 1, needed: 2, open: [2], close: [], words: { zh: "开", en: "open" } },
    policy: { kind: "gcmu", max_wait_s: 2100, version: 3, distribution: "longest_idle" },
    display_lines: [{ zh: "请用自助终端", en: "Use a machine" }],
  });
  expect(foldFigures(state, {}).display_lines).toHaveLength(1);
  expect(foldFigures(state, { display_lines: [] }).display_lines).toEqual([]);
  expect(state).toMatchObject({ places: { t1: [2, 300] }, advice: { open: [2] }, policy: { version: 3 } });
  expect(foldFigures(state, {})).toMatchObject({ places: { t1: [2, 300] }, advice: { open: [2] }, policy: { version: 3 } });
  expect(foldFigures(state, { advice: null }).advice).toBeNull();
});

test("a new policy is read from a new snapshot", () => {
  expect(asksForSnapshot(record("policy.changed", { version: 2 }))).toBe(true);
});

test("a counter's mode follows its record", () => {
  const facts = [opened(), record("counter.configured", { counter: 1, mode: "auto", skills: { pay: 1 } })];
  expect(after(...facts).counters[0]).toMatchObject({ mode: "auto", skills: { pay: 1 } });
});
