/** What a counter looks like from across the room: its state, and what it does when open. */
import type { CounterView, TicketView } from "../../client";

export type CounterStatus = "closed" | "paused" | "idle" | "calling" | "serving";

export function statusOf(counter: CounterView, ticket: TicketView | null): CounterStatus {
  if (ticket?.state === "serving") return "serving";
  if (ticket?.state === "called") return "calling";
  return counter.state === "open" ? "idle" : counter.state;
}

/** Since when it is so (Unix ms): the ticket's own instant while somebody is here. */
export function sinceOf(counter: CounterView, ticket: TicketView | null): number {
  if (ticket?.state === "serving") return ticket.started_at ?? counter.since;
  if (ticket?.state === "called") return ticket.called_at ?? counter.since;
  return Math.max(counter.since, counter.state === "open" ? (counter.free_since ?? 0) : 0);
}
