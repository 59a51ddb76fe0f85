/** What components show of a hall, rendered to text without a browser. */
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createSSRApp, h, ref, shallowRef } from "vue";
import type { Component } from "vue";
import { renderToString } from "vue/server-renderer";

import type { AlertView, HallState, TicketView } from "../src/client";
import type { Hall } from "../src/hall/hall";
import type { PolicyAnswer } from "../src/pages/policy/answer";
import { hallState } from "./world";

const NOW = 1_000_000;
const BOTH = (words: string) => ({ zh: words, en: words });

beforeAll(() => {
  vi.stubGlobal("location", { search: "?lang=en" });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
});

afterAll(() => vi.unstubAllGlobals());

async function rendered(load: Promise<{ default: Component }>, props: object, state: HallState, role = "manager"): Promise<string> {
  const { shareHall } = await import("../src/hall/hall");
  const { default: component } = await load;
  const hall: Hall = {
    state: shallowRef<HallState | null>(state),
    status: ref("live"),
    welcome: shallowRef({ role, subject: "lin", org: "o", now: NOW, speed: 1 }),
    now: ref(NOW),
    speed: ref(1),
    command: () => new Promise(() => {}),
    onRecords: () => {},
  };
  const app = createSSRApp({
    setup() {
      shareHall(hall);
      return () => h(component, props);
    },
  });
  return renderToString(app);
}

/** The text of the element with that `data-test`, tags and spaces aside; null if there is none. */
function texts(html: string, test: string): string[] {
  const found: string[] = [];
  for (const begin of html.matchAll(new RegExp(`<(\\w+)[^>]*data-test="${test}"[^>]*>`, "g"))) {
    const tag = begin[1]!;
    let depth = 1;
    const from = begin.index + begin[0].length;
    const tags = new RegExp(`<${tag}[\\s>]|</${tag}>`, "g");
    tags.lastIndex = from;
    for (let next = tags.exec(html); next && depth > 0; next = depth > 0 ? tags.exec(html) : null) {
      depth += next[0].startsWith("</") ? -1 : 1;
      if (depth === 0) found.push(html.slice(from, next.index));
    }
  }
  return found.map((inner) => inner.replace(/<!--.*?-->/g, "").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim());
}

const alert = (change: Partial<AlertView>): AlertView => ({
  id: "breach:t1",
  kind: "breach",
  at: NOW - 90_000,
  ticket: "t1",
  number: "A001",
  service: "pay",
  customer_class: "gotone",
  target_wait_s: 600,
  waited_s: 600,
  left_s: 0,
  value: null,
  limit: null,
  ...change,
});

const ticket = (change: Partial<TicketView>): TicketView => ({
  id: "t1",
  number: "A001",
  service: "pay",
  customer_class: "gotone",
  state: "waiting",
  position: 1,
  estimated_wait_s: 60,
  target_wait_s: 600,
  taken_at: NOW - 60_000,
  queued_at: NOW - 60_000,
  called_at: null,
  started_at: null,
  ended_at: null,
  held_at: null,
  counter: null,
  agent: null,
  recalls: 0,
  waited_s: 60,
  served_s: 0,
  only_counter: 0,
  channel: "kiosk",
  outcome: null,
  ...change,
});

// -- monitor --------------------------------------------------------------------------------------------

const panel = () => import("../src/pages/monitor/AlertsPanel.vue");

test("an alert tells whose promise, of what, and how far over; a warning is covered by its breach", async () => {
  const alerts = [alert({ id: "warning:t1", kind: "warning", left_s: 120, at: NOW - 210_000 }), alert({})];
  const html = await rendered(panel(), {}, hallState({ alerts }));
  expect(texts(html, "monitor-alert")).toEqual([expect.stringMatching(/^Promise broken .* A001 pay GoTone 1:30 over Acknowledge$/)]);
  expect(html).toContain('data-count="1"');
});

