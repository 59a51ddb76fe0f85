/** What the pages do over time: a kiosk visit, an agent's desk, the wall's announcements. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { effectScope, ref, shallowRef } from "vue";
import type { EffectScope } from "vue";

import { GivenUp, Refused, fold } from "../src/client";
import type { HallRecord } from "../src/client";
import type { Hall } from "../src/hall/hall";
import { useDesk } from "../src/pages/counter/desk";
import { QUEUE_LIMIT, SHOWN_MS, useAnnouncing } from "../src/pages/display/announcing";
import type { Announcement } from "../src/pages/display/announcing";
import { ADVICE_PATIENCE_MS, IDLE_S, SLIP_S, useVisit } from "../src/pages/kiosk/visit";
import { beginRecordsAt, hallState, record } from "./world";

interface Asked {
  name: string;
  args: Record<string, unknown>;
  answer(result: unknown): void;
  fail(error: Error): void;
}

/** A hall at the other side of the glass: its commands are answered by the test, its records told by it. */
class Glass {
  asked: Asked[] = [];
  listeners: ((records: HallRecord[]) => void)[] = [];
  hall: Hall = {
    state: shallowRef(hallState()),
    status: ref("live"),
    welcome: shallowRef(null),
    now: ref(0),
    speed: ref(1),
    command: <Result>(name: string, args: Record<string, unknown>) =>
      new Promise<Result>((answer, fail) => {
        this.asked.push({ name, args, answer: answer as (result: unknown) => void, fail });
      }),
    onRecords: (listener) => void this.listeners.push(listener),
  };

  tell(...records: HallRecord[]): void {
    this.hall.state.value = records.reduce(fold, this.hall.state.value!);
    for (const listener of this.listeners) listener(records);
  }

  get last(): Asked {
    return this.asked.at(-1)!;
  }
}

const [PAY] = hallState().services;
const SLIP = { id: "t1", number: "A001", service: "pay", position: 3, estimated_wait_s: 120, slip: [] };

let glass: Glass;
let scope: EffectScope;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
  beginRecordsAt(10);
  glass = new Glass();
  scope = effectScope();
});

afterEach(() => {
  scope.stop();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const settle = () => vi.advanceTimersByTimeAsync(0);

// -- kiosk --------------------------------------------------------------------------------------------

test("a visit takes one ticket for many touches and forgets the number with the answer", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.phone.value = "13812345678";
  visit.toServices(true);
  void visit.take(PAY!);
  void visit.take(PAY!);
  expect(glass.asked.map((asked) => asked.args)).toEqual([{ service: "pay", channel: "kiosk", phone: "13812345678" }]);
  glass.last.answer(SLIP);
  await settle();
  expect([visit.step.value, visit.slip.value?.number, visit.phone.value]).toEqual(["slip", "A001", ""]);
});

const MACHINE = { id: "machine_pay-1", words: { zh: "1号终端空闲", en: "Terminal 1 is free" }, kind: "divert" as const, target: "pay-1" };
const PAPERS = { id: "papers_0", words: { zh: "身份证", en: "Identity card" }, kind: "papers" as const, target: null };

test("what is advised stands before the ticket, and whoever goes elsewhere is counted and takes none", async () => {
  const visit = scope.run(() => useVisit(glass.hall, () => Promise.resolve([PAPERS, MACHINE])))!;
  visit.toServices(false);
  void visit.choose(PAY!);
  void visit.choose(PAY!);
  await settle();
  expect([visit.step.value, visit.advice.value.length, glass.asked.length]).toEqual(["advice", 2, 0]);
  await visit.goElsewhere(PAPERS);
  expect(visit.step.value).toBe("advice");
  void visit.goElsewhere(MACHINE);
  expect(glass.asked.map(({ name, args }) => ({ name, args }))).toEqual([{ name: "services.divert", args: { service: "pay", kind: "self_service", to: "pay-1" } }]);
  expect([visit.step.value, visit.taken.value?.id]).toEqual(["gone", "machine_pay-1"]);
  await vi.advanceTimersByTimeAsync(SLIP_S * 1000);
  expect([visit.step.value, visit.taken.value, visit.advice.value]).toEqual(["phone", null, []]);
});

test("the ticket may be taken all the same, and without advice, or a hall that says none in time, it is taken at once", async () => {
  const advised = scope.run(() => useVisit(glass.hall, () => Promise.resolve([MACHINE])))!;
  advised.toServices(false);
  await advised.choose(PAY!);
  void advised.take(PAY!);
  expect(glass.last.name).toBe("tickets.take");
  for (const read of [() => Promise.resolve([]), () => Promise.reject(new Error("away")), () => new Promise<never>(() => undefined)]) {
    const before = glass.asked.length;
    const visit = scope.run(() => useVisit(glass.hall, read))!;
    visit.toServices(false);
    void visit.choose(PAY!);
    await vi.advanceTimersByTimeAsync(ADVICE_PATIENCE_MS);
    expect([visit.step.value, glass.asked.length]).toEqual(["taking", before + 1]);
  }
});

test("whoever went home while advice was asked for is not sent on", async () => {
  const visit = scope.run(() => useVisit(glass.hall, () => Promise.resolve([MACHINE])))!;
  visit.toServices(false);
  const choosing = visit.choose(PAY!);
  visit.restart();
  await choosing;
  expect([visit.step.value, glass.asked.length]).toEqual(["phone", 0]);
});

test("without a number none is sent, whatever was typed before", () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.phone.value = "138";
  visit.toServices(false);
  void visit.take(PAY!);
  expect(glass.last.args).toEqual({ service: "pay", channel: "kiosk" });
});

