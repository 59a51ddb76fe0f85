import { effectScope, ref, shallowRef } from "vue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { HallRecord, TicketView } from "../src/client";
import { offersOf, useCard } from "../src/pages/counter/card";
import type { Card } from "../src/pages/counter/card";
import { ASK_MS, useRating } from "../src/pages/second/rating";
import { record } from "./world";

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", { setTimeout, clearTimeout });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function screen(role: string) {
  let tell: (records: HallRecord[]) => void = () => {};
  const command = vi.fn(() => Promise.resolve(null));
  const hall = {
    command: command as never,
    onRecords: (listener: (records: HallRecord[]) => void) => (tell = listener),
    welcome: shallowRef({ role, subject: "s", org: "o", now: 0, speed: 1 }),
  };
  const rating = effectScope().run(() => useRating(hall, 3))!;
  return { rating, command, tell: (...records: HallRecord[]) => tell(records) };
}

test("whoever was finished here is asked once, for a while", () => {
  const { rating, tell } = screen("kiosk");
  tell(record("ticket.finished", { counter: 4, ticket: "t9" }));
  expect(rating.asked.value).toBe(false);
  tell(record("ticket.finished", { counter: 3, ticket: "t1" }));
  expect(rating.asked.value).toBe(true);
  vi.advanceTimersByTime(ASK_MS);
  expect(rating.asked.value).toBe(false);
});

test("a press is a rating of that ticket, thanked for, and sent once", async () => {
  const { rating, command, tell } = screen("kiosk");
  tell(record("ticket.finished", { counter: 3, ticket: "t1" }));
  await Promise.all([rating.rate(4), rating.rate(1)]);
  expect(command.mock.calls).toEqual([["tickets.rate", { ticket: "t1", score: 4, scale: 5, source: "second_screen" }]]);
  expect(rating.thanks.value).toBe(true);
});

test("the next call takes the question away, and so does a keypad's rating", () => {
  const { rating, tell } = screen("kiosk");
  tell(record("ticket.finished", { counter: 3, ticket: "t1" }), record("ticket.called", { counter: 3, ticket: "t2" }));
  expect(rating.asked.value).toBe(false);
  tell(record("ticket.finished", { counter: 3, ticket: "t2" }), record("ticket.rated", { counter: 3, ticket: "t2" }));
  expect(rating.asked.value).toBe(false);
});

test("a screen in the agent's session asks nothing", () => {
  const { rating, tell } = screen("agent");
  tell(record("ticket.finished", { counter: 3, ticket: "t1" }));
  expect(rating.asked.value).toBe(false);
});

const words = (text: string) => ({ zh: text, en: text });
const CARD: Card = {
  sections: [],
  prompts: [{ id: "p", words: words("p"), kind: "offer", offer: { id: "o1", title: words("o"), text: words("o") } }],
  offers: [{ id: "o1", title: words("o"), text: words("o") }],
  late: [],
};

test("a card that comes after its customer has left is never shown to the next", async () => {
  const answers = new Map<string, (card: Card) => void>();
  const read = (id: string) => new Promise<Card>((resolve) => answers.set(id, resolve));
  const ticket = ref<TicketView | null>({ id: "t1" } as TicketView);
  const { card } = effectScope().run(() => useCard({ command: (() => {}) as never }, ticket, 3, read))!;
  ticket.value = { id: "t2" } as TicketView;
  await vi.advanceTimersByTimeAsync(0);
  answers.get("t1")!(CARD);
  await vi.advanceTimersByTimeAsync(0);
  expect(card.value.prompts).toEqual([]);
  answers.get("t2")!(CARD);
  await vi.advanceTimersByTimeAsync(0);
  expect(offersOf(card.value).map((offer) => offer.id)).toEqual(["o1"]);
});

test("an outcome is sent with its ticket and kept; a refusal leaves the offer as it was", async () => {
  const command = vi.fn().mockRejectedValueOnce(new Error("no")).mockResolvedValueOnce({});
  const ticket = ref<TicketView | null>({ id: "t1" } as TicketView);
  const { record: note, outcomes } = effectScope().run(() => useCard({ command: command as never }, ticket, 3, async () => CARD))!;
  expect(await note("o1", "accepted")).toBe(false);
  expect(outcomes.value).toEqual({});
  expect(await note("o1", "later")).toBe(true);
  expect(outcomes.value).toEqual({ o1: "later" });
  expect(command.mock.lastCall?.slice(0, 2)).toEqual(["tickets.offer", { ticket: "t1", offer: "o1", outcome: "later", counter: 3 }]);
});
