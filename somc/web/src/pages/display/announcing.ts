/**
 * What is announced on the wall and by the voice, one call after the other: a call is shown for a while before the
 * next takes its place, and calls never talk over each other. A hall that calls faster than a screen can show keeps
 * only the latest few: every call stands in the list anyway.
 */
import { computed, onScopeDispose, ref, shallowRef } from "vue";

import type { HallRecord } from "../../client";
import type { Hall } from "../../hall/hall";

export interface Announcement {
  number: string;
  counter: number;
  /** Which announcement this is: it changes also when the same ticket is called again. */
  turn: number;
}

/** A call stands at least so long before the next replaces it (ms). */
export const SHOWN_MS = 4000;
/** Longest line of calls that still wait to be shown. */
export const QUEUE_LIMIT = 3;

export function callOf(record: HallRecord): { number: string; counter: number } | null {
  if (record.type !== "ticket.called" && record.type !== "ticket.recalled") return null;
  const { number, counter } = record.data;
  return typeof number === "string" && typeof counter === "number" ? { number, counter } : null;
}

export function useAnnouncing(hall: Pick<Hall, "state" | "onRecords">, announce: (call: Announcement) => void) {
  const current = shallowRef<Announcement | null>(null);
  const queue: Announcement[] = [];
  const turns = ref(0);
  let timer = 0;

  /** Whether somebody still has to go there: not once the customer left, or was called elsewhere. */
  function wanted(call: Announcement): boolean {
    return hall.state.value?.tickets.some((one) => one.number === call.number && one.counter === call.counter) ?? false;
  }

  function showNext(): void {
    timer = 0;
    let next = queue.shift();
    while (next !== undefined && queue.length > 0 && !wanted(next)) next = queue.shift();
    if (next === undefined) return;
    current.value = next;
    announce(next);
    timer = window.setTimeout(showNext, SHOWN_MS);
  }

  hall.onRecords((records) => {
    for (const record of records) {
      const call = callOf(record);
      if (call === null) continue;
      turns.value += 1;
      queue.push({ ...call, turn: turns.value });
    }
    queue.splice(0, Math.max(0, queue.length - QUEUE_LIMIT));
    if (timer === 0) showNext();
  });
  onScopeDispose(() => window.clearTimeout(timer));

  /** Before the first call of this screen's life: the newest the hall remembers. */
  const shown = computed<Announcement | null>(() => {
    const last = hall.state.value?.recent_calls[0];
    return current.value ?? (last ? { number: last.number, counter: last.counter, turn: 0 } : null);
  });
  return { shown, turns: computed(() => turns.value) };
}
