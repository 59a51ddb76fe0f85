/**
 * The report on the promise (服务标准达成率) of one period, as the hall computes it: asked for when the period or a
 * filter changes, and further pages of the list when somebody wants to see more. It never polls: a report is of the
 * moment in which it was asked for, and says so.
 */
import { computed, reactive, ref, shallowRef } from "vue";

import { GivenUp, Refused } from "../../client";
import { beginOf, dateOf, mondayOf, plusDays } from "../../hall/days";
import type { Hall } from "../../hall/hall";
import { pick, t } from "../../words/language";

/** Tickets on one page of the list. */
export const PAGE = 50;
/** A long period is read from the store: longer than for a command (s). */
const PATIENCE_S = 60;

export type Span = "today" | "week" | "days";

/** How many were called, how many of those in time, and who was not called though the promise was over. */
export interface Share {
  called: number;
  /** Within what was promised to them. */
  kept: number;
  /** Within `within_s`. */
  within: number;
  not_called: number;
  /** Who left before the promise was over: counted for neither side. */
  left_early: number;
  /** Of the called and those not called in time together; null if there is nobody. */
  kept_share: number | null;
  within_share: number | null;
  mean_wait_s: number | null;
}

export interface LateTicket {
  ticket: string;
  number: string;
  day: string;
  service: string;
  customer_class: string;
  counter: number | null;
  taken_at: number;
  /** Null if it was not called: it gave up, expired with the day, or waits still. */
  called_at: number | null;
  waited_s: number;
  target_wait_s: number;
  outcome: "called" | "cancelled" | "expired" | "waiting";
}

export interface PromiseReport {
  from: number;
  to: number;
  within_s: number;
  all: Share;
  by: (Share & { service: string; customer_class: string })[];
  late: LateTicket[];
  late_count: number;
  /** What to ask for to go on; null on the last page. */
  next: string | null;
}

export interface Choice {
  span: Span;
  /** Dates of the hall's calendar, both inclusive; read where the span is `days`. */
  first: string;
  last: string;
  service: string;
  customer_class: string;
}

/** From when (inclusive) to when (exclusive) the chosen period goes, Unix ms; null for dates in no order. */
export function periodOf(choice: Choice, now: number, zone: string): { from: number; to: number } | null {
  const today = dateOf(now, zone);
  const [first, last] =
    choice.span === "days" ? [choice.first, choice.last] : [choice.span === "today" ? today : mondayOf(today), today];
  const from = beginOf(first, zone);
  const to = beginOf(plusDaysOrNothing(last), zone);
  return from < to ? { from, to } : null;
}

function plusDaysOrNothing(date: string): string {
  return Number.isNaN(Date.parse(`${date}T00:00:00Z`)) ? "" : plusDays(date, 1);
}

export function useReport(hall: Hall) {
  const choice = reactive<Choice>({ span: "today", first: "", last: "", service: "", customer_class: "" });
  const report = shallowRef<PromiseReport | null>(null);
  const askedAt = ref(0);
  const busy = ref(false);
  const trouble = ref("");
  let question = 0;

  const zone = computed(() => hall.state.value?.timezone ?? "UTC");

  /** Ask for the period from its beginning, or, with `after`, for the list's next page. */
  async function ask(after: string | null = null): Promise<void> {
    const period = periodOf(choice, hall.now.value, zone.value);
    if (period === null) {
      trouble.value = t("promise.bad_period");
      return;
    }
    const mine = ++question;
    busy.value = true;
    trouble.value = "";
    const args = {
      from: new Date(period.from).toISOString(),
      to: new Date(period.to).toISOString(),
      limit: PAGE,
      ...(choice.service ? { service: choice.service } : {}),
      ...(choice.customer_class ? { customer_class: choice.customer_class } : {}),
      ...(after === null ? {} : { after }),
    };
    try {
      const answer = await hall.command<PromiseReport>("reports.promise", args, PATIENCE_S);
      if (mine !== question) return; // the choice was changed meanwhile: this answers nobody's question
      const before = after === null ? [] : (report.value?.late ?? []);
      report.value = { ...answer, late: [...before, ...answer.late] };
      askedAt.value = hall.now.value;
    } catch (error) {
      if (mine !== question) return;
      if (error instanceof Refused) trouble.value = pick(error.problem.words) || (error.problem.detail ?? "");
      else if (error instanceof GivenUp) trouble.value = t("counter.no_answer");
      else throw error;
    } finally {
      if (mine === question) busy.value = false;
    }
  }

  function more(): void {
    const next = report.value?.next ?? null;
    if (next !== null && !busy.value) void ask(next);
  }

  /** Take over a period or filter, and ask. Dates begin with the present week's when they are first wanted. */
  function choose(change: Partial<Choice>): void {
    Object.assign(choice, change);
    if (choice.span === "days" && !choice.first) {
      const today = dateOf(hall.now.value, zone.value);
      Object.assign(choice, { first: mondayOf(today), last: today });
    }
    void ask();
  }

  return { choice, report, askedAt, busy, trouble, ask, more, choose };
}
