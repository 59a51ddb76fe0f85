/** What pages decide without a browser. */
import { afterEach, expect, test, vi } from "vitest";

import { pageName } from "../src/client/browser";
import { minutes, running } from "../src/hall/spans";
import { concerns } from "../src/pages/counter/desk";
import { movesQueue } from "../src/pages/counter/preview";
import { shortcutOf } from "../src/pages/counter/shortcuts";
import { callOf } from "../src/pages/display/announcing";
import { complete, echo, typed } from "../src/pages/kiosk/phone";
import { sinceOf, statusOf } from "../src/pages/monitor/counterStatus";
import { openAlerts } from "../src/pages/monitor/alerts";
import { levelOf, matrix } from "../src/pages/monitor/queue";
import { fold } from "../src/client";
import { beginRecordsAt, hallState, record } from "./world";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("the pad's echo hides the middle digits, each as soon as the next is typed", () => {
  expect(echo("")).toBe("");
  expect(echo("138")).toBe("138");
  expect(echo("1381")).toBe("138 1");
  expect(echo("13812")).toBe("138 •2");
  expect(echo("13812345")).toBe("138 •••• 5");
  expect(echo("13812345678")).toBe("138 •••• 5678");
});

test("the pad takes eleven digits and nothing else", () => {
  expect(typed("1381234567", "8")).toBe("13812345678");
  expect(typed("13812345678", "9")).toBe("13812345678");
  expect(typed("138", "x")).toBe("138");
});

test.each([
  ["13812345678", true],
  ["1381234567", false],
  ["23812345678", false],
  ["12812345678", false],
])("%s is a complete mobile number: %s", (phone, is) => {
  expect(complete(phone)).toBe(is);
});

test("running times read as clocks, waits as minutes", () => {
  expect([running(-3), running(59.9), running(600), running(3_729)]).toEqual(["0:00", "0:59", "10:00", "1:02:09"]);
  expect([minutes(0), minutes(29), minutes(30), minutes(90), minutes(600)]).toEqual([0, 0, 1, 2, 10]);
});

test("a page names itself by its path, so that its own cookie is used", () => {
  expect(["/counter/3", "/kiosk", "/"].map(pageName)).toEqual(["counter", "kiosk", "1"]);
});

const key = (name: string, more = {}) => ({ key: name, repeat: false, ctrlKey: false, altKey: false, metaKey: false, ...more });

test("a letter is its act once, not while held down nor with a modifier", () => {
  expect(shortcutOf(key("n"))).toBe("next");
  expect(shortcutOf(key("N"))).toBe("next");
  expect(shortcutOf(key("n", { repeat: true }))).toBeNull();
  expect(shortcutOf(key("r", { ctrlKey: true }))).toBeNull();
  expect(shortcutOf(key("q"))).toBeNull();
});

test("a record concerns the counter it names, or the ticket that is there", () => {
  expect(concerns(record("counter.paused", { counter: 3 }), 3, null)).toBe(true);
  expect(concerns(record("ticket.held", { ticket: "t1" }), 3, "t1")).toBe(true);
  expect(concerns(record("ticket.held", { ticket: "t2", counter: 2 }), 3, "t1")).toBe(false);
});

test("the preview is asked again when the queue moves, not when a service begins", () => {
  expect(movesQueue([record("ticket.taken", {})])).toBe(true);
  expect(movesQueue([record("ticket.service_started", {}), record("device.status", {})])).toBe(false);
});

test("calls and recalls are announced, nothing else is", () => {
  const data = { ticket: "t", number: "A001", counter: 3 };
  expect(callOf(record("ticket.called", data))).toEqual({ number: "A001", counter: 3 });
  expect(callOf(record("ticket.recalled", data))).toEqual({ number: "A001", counter: 3 });
  expect(callOf(record("ticket.finished", data))).toBeNull();
});

function oneTicket(at: number) {
  beginRecordsAt(10);
  const taken = { ticket: "t1", number: "A001", service: "pay", customer_class: "gotone", target_wait_s: 600, position: 1 };
  return [record("counter.opened", { counter: 1, agent: "li", skills: { pay: 1 } }, 500), record("ticket.taken", taken, at)];
}

test("a cell of the queue tells its longest wait against the promise", () => {
  const state = oneTicket(1_000).reduce(fold, hallState());
  const cell = (now: number) => matrix(state, now)[0]!.cells[0]!;
  expect(cell(61_000)).toMatchObject({ count: 1, longest_s: 60, share: 0.1, level: "good" });
  expect(cell(501_000).level).toBe("near");
  expect(cell(602_000).level).toBe("late");
  expect(levelOf(0, 5)).toBe("none");
});

test("a counter's status follows its ticket, then its own state, and tells since when", () => {
  const called = record("ticket.called", { ticket: "t1", number: "A001", counter: 1, agent: "li", reason: {} }, 2_000);
  const started = record("ticket.service_started", { ticket: "t1", counter: 1 }, 3_000);
  const finished = record("ticket.finished", { ticket: "t1", counter: 1 }, 4_000);
  const seen = [[], [called], [called, started], [called, started, finished]].map((more) => {
    const state = [...oneTicket(1_000), ...more].reduce(fold, hallState());
    const counter = state.counters[0]!;
    const ticket = state.tickets.find((one) => one.id === counter.ticket) ?? null;
    return [statusOf(counter, ticket), sinceOf(counter, ticket)];
  });
  expect(seen).toEqual([["idle", 500], ["calling", 2_000], ["serving", 3_000], ["idle", 4_000]]);
  const closed = hallState().counters[0]!;
  expect(statusOf(closed, null)).toBe("closed");
});

test("a cell of the queue tells what its last in line still has to expect", () => {
  const state = { ...oneTicket(1_000).reduce(fold, hallState()), places: { t1: [1, 240] as [number, number] } };
  expect(matrix(state, 61_000)[0]!.cells[0]!.expected_s).toBe(240);
  expect(matrix({ ...state, places: {} }, 61_000)[0]!.cells[0]!.expected_s).toBeNull();
});

test("broken promises stand first, the latest on top, and the hall's own alerts last", () => {
  const about = (alert: string, kind: string, left_s: number | null, at: number) =>
    record("alert.raised", { alert, kind, number: alert, left_s, value: left_s === null ? 90 : null, limit: null }, at);
  beginRecordsAt(10);
  const state = [
    about("peak", "peak", null, 1_000),
    about("w-late", "warning", 100, 2_000),
    about("w-soon", "warning", 50, 2_000),
    about("b-new", "breach", 0, 60_000),
    about("b-old", "breach", 0, 30_000),
  ].reduce(fold, hallState());
  const rows = openAlerts(state, 62_000);
  expect(rows.map((row) => row.alert.id)).toEqual(["b-old", "b-new", "w-soon", "w-late", "peak"]);
  expect(rows.map((row) => row.left_s)).toEqual([-32, -2, -10, 40, null]);
});

test("a call in the live feed says why", async () => {
  vi.stubGlobal("location", { search: "?lang=en" });
  vi.stubGlobal("document", { documentElement: { lang: "" } });
  const { sentence } = await import("../src/pages/monitor/sentences");
  beginRecordsAt(10);
  const reason = { words: { zh: "等得最久", en: "waited longest" } };
  const line = sentence(record("ticket.called", { ticket: "t1", number: "A001", counter: 3, reason }), hallState());
  expect([line?.words, line?.why]).toEqual(["Counter 3 calls A001", "waited longest"]);
  expect(sentence(record("ticket.recalled", { ticket: "t1", number: "A001", counter: 3, recalls: 1 }), hallState())?.why).toBe("");
});