test("the slip makes way for the next customer after eight seconds", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.toServices(false);
  void visit.take(PAY!);
  glass.last.answer(SLIP);
  await settle();
  await vi.advanceTimersByTimeAsync(SLIP_S * 1000 - 1);
  expect(visit.step.value).toBe("slip");
  await vi.advanceTimersByTimeAsync(1);
  expect([visit.step.value, visit.slip.value]).toEqual(["phone", null]);
});

test("a kiosk left alone returns to its start and forgets, a touch counts from anew", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.phone.value = "138";
  visit.touched();
  await vi.advanceTimersByTimeAsync((IDLE_S - 1) * 1000);
  visit.touched();
  await vi.advanceTimersByTimeAsync((IDLE_S - 1) * 1000);
  expect(visit.phone.value).toBe("138");
  await vi.advanceTimersByTimeAsync(1000);
  expect(visit.phone.value).toBe("");
});

test("a take on its way is not timed out by the idle clock", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.toServices(false);
  void visit.take(PAY!);
  await vi.advanceTimersByTimeAsync(2 * IDLE_S * 1000);
  expect(visit.step.value).toBe("taking");
});

test("a refusal is shown in the hall's words and the services stay", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  const words = { zh: "已满", en: "full" };
  visit.toServices(false);
  void visit.take(PAY!);
  glass.last.fail(new Refused({ words }));
  await settle();
  expect([visit.step.value, visit.trouble.value]).toEqual(["service", words]);
});

test("a hall that never answers is apologised for", async () => {
  const visit = scope.run(() => useVisit(glass.hall))!;
  visit.toServices(false);
  void visit.take(PAY!);
  glass.last.fail(new GivenUp("key"));
  await settle();
  expect([visit.step.value, visit.trouble.value]).toEqual(["service", "no_answer"]);
});

// -- counter ------------------------------------------------------------------------------------------

const OPENED = () => record("counter.opened", { counter: 1, agent: "li", skills: { pay: 1 } });
const TAKEN = (id: string) =>
  record("ticket.taken", { ticket: id, number: id, service: "pay", customer_class: "gotone", target_wait_s: 600 });
const WORDS = { zh: "等得最久", en: "waited longest" };
const CALLED = (id: string, counter = 1) =>
  record("ticket.called", { ticket: id, number: id, counter, agent: "li", reason: { words: WORDS } });

test("two presses of Next send one command, and the desk rests until the record is here", async () => {
  glass.tell(OPENED(), TAKEN("t1"));
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  expect(desk.may.value.next).toBe(true);
  void desk.desk.next();
  void desk.desk.next();
  expect(glass.asked.map((asked) => asked.name)).toEqual(["counters.call_next"]);
  glass.last.answer({ ticket: {}, reason: {} });
  await settle();
  void desk.desk.next();
  expect(glass.asked).toHaveLength(1);
  glass.tell(CALLED("t1"));
  await settle();
  expect([desk.busy.value, desk.may.value.next, desk.may.value.start]).toEqual([null, false, true]);
  expect(desk.ticket.value?.reason?.words).toEqual(WORDS);
});

test("a customer who did not answer is given back with one command, and only while called", async () => {
  glass.tell(OPENED(), TAKEN("t1"), CALLED("t1"));
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  void desk.desk.giveBack();
  expect([glass.last.name, glass.last.args]).toEqual(["counters.return", { counter: 1 }]);
  glass.last.answer({});
  glass.tell(record("ticket.returned", { ticket: "t1", number: "t1", counter: 1, behind: 3 }));
  await settle();
  expect([desk.busy.value, desk.may.value.return, desk.may.value.next]).toEqual([null, false, true]);
  expect(desk.ticket.value).toBeNull();
});

