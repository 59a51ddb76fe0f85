/** The counters as a floor plan and as rows of a list: pure, so that both can be tested without a page. */
import type { CounterView, HallState, TicketView } from "../../client";
import { sinceOf, statusOf } from "./counterStatus";
import type { CounterStatus } from "./counterStatus";

export interface Desk {
  counter: CounterView;
  ticket: TicketView | null;
  status: CounterStatus;
  /** Since when it is so (Unix ms). */
  since: number;
}

export type SortKey = "number" | "status" | "agent" | "elapsed" | "served";

export interface Filter {
  status: CounterStatus | "";
  agent: string;
  service: string;
}

/** What a manager looks for first: who is called and does not come, then who stands still. */
const ORDER: CounterStatus[] = ["calling", "paused", "idle", "serving", "closed"];

export function desksOf(state: HallState): Desk[] {
  const tickets = new Map(state.tickets.map((ticket) => [ticket.id, ticket]));
  return state.counters.map((counter) => {
    const ticket = counter.ticket === null ? null : (tickets.get(counter.ticket) ?? null);
    return { counter, ticket, status: statusOf(counter, ticket), since: sinceOf(counter, ticket) };
  });
}

export function filtered(desks: Desk[], filter: Filter): Desk[] {
  const agent = filter.agent.trim().toLowerCase();
  return desks.filter(
    (desk) =>
      (filter.status === "" || desk.status === filter.status) &&
      (agent === "" || (desk.counter.agent ?? "").toLowerCase().includes(agent)) &&
      (filter.service === "" || filter.service in desk.counter.skills),
  );
}

/** Equal ones stay in the order of their numbers, whichever way round. */
export function sorted(desks: Desk[], key: SortKey, down: boolean): Desk[] {
  const by: Record<SortKey, (one: Desk, other: Desk) => number> = {
    number: (one, other) => one.counter.number - other.counter.number,
    status: (one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status),
    // Without an agent: last, whichever way round.
    agent: (one, other) => (one.counter.agent ?? "").localeCompare(other.counter.agent ?? "", "zh"),
    elapsed: (one, other) => other.since - one.since,
    served: (one, other) => one.counter.served - other.counter.served,
  };
  const last = (desk: Desk) => (key === "agent" && desk.counter.agent === null) || (key === "elapsed" && desk.status === "closed");
  return [...desks].sort(
    (one, other) =>
      Number(last(one)) - Number(last(other)) ||
      by[key](one, other) * (down ? -1 : 1) ||
      one.counter.number - other.counter.number,
  );
}

export interface Plan {
  columns: number;
  /** Of each counter by number: its cell (from 1). */
  cells: Map<number, { column: number; row: number }>;
}

/** The floor as the hall's settings draw it, empty rows and columns at its edge cut off; null if they draw none. */
export function planOf(counters: CounterView[]): Plan | null {
  const placed = counters.flatMap((counter) => (counter.place ? [{ number: counter.number, column: counter.place[0], row: counter.place[1] }] : []));
  if (placed.length === 0) return null;
  const left = Math.min(...placed.map((one) => one.column));
  const top = Math.min(...placed.map((one) => one.row));
  const cells = new Map(placed.map((one) => [one.number, { column: one.column - left + 1, row: one.row - top + 1 }]));
  const columns = Math.max(...[...cells.values()].map((cell) => cell.column));
  let below = Math.max(...[...cells.values()].map((cell) => cell.row)) + 1;
  let beside = 1;
  for (const counter of counters) {
    if (cells.has(counter.number)) continue;
    cells.set(counter.number, { column: beside, row: below });
    if (++beside > columns) [beside, below] = [1, below + 1];
  }
  return { columns, cells };
}

export interface Vendor {
  id: string;
  devices: number;
  well: number;
  /** Devices that say they are not well. */
  ill: string[];
  /** Calls of today at counters where this vendor's devices stand. */
  calls: number;
  /** Who waits for a service of those counters. */
  waiting: number;
}

const HEALTHY = "online";
const NOBODY_KNOWS = "unknown";

/** By the maker of the queue machines (RT-11): a driver's name begins with the vendor's. */
export function vendorsOf(state: HallState): Vendor[] {
  const found = new Map<string, { vendor: Vendor; counters: Set<number> }>();
  for (const device of state.devices) {
    const id = device.driver.split("-")[0] || "?";
    const entry = found.get(id) ?? { vendor: { id, devices: 0, well: 0, ill: [], calls: 0, waiting: 0 }, counters: new Set<number>() };
    found.set(id, entry);
    entry.vendor.devices += 1;
    if (device.status === HEALTHY) entry.vendor.well += 1;
    else if (device.status !== NOBODY_KNOWS) entry.vendor.ill.push(device.name);
    if (device.counter !== null) entry.counters.add(device.counter);
  }
  for (const { vendor, counters } of found.values()) {
    const here = state.counters.filter((counter) => counters.has(counter.number));
    const services = new Set(here.flatMap((counter) => Object.keys(counter.skills)));
    vendor.calls = here.reduce((sum, counter) => sum + counter.served + (counter.ticket === null ? 0 : 1), 0);
    vendor.waiting = state.services.filter((service) => services.has(service.id)).reduce((sum, service) => sum + service.waiting, 0);
  }
  return [...found.values()].map(({ vendor }) => vendor).sort((one, other) => other.devices - one.devices || one.id.localeCompare(other.id, "en"));
}
