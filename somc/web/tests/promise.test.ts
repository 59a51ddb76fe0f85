/** The report's periods in the hall's own days, and its list page by page. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { effectScope, ref, shallowRef } from "vue";
import type { EffectScope } from "vue";

import { Refused } from "../src/client";
import type { HallState } from "../src/client";
import { beginOf, dateOf, mondayOf, plusDays } from "../src/hall/days";
import type { Hall } from "../src/hall/hall";
import type { Choice } from "../src/pages/promise/report";
import { hallState } from "./world";

const SHANGHAI = "Asia/Shanghai";
/** Thursday 2026-11-26, 01:30 in Shanghai, still Wednesday in London. */
const NOW = Date.parse("2026-11-25T17:30:00Z");
const NOBODY = { called: 0, kept: 0, within: 0, not_called: 0, left_early: 0, kept_share: null, within_share: null, mean_wait_s: null };

let report: typeof import("../src/pages/promise/report");
let scope: EffectScope;
let asked: { args: Record<string, unknown>; answer(result: unknown): void; fail(error: Error): void }[];
let hall: Hall;

beforeAll(async () => {
  vi.stubGlobal("location", { search: "?lang=en" });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
  report = await import("../src/pages/promise/report");
});

afterAll(() => vi.unstubAllGlobals());

beforeEach(() => {
  scope = effectScope();
  asked = [];
  hall = {
    state: shallowRef<HallState | null>(hallState()),
    status: ref("live"),
    welcome: shallowRef(null),
    now: ref(NOW),
    speed: ref(1),
    command: <Result>(name: string, args: Record<string, unknown>) =>
      new Promise<Result>((answer, fail) => {
        expect(name).toBe("reports.promise");
        asked.push({ args, answer: answer as (result: unknown) => void, fail });
      }),
    onRecords: () => {},
  };
});

afterEach(() => scope.stop());

const settle = async () => {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
};
const choice = (change: Partial<Choice>): Choice => ({ span: "today", first: "", last: "", service: "", customer_class: "", ...change });
const answerOf = (numbers: string[], next: string | null) => ({
  from: 0,
  to: 1,
  within_s: 600,
  all: NOBODY,
  by: [],
  late: numbers.map((number) => ({ ticket: number, number })),
  late_count: 3,
  next,
});

test("days are those of the hall's calendar, weeks begin on Monday", () => {
  expect(dateOf(NOW, SHANGHAI)).toBe("2026-11-26");
  expect([mondayOf("2026-11-26"), mondayOf("2026-11-23"), mondayOf("2026-11-29")]).toEqual(["2026-11-23", "2026-11-23", "2026-11-23"]);
  expect(plusDays("2026-12-31", 1)).toBe("2027-01-01");
  expect(new Date(beginOf("2026-11-26", SHANGHAI)).toISOString()).toBe("2026-11-25T16:00:00.000Z");
});

test("a day on which the clocks change begins at its own midnight", () => {
  const hours = (date: string) => (beginOf(plusDays(date, 1), "Europe/Berlin") - beginOf(date, "Europe/Berlin")) / 3_600_000;
  expect([hours("2026-03-29"), hours("2026-10-25"), hours("2026-11-26")]).toEqual([23, 25, 24]);
});

test("a period goes from one midnight of the hall to another", () => {
  const iso = (period: { from: number; to: number } | null) =>
    period && [new Date(period.from).toISOString(), new Date(period.to).toISOString()];
  const { periodOf } = report;
  expect(iso(periodOf(choice({}), NOW, SHANGHAI))).toEqual(["2026-11-25T16:00:00.000Z", "2026-11-26T16:00:00.000Z"]);
  expect(iso(periodOf(choice({ span: "week" }), NOW, SHANGHAI))).toEqual(["2026-11-22T16:00:00.000Z", "2026-11-26T16:00:00.000Z"]);
  const days = choice({ span: "days", first: "2026-11-01", last: "2026-11-02" });
  expect(iso(periodOf(days, NOW, SHANGHAI))).toEqual(["2026-10-31T16:00:00.000Z", "2026-11-02T16:00:00.000Z"]);
});

test.each([
  ["2026-11-03", "2026-11-02"],
  ["", "2026-11-02"],
  ["2026-11-03", ""],
])("from %s to %s is no period, and nothing is asked", (first, last) => {
  const made = scope.run(() => report.useReport(hall))!;
  expect(report.periodOf(choice({ span: "days", first, last }), NOW, SHANGHAI)).toBeNull();
  made.choose({ span: "days", first: first || "x", last });
  expect(asked).toEqual([]);
  expect(made.trouble.value).not.toBe("");
});

test("the list goes on where the page before ended", async () => {
  const made = scope.run(() => report.useReport(hall))!;
  void made.ask();
  expect(asked[0]!.args).toEqual({ from: "2026-11-25T16:00:00.000Z", to: "2026-11-26T16:00:00.000Z", limit: report.PAGE });
  asked[0]!.answer(answerOf(["A1", "A2"], "c1"));
  await settle();
  made.more();
  expect(asked[1]!.args.after).toBe("c1");
  asked[1]!.answer(answerOf(["A3"], null));
  await settle();
  expect(made.report.value?.late.map((ticket) => ticket.number)).toEqual(["A1", "A2", "A3"]);
  made.more();
  expect(asked).toHaveLength(2);
});

test("the answer to a choice that was changed meanwhile is dropped", async () => {
  const made = scope.run(() => report.useReport(hall))!;
  void made.ask();
  made.choose({ service: "pay" });
  expect(asked[1]!.args.service).toBe("pay");
  asked[1]!.answer(answerOf(["B1"], null));
  await settle();
  asked[0]!.answer(answerOf(["A1"], null));
  await settle();
  expect([made.report.value?.late.map((ticket) => ticket.number), made.busy.value]).toEqual([["B1"], false]);
});

test("a refusal is told in the hall's words", async () => {
  const made = scope.run(() => report.useReport(hall))!;
  void made.ask();
  asked[0]!.fail(new Refused({ words: { zh: "太长", en: "too long a period" } }));
  await settle();
  expect([made.trouble.value, made.busy.value]).toEqual(["too long a period", false]);
});
