/** The queue as a table: service × class, each cell with its longest wait against its own promise. */
import type { HallState, ServiceView, TicketView } from "../../client";

/** From this share of the promise on a wait is near its end. */
const NEAR = 0.75;

export interface QueueCell {
  kind: string;
  count: number;
  longest_s: number;
  /** What its last in line still has to expect; null where nobody waits or the hall does not say. */
  expected_s: number | null;
  /** The worst wait as a share of what its ticket was promised; above 1 the promise is broken. */
  share: number;
  level: "none" | "good" | "near" | "late";
}

export function levelOf(count: number, share: number): QueueCell["level"] {
  if (count === 0) return "none";
  if (share > 1) return "late";
  return share >= NEAR ? "near" : "good";
}

function expectedOf(tickets: TicketView[], state: HallState): number | null {
  const known = tickets.map((ticket) => state.places?.[ticket.id]?.[1] ?? null).filter((wait) => wait !== null);
  return known.length === 0 ? null : Math.max(...known);
}

export function matrix(state: HallState, now: number): { service: ServiceView; cells: QueueCell[] }[] {
  const waiting = state.tickets.filter((ticket) => ticket.state === "waiting");
  return (state?.services ?? []).map((service) => ({
    service,
    cells: (state?.classes ?? []).map((kind) => {
      const here = waiting.filter((one) => one.service === service.id && one.customer_class === kind.id);
      const waits = here.map((one) => ({ s: (now - one.queued_at) / 1000, promise_s: one.target_wait_s }));
      const share = Math.max(0, ...waits.map((wait) => (wait.promise_s > 0 ? wait.s / wait.promise_s : 0)));
      return {
        kind: kind.id,
        count: here.length,
        longest_s: Math.max(0, ...waits.map((wait) => wait.s)),
        expected_s: expectedOf(here, state),
        share,
        level: levelOf(here.length, share),
      };
    }),
  }));
}
