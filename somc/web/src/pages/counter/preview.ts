/**
 * Who this counter would get next. The hall computes it; it is asked again when a record says that the queue or the
 * counter changed, at most once in a while, and never on a timer of its own.
 */
import { onScopeDispose, shallowRef, watch } from "vue";

import type { HallRecord, TicketView, Words } from "../../client";
import type { Hall } from "../../hall/hall";

/** A busy hall's records come in bursts: one question for all of them (ms). */
const GATHER_MS = 700;

const MOVES_QUEUE =
  /^(ticket\.(taken|called|cancelled|held|resumed|returned|transferred|expired)|counter\.|config\.|policy\.|day\.)/;

/** A ticket that would come here, with what is expected of it and why it stands there. */
export interface NextTicket extends TicketView {
  expected_wait_s?: number | null;
  /** Time left to the promise when this was asked; below zero it is broken. */
  target_left_s?: number | null;
  why?: Words | null;
}

export interface Preview {
  tickets: NextTicket[];
  /** Who waits whom this counter may serve: service → class → how many. */
  waiting?: Record<string, Record<string, number>>;
}

export function movesQueue(records: HallRecord[]): boolean {
  return records.some((record) => MOVES_QUEUE.test(record.type));
}

export function usePreview(hall: Hall, counter: number) {
  const next = shallowRef<Preview | null>(null);
  let timer = 0;
  let asking = false;
  let again = false;

  async function ask(): Promise<void> {
    if (asking) {
      again = true;
      return;
    }
    asking = true;
    try {
      next.value = await hall.command<Preview>("queue.preview", { counter }, 10);
    } catch {
      next.value = null; // no right to see it, or the hall is away: the waiting table stands anyway
    } finally {
      asking = false;
      if (again) {
        again = false;
        soon();
      }
    }
  }

  function soon(): void {
    if (timer !== 0) return;
    timer = window.setTimeout(() => {
      timer = 0;
      void ask();
    }, GATHER_MS);
  }

  hall.onRecords((records) => {
    if (movesQueue(records)) soon();
  });
  watch(hall.status, (status) => status === "live" && void ask(), { immediate: true });
  onScopeDispose(() => window.clearTimeout(timer));
  return next;
}