test("an alert of the whole hall tells what was measured against its limit", async () => {
  const peak = { ticket: null, number: null, service: null, customer_class: null, left_s: null };
  const alerts = [alert({ ...peak, id: "peak:1", kind: "peak", value: 96, limit: 80 }), alert({ ...peak, id: "long_wait:1", kind: "long_wait", value: 900, limit: 600 })];
  const html = await rendered(panel(), {}, hallState({ alerts }));
  expect(texts(html, "monitor-alert").join("\n")).toContain("96 an hour (limit 80)");
  expect(texts(html, "monitor-alert").join("\n")).toContain("15 min (limit 10)");
});

test("an alert with words of its own says them, and measures nothing", async () => {
  const words = { zh: "两个预约落在营业时间之外", en: "2 appointments outside" };
  const alerts = [alert({ ...alert({}), ticket: null, number: null, service: null, customer_class: null, left_s: null, id: "appointments_outside:1", kind: "appointments_outside", value: 2, words })];
  const html = await rendered(panel(), {}, hallState({ alerts }));
  expect(texts(html, "monitor-alert")).toEqual([expect.stringMatching(/^Appointments outside the hours \S+ 2 appointments outside Acknowledge$/)]);
});

test("only who may acknowledge is offered to, and an acknowledged alert is gone", async () => {
  const state = hallState({ alerts: [alert({})] });
  expect(texts(await rendered(panel(), {}, state, "centre"), "monitor-acknowledge")).toEqual([]);
  expect(texts(await rendered(panel(), {}, state, "floor"), "monitor-acknowledge")).toEqual(["Acknowledge"]);
  const seen = hallState({ alerts: [alert({ acknowledged: "served" })] });
  expect(texts(await rendered(panel(), {}, seen), "monitor-alert")).toEqual([]);
});

test("advice says which counters to open, in numbers and in words", async () => {
  const advice = { open_now: 1, needed: 3, open: [2, 4], close: [], words: BOTH("three would be late") };
  const html = await rendered(import("../src/pages/monitor/AdvicePanel.vue"), {}, hallState({ advice }));
  expect(texts(html, "monitor-advice")).toEqual(["Counters to open 1 open, 3 needed open 2 open 4 three would be late"]);
  expect(await rendered(import("../src/pages/monitor/AdvicePanel.vue"), {}, hallState())).not.toContain("monitor-advice");
});

test("the policy chip names kind, version and distribution", async () => {
  const policy = { kind: "gcmu", max_wait_s: 2100, version: 4, distribution: "fixed_order" };
  const html = await rendered(import("../src/pages/monitor/PolicyChip.vue"), {}, hallState({ policy }));
  expect(texts(html, "monitor-policy")).toEqual(["Policy weighted waits · version 4 · fixed order"]);
});

test("a kind that a plugin brought is named as the hall names it", async () => {
  const policy = { kind: "moon", max_wait_s: 2100, version: 1, names: { kind: BOTH("by the moon") } };
  const html = await rendered(import("../src/pages/monitor/PolicyChip.vue"), {}, hallState({ policy }));
  expect(texts(html, "monitor-policy")).toEqual(["Policy by the moon · version 1"]);
});

test("a counter that is given its customers is marked", async () => {
  const card = import("../src/pages/monitor/CounterCard.vue");
  const counter = { ...hallState().counters[0]!, state: "open" as const, mode: "auto" as const };
  expect(await rendered(card, { counter, ticket: null }, hallState())).toContain('data-mode="auto"');
});

// -- counter --------------------------------------------------------------------------------------------

test("the reason of a call stands with its ticket, whenever the page was opened", async () => {
  const reason = { rule: "score", policy: "gcmu", waited_s: 60, candidates: 2, words: BOTH("waited longest") };
  const called = ticket({ state: "called", counter: 1, called_at: NOW, reason });
  const current = import("../src/pages/counter/CurrentTicket.vue");
  const html = await rendered(current, { ticket: called, counter: hallState().counters[0]! }, hallState());
  expect(texts(html, "counter-reason")).toEqual(["Why this one waited longest"]);
});

