/**
 * Facts about tickets (排队号), from taken to ended. Only live tickets are kept: one that ended is dropped.
 *
 * Counts move by differences, so that a page that may not see every ticket still counts what it is told, and
 * `figures` sets them right about once a second.
 */
import { withCounter } from "./foldCounter";
import { number, text } from "./reading";
import { RECENT_CALLS } from "./state";
import type { HallState, Reason, RecentCall, TicketState, TicketView, TodayFigures } from "./state";

type Data = Record<string, unknown>;
type Ending = "finished" | "no_show" | "cancelled" | "expired";

export function foldTicket(state: HallState, type: string, data: Data, at: number): HallState {
  const id = text(data.ticket);
  if (id === null) return state;
  if (type === "ticket.taken") return taken(state, id, data, at);
  const ticket = state.tickets.find((one) => one.id === id);
  if (type === "ticket.called") return called(state, id, ticket, data, at);
  if (ticket === undefined) return state;
  switch (type) {
    case "ticket.recalled":
      return withTicket(state, ticket, { recalls: number(data.recalls) ?? ticket.recalls + 1 });
    case "ticket.service_started":
      return withTicket(state, ticket, { state: "serving", started_at: at });
    case "ticket.finished":
      return ended(
        withCounter(state, ticket.counter, (counter) => ({ served: counter.served + 1 })),
        ticket,
        "finished",
        at,
      );
    case "ticket.no_show":
      return ended(state, ticket, "no_show", at);
    case "ticket.cancelled":
      return ended(state, ticket, "cancelled", at);
    case "ticket.expired":
      return ended(state, ticket, "expired", at);
    case "ticket.held":
      return withTicket(freed(state, ticket, at), ticket, { state: "held", held_at: at, reason: null, ...sums(ticket, at) });
    case "ticket.resumed":
      return withTicket({ ...state, recent_calls: uncalled(state, id) }, ticket, { ...WAITS_AGAIN, queued_at: at });
    case "ticket.transferred":
      return withTicket({ ...freed(state, ticket, at), recent_calls: uncalled(state, id) }, ticket, {
        ...WAITS_AGAIN,
        service: text(data.to_service) ?? ticket.service,
        only_counter: number(data.to_counter) ?? 0,
        target_wait_s: number(data.target_wait_s) ?? ticket.target_wait_s,
        queued_at: ticket.state === "waiting" ? ticket.queued_at : at,
        served_s: sums(ticket, at).served_s,
      });
    case "ticket.returned":
      return withTicket({ ...freed(state, ticket, at), recent_calls: uncalled(state, id) }, ticket, {
        ...WAITS_AGAIN,
        queued_at: at,
      });
    default:
      return state;
  }
}

const WAITS_AGAIN = {
  state: "waiting" as TicketState,
  held_at: null,
  called_at: null,
  started_at: null,
  counter: null,
  agent: null,
  reason: null,
};

function taken(state: HallState, id: string, data: Data, at: number): HallState {
  if (state.tickets.some((one) => one.id === id)) return state;
  const customerClass = text(data.customer_class) ?? "";
  const ticket: TicketView = {
    id,
    number: text(data.number) ?? "",
    service: text(data.service) ?? "",
    customer_class: customerClass,
    state: "waiting",
    position: number(data.position) ?? 0,
    estimated_wait_s: number(data.estimated_wait_s),
    target_wait_s: number(data.target_wait_s) ?? 0,
    taken_at: at,
    queued_at: at,
    called_at: null,
    started_at: null,
    ended_at: null,
    held_at: null,
    counter: null,
    agent: null,
    recalls: 0,
    waited_s: 0,
    served_s: 0,
    only_counter: 0,
    channel: text(data.channel) ?? "",
    outcome: null,
    reason: null,
    booked_at: number(data.booked_at),
    booked: data.booked === true,
  };
  const before = state.today.by_class[customerClass];
  const byClass = before
    ? { ...state.today.by_class, [customerClass]: { ...before, taken: before.taken + 1 } }
    : state.today.by_class;
  const next: HallState = {
    ...state,
    day: text(data.day) ?? state.day,
    tickets: [...state.tickets, ticket],
    today: { ...state.today, taken: state.today.taken + 1, by_class: byClass },
  };
  return counted(next, null, ticket);
}