test("a counter is switched to being given its customers, and back", async () => {
  glass.hall.state.value = hallState({ counters: [{ ...hallState().counters[0]!, mode: "manual" }] });
  glass.tell(OPENED());
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  void desk.desk.mode("auto");
  expect([glass.last.name, glass.last.args]).toEqual(["counters.mode", { counter: 1, mode: "auto" }]);
  glass.last.answer({});
  glass.tell(record("counter.configured", { counter: 1, mode: "auto", skills: { pay: 1 } }));
  await settle();
  expect([desk.view.value?.mode, desk.busy.value]).toEqual(["auto", null]);
});

test("an answer whose record never comes frees the desk after a second", async () => {
  glass.tell(OPENED());
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  void desk.desk.pause("meal");
  glass.last.answer({});
  await vi.advanceTimersByTimeAsync(999);
  expect(desk.busy.value).toBe("pause");
  await vi.advanceTimersByTimeAsync(1);
  expect(desk.busy.value).toBeNull();
});

test("nobody to call is said and frees the desk at once", async () => {
  glass.tell(OPENED());
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  void desk.desk.next();
  glass.last.answer(null);
  await settle();
  expect([desk.busy.value, desk.notice.value]).toEqual([null, { kind: "nobody" }]);
});

test("a refusal stands in the hall's words and the desk is free again", async () => {
  glass.tell(OPENED());
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  void desk.desk.next();
  glass.last.fail(new Refused({ words: WORDS }));
  await settle();
  expect([desk.busy.value, desk.notice.value]).toEqual([null, { kind: "refused", words: WORDS }]);
});

test("what may be done follows the state of counter and ticket", () => {
  const desk = scope.run(() => useDesk(glass.hall, 1))!;
  const allowed = () => Object.entries(desk.may.value).flatMap(([act, may]) => (may && act !== "resume_ticket" ? [act] : []));
  expect(allowed()).toEqual(["open"]);
  glass.tell(OPENED(), TAKEN("t1"));
  expect(allowed()).toEqual(["next", "call", "pause", "close"]);
  glass.tell(CALLED("t1"));
  expect(allowed()).toEqual(["recall", "start", "no_show", "return", "hold", "transfer", "pause"]);
  glass.tell(record("ticket.service_started", { ticket: "t1", counter: 1 }));
  expect(allowed()).toEqual(["finish", "hold", "transfer", "pause"]);
  glass.tell(record("ticket.finished", { ticket: "t1", counter: 1 }), record("counter.paused", { counter: 1, reason: "meal" }));
  expect(allowed()).toEqual(["resume", "close"]);
});

// -- display ------------------------------------------------------------------------------------------

function announcing(): { shown: () => Announcement | null; spoken: string[] } {
  const spoken: string[] = [];
  const { shown } = scope.run(() => useAnnouncing(glass.hall, (call) => spoken.push(call.number)))!;
  return { shown: () => shown.value, spoken };
}

test("calls of one moment are announced one after the other", async () => {
  const wall = announcing();
  glass.tell(TAKEN("a"), TAKEN("b"), CALLED("a", 1), CALLED("b", 2));
  expect(wall.spoken).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(SHOWN_MS - 1);
  expect(wall.shown()?.number).toBe("a");
  await vi.advanceTimersByTimeAsync(1);
  expect([wall.shown()?.number, wall.shown()?.counter, wall.spoken]).toEqual(["b", 2, ["a", "b"]]);
});

test("a call that waited is left out once nobody has to go there", async () => {
  const wall = announcing();
  const ids = ["a", "b", "c"];
  glass.tell(...ids.map(TAKEN), ...ids.map((id) => CALLED(id)));
  glass.tell(record("ticket.finished", { ticket: "b", number: "b", counter: 1 }));
  await vi.advanceTimersByTimeAsync(SHOWN_MS);
  expect(wall.spoken).toEqual(["a", "c"]);
});

test("a hall that calls faster than the wall can show keeps the latest few", async () => {
  const wall = announcing();
  const ids = Array.from({ length: 12 }, (_, n) => `n${n}`);
  glass.tell(...ids.map(TAKEN), ...ids.map((id) => CALLED(id)));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(wall.spoken).toEqual(ids.slice(-QUEUE_LIMIT));
});

test("a recall is announced again, and a fresh screen shows the newest call without announcing it", async () => {
  glass.tell(TAKEN("a"), CALLED("a"));
  const wall = announcing();
  expect([wall.shown()?.number, wall.spoken]).toEqual(["a", []]);
  glass.tell(record("ticket.recalled", { ticket: "a", number: "a", counter: 1, recalls: 1 }));
  expect(wall.spoken).toEqual(["a"]);
  expect(wall.shown()?.turn).toBe(1);
});