test("the preview tells the expected wait, the time left and why", async () => {
  const tickets = [{ ...ticket({}), expected_wait_s: 240, target_left_s: 540, why: BOTH("first of the best line") }];
  const html = await rendered(import("../src/pages/counter/QueuePreview.vue"), { tickets, mayCall: true }, hallState());
  expect(texts(html, "counter-preview")).toEqual(["A001 pay GoTone · about 4 min 1:00 9:00 left first of the best line Call"]);
});

test("of those who wait, the table says how many this counter may serve", async () => {
  const state = hallState({ tickets: [ticket({}), ticket({ id: "t2" })], services: [{ ...hallState().services[0]!, waiting: 2 }] });
  const table = import("../src/pages/counter/WaitingTable.vue");
  const some = await rendered(table, { skills: { pay: 1 }, mine: { pay: { gotone: 1 } } }, state);
  expect(texts(some, "counter-waiting-pay")).toEqual(["pay 1 /2 2"]);
  expect(texts(await rendered(table, { skills: { pay: 1 }, mine: null }, state), "counter-waiting-pay")).toEqual(["pay 2 2"]);
});

// -- policy ---------------------------------------------------------------------------------------------

const ANSWER: PolicyAnswer = {
  version: 2,
  since: 0,
  by: "manager:lin",
  cause: "asked",
  kind: "gcmu",
  max_wait_s: 2100,
  alpha: 1,
  distribution: "longest_idle",
  target_utilisation: 0.9,
  behind: 3,
  kinds: [{ id: "gcmu", name: BOTH("weighted"), about: BOTH("short work first") }],
  kpis: [
    { id: "longest", name: BOTH("Longest"), parameter: "max_wait_s", unit: "s", target: 2100, actual: 1330 },
    { id: "share", name: BOTH("In time"), parameter: "classes.gotone.weight", unit: "share", target: 0.9, actual: null },
  ],
  classes: { gotone: { target_wait_s: 600, weight: 2, max_wait_s: null } },
  services: { pay: { target_wait_s: { gotone: 480 }, weight: {}, max_wait_s: {} }, card: {} },
};
const FREE = { answer: ANSWER, draft: {}, may: true, objection: () => null };
const input = (html: string, path: string) => new RegExp(`data-test="policy-field-${path.replaceAll(".", "\\.")}".*?(<input[^>]*>)`, "s").exec(html)?.[1] ?? "";

test("each indicator stands beside its target with the one parameter that moves it", async () => {
  const html = await rendered(import("../src/pages/policy/KpiTable.vue"), FREE, hallState());
  expect(texts(html, "policy-kpi-longest")[0]).toContain("Longest 22:10 35:00 Longest wait max_wait_s");
  expect(texts(html, "policy-kpi-share")[0]).toContain("In time – 90.0% GoTone · Weight classes.gotone.weight");
  expect([input(html, "max_wait_s"), input(html, "classes.gotone.weight")]).toEqual([expect.stringContaining('value="35"'), expect.stringContaining('value="2"')]);
});

test("a cell of the grid has its own value, or shows the one it inherits", async () => {
  const html = await rendered(import("../src/pages/policy/PromiseGrid.vue"), FREE, hallState());
  expect(input(html, "services.pay.target_wait_s.gotone")).toContain('value="8"');
  expect(input(html, "services.card.target_wait_s.gotone")).toMatch(/value=""[^>]*placeholder="10"|placeholder="10"[^>]*value=""/);
  expect(input(html, "services.card.max_wait_s.gotone")).toContain('placeholder="35"');
});