function called(state: HallState, id: string, ticket: TicketView | undefined, data: Data, at: number): HallState {
  const counter = number(data.counter);
  if (counter === null) return state;
  const call = {
    ticket: id,
    number: text(data.number) ?? ticket?.number ?? "",
    counter,
    at,
    service: text(data.service) ?? ticket?.service ?? "",
  };
  const next: HallState = {
    ...withCounter(state, counter, () => ({ ticket: id })),
    recent_calls: [call, ...uncalled(state, id)].slice(0, RECENT_CALLS),
  };
  if (ticket === undefined) return next;
  const reason = reasonOf(data.reason);
  const waited_s = number(reason?.waited_s) ?? sums(ticket, at).waited_s;
  const agent = text(data.agent);
  return withTicket(next, ticket, {
    state: "called",
    counter,
    agent,
    called_at: at,
    recalls: 0,
    held_at: null,
    waited_s,
    reason,
  });
}

/** The reason of a call; null where this page is not told. */
function reasonOf(value: unknown): Reason | null {
  const reason = value as Partial<Reason> | null | undefined;
  return typeof reason?.words === "object" && reason.words !== null ? (reason as Reason) : null;
}

/** The recent calls without this ticket's: each ticket stands there once, and not while it waits again. */
function uncalled(state: HallState, id: string): RecentCall[] {
  return state.recent_calls.filter((call) => call.ticket !== id);
}

function ended(state: HallState, ticket: TicketView, how: Ending, at: number): HallState {
  const next: HallState = {
    ...freed(state, ticket, at),
    tickets: state.tickets.filter((one) => one.id !== ticket.id),
    today: { ...state.today, [how]: state.today[how] + 1 },
  };
  return counted(next, ticket, null);
}

/** Wait and service so far, the running one included. */
function sums(ticket: TicketView, at: number): { waited_s: number; served_s: number } {
  const wait_s = ticket.state === "waiting" ? Math.floor((at - ticket.queued_at) / 1000) : 0;
  const service_s =
    ticket.state === "serving" && ticket.started_at !== null ? Math.floor((at - ticket.started_at) / 1000) : 0;
  return { waited_s: Math.max(ticket.waited_s, wait_s), served_s: ticket.served_s + service_s };
}

/** The ticket's counter has nobody now. */
function freed(state: HallState, ticket: TicketView, at: number): HallState {
  return withCounter(state, ticket.counter, (counter) => 
    counter.ticket === ticket.id ? { ticket: null, free_since: at } : {},
  );
}

function withTicket(state: HallState, ticket: TicketView, change: Partial<TicketView>): HallState {
  const changed = { ...ticket, ...change };
  const tickets = state.tickets.map((one) => (one.id === ticket.id ? changed : one));
  return counted({ ...state, tickets }, ticket, changed);
}

/** Where a ticket of that state is counted in today's figures. */
const PLACE: Record<TicketState, "waiting" | "held" | "at_counters"> = {
  waiting: "waiting",
  held: "held",
  called: "at_counters",
  serving: "at_counters",
};

/** The counts after a ticket went from `before` to `after` (null: it was not, or is no longer, here). */
function counted(state: HallState, before: TicketView | null, after: TicketView | null): HallState {
  const today: TodayFigures = { ...state.today, by_class: { ...state.today.by_class } };
  const lines = new Map<string, number>();
  for (const [ticket, step] of [
    [before, -1],
    [after, 1],
  ] as const) {
    if (ticket === null) continue;
    const place = PLACE[ticket.state];
    today[place] = Math.max(0, today[place] + step);
    if (ticket.state !== "waiting") continue;
    lines.set(ticket.service, (lines.get(ticket.service) ?? 0) + step);
    const figures = today.by_class[ticket.customer_class];
    if (figures) {
      today.by_class[ticket.customer_class] = { ...figures, waiting: Math.max(0, figures.waiting + step) };
    }
  }
  const services = state.services.map((service) => {
    const step = lines.get(service.id) ?? 0;
    return step === 0 ? service : { ...service, waiting: Math.max(0, service.waiting + step) };
  });
  return { ...state, today, services };
}
