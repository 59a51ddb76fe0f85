/**
 * Whom this screen asks for a rating (评价): the customer who was just finished here, once, for a while.
 * Only a screen of the customers' own asks (role kiosk, device or channel): no agent rates their own service.
 */
import { computed, onScopeDispose, ref } from "vue";

import type { Hall } from "../../hall/hall";

/** How long the question stands, and how long the thanks (ms). */
export const ASK_MS = 25_000;
export const THANKS_MS = 4_000;
export const SCALE = 5;

const RATERS = ["kiosk", "device", "channel"];

export function useRating(hall: Pick<Hall, "command" | "onRecords" | "welcome">, counter: number) {
  const ticket = ref<string | null>(null);
  const thanks = ref(false);
  let timer = 0;

  const may = computed(() => RATERS.includes(hall.welcome.value?.role ?? ""));

  function until(delay_ms: number): void {
    window.clearTimeout(timer);
    timer = window.setTimeout(() => {
      ticket.value = null;
      thanks.value = false;
    }, delay_ms);
  }

  hall.onRecords((records) => {
    for (const record of records) {
      if (record.data.counter !== counter) continue;
      if (record.type === "ticket.finished" && may.value && typeof record.data.ticket === "string") {
        ticket.value = record.data.ticket;
        thanks.value = false;
        until(ASK_MS);
      } else if (record.type === "ticket.called" || (record.type === "ticket.rated" && record.data.ticket === ticket.value && !thanks.value)) {
        ticket.value = null; // the next customer is here, or a keypad was quicker
      }
    }
  });

  async function rate(score: number): Promise<void> {
    const rated = ticket.value;
    if (rated === null || thanks.value) return;
    thanks.value = true;
    until(THANKS_MS);
    try {
      await hall.command("tickets.rate", { ticket: rated, score, scale: SCALE, source: "second_screen" });
    } catch {
      // Too late, or rated elsewhere: the customer has said it, and is thanked all the same.
    }
  }

  onScopeDispose(() => window.clearTimeout(timer));
  return { asked: computed(() => ticket.value !== null), thanks: computed(() => thanks.value), rate };
}