test("a refused field says why to eyes and ears, and who only reads cannot type", async () => {
  const refused = { ...FREE, objection: (path: string) => (path === "max_wait_s" ? "somebody would starve" : null) };
  const rules = import("../src/pages/policy/RulesForm.vue");
  const html = await rendered(rules, refused, hallState());
  const described = /aria-describedby="([^"]+)"/.exec(input(html, "max_wait_s"))?.[1];
  expect(input(html, "max_wait_s")).toContain('aria-invalid="true"');
  expect(html).toContain(`id="${described}"`);
  expect(texts(html, "policy-objection")).toEqual(["somebody would starve"]);
  expect(input(await rendered(rules, { ...FREE, may: false }, hallState()), "max_wait_s")).toContain("disabled");
});

test("the preview lists old beside new", async () => {
  const changes = [{ path: "max_wait_s", before: 2100, after: 1800 }];
  const html = await rendered(import("../src/pages/policy/ChangePreview.vue"), { changes, answer: ANSWER, busy: false, trouble: "" }, hallState());
  expect(texts(html, "policy-change")).toEqual(["Longest wait 35 min → 30 min"]);
});

test("a version offers the way back, the one in force does not", async () => {
  const history = [2, 1].map((version) => ({ version, at: 0, by: "manager:lin", cause: "asked", back_to: null, changes: { "class.gotone.weight_milli": 2500 } }));
  const html = await rendered(import("../src/pages/policy/HistoryList.vue"), { history, current: 2, may: true, busy: false }, hallState());
  expect([texts(html, "policy-rollback-2"), texts(html, "policy-rollback-1")]).toEqual([[], ["Roll back to this"]]);
  expect(texts(html, "policy-version-1")[0]).toContain("GoTone · Weight: 2.5");
});

// -- promise --------------------------------------------------------------------------------------------

const share = { called: 40, kept: 30, within: 35, not_called: 10, left_early: 2, kept_share: 0.6, within_share: 0.7, mean_wait_s: 300 };
const REPORT = {
  from: 0,
  to: 1,
  within_s: 600,
  all: share,
  by: [
    { ...share, service: "pay", customer_class: "gotone" },
    { ...share, called: 0, not_called: 0, kept_share: null, service: "card", customer_class: "gotone" },
  ],
  late: [{ ticket: "t1", number: "A001", day: "2026-11-22", service: "pay", customer_class: "gotone", counter: 2, taken_at: 0, called_at: 700_000, waited_s: 700, target_wait_s: 600, outcome: "called" }],
  late_count: 10,
  next: "c1",
};

test("shares stand by service and class, and only where somebody was called", async () => {
  const html = await rendered(import("../src/pages/promise/ShareTable.vue"), { report: REPORT }, hallState());
  expect(texts(html, "promise-all")).toEqual(["All 40 10 60.0% 70.0% 5:00"]);
  expect(texts(html, "promise-row-pay-gotone")).toEqual(["pay GoTone 40 10 60.0% 70.0% 5:00"]);
  expect(texts(html, "promise-row-card-gotone")).toEqual([]);
});

test("who was late is listed with by how much, and the list goes on", async () => {
  const html = await rendered(import("../src/pages/promise/LateList.vue"), { report: REPORT, busy: false }, hallState());
  expect(texts(html, "promise-late")).toEqual(["2026-11-22 A001 pay GoTone 08:00 08:11 11:40 10:00 1:40 2"]);
  expect(texts(html, "promise-more")).toEqual(["Show more"]);
  const last = { ...REPORT, next: null, late: [{ ...REPORT.late[0], called_at: null, counter: null, outcome: "cancelled" }] };
  expect(texts(await rendered(import("../src/pages/promise/LateList.vue"), { report: last, busy: false }, hallState()), "promise-more")).toEqual([]);
  expect(texts(await rendered(import("../src/pages/promise/LateList.vue"), { report: last, busy: false }, hallState()), "promise-late")[0]).toContain("cancelled 11:40");
});
