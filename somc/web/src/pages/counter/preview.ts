/**
 * Who this counter would get next. The hall computes it; it is asked again when a record says that the queue or the
 * counter changed, at most once in a while, and never on a timer of its own.
 */
import { onScopeDispose, shallowRef, watch } from "vue";

import type { HallRecord, TicketView } from "../../client";
import type { Hall } from "../../hall/hall";

/** A busy hall's records come in bursts: one question for all of them (ms). */
const GATHER_MS = 700;

const MOVES_QUEUE = /^(ticket\.(taken|called|cancelled|held|resumed|transferred|expired)|counter\.|config\.|day\.)/;

export function movesQueue(records: HallRecord[]): boolean {
  return records.some((record) => MOVES_QUEUE.test(record.type));
}

export function usePreview(hall: Hall, counter: number) {
  const next = shallowRef<TicketView[] | null>(null);
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
      next.value = (await hall.command<{ tickets: TicketView[] }>("queue.preview", { counter }, 10)).tickets;
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
