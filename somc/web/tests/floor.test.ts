import { expect, test } from "vitest";

import type { CounterView, DeviceView, TicketView } from "../src/client";
import { desksOf, filtered, planOf, sorted, vendorsOf } from "../src/pages/monitor/floor";
import type { Desk, SortKey } from "../src/pages/monitor/floor";
import { hallState } from "./world";

const [FIRST] = hallState().counters as [CounterView];
const counter = (number: number, change: Partial<CounterView> = {}): CounterView => ({ ...FIRST, number, ...change });
const ticket = (id: string, change: Partial<TicketView>): TicketView => ({ id, number: id, state: "serving", service: "pay", ...change }) as TicketView;
const numbers = (desks: Desk[]) => desks.map((desk) => desk.counter.number);

const state = hallState({
  counters: [
    counter(1, { state: "open", agent: "zhao", ticket: "t1", served: 4 }),
    counter(2, { state: "open", agent: "li", since: 500, served: 9, skills: { card: 1 } }),
    counter(3, { state: "paused", agent: "wu", since: 100 }),
    counter(4),
  ],
  tickets: [ticket("t1", { counter: 1, started_at: 900, called_at: 800 })],
});

test.each<[SortKey, boolean, number[]]>([
  ["number", true, [4, 3, 2, 1]],
  ["served", true, [2, 1, 3, 4]],
  ["elapsed", false, [1, 2, 3, 4]],
  ["elapsed", true, [3, 2, 1, 4]],
  ["agent", false, [2, 3, 1, 4]],
  ["agent", true, [1, 3, 2, 4]],
  ["status", false, [3, 2, 1, 4]],
])("counters by %s (downwards %s); whoever has none is last both ways", (key, down, order) => {
  expect(numbers(sorted(desksOf(state), key, down))).toEqual(order);
});

test("counters are filtered by state, agent and service at once", () => {
  const desks = desksOf(state);
  expect(numbers(filtered(desks, { status: "paused", agent: "", service: "" }))).toEqual([3]);
  expect(numbers(filtered(desks, { status: "", agent: "LI", service: "" }))).toEqual([2]);
  expect(numbers(filtered(desks, { status: "", agent: "", service: "card" }))).toEqual([2]);
  expect(filtered(desks, { status: "closed", agent: "li", service: "" })).toEqual([]);
});

test("the plan is the settings' own, without empty edges; who has no place stands below", () => {
  const plan = planOf([counter(1, { place: [3, 2] }), counter(2, { place: [5, 2] }), counter(3, { place: [3, 4] }), counter(4)]);
  expect(plan?.columns).toBe(3);
  expect([...(plan?.cells ?? [])]).toEqual([
    [1, { column: 1, row: 1 }],
    [2, { column: 3, row: 1 }],
    [3, { column: 1, row: 3 }],
    [4, { column: 1, row: 4 }],
  ]);
});

test("a hall that draws no plan has none", () => expect(planOf([counter(1), counter(2)])).toBeNull());

test("a vendor's row counts its devices, faults, and the calls and people of its counters", () => {
  const device = (name: string, driver: string, status: string, at: number | null): DeviceView => ({
    name, driver, status, counter: at, device_class: "", detail: "", since: null,
  });
  const rows = vendorsOf({
    ...state,
    services: state.services.map((one) => ({ ...one, waiting: one.id === "pay" ? 5 : 2 })),
    devices: [
      device("k1", "north-caller", "online", 1),
      device("k2", "north-caller", "offline", 1),
      device("k3", "south-caller", "unknown", 2),
    ],
  });
  expect(rows).toEqual([
    { id: "north", devices: 2, well: 1, ill: ["k2"], calls: 5, waiting: 5 },
    { id: "south", devices: 1, well: 0, ill: [], calls: 9, waiting: 2 },
  ]);
});
