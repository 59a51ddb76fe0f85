/**
 * The operator's own page for the customer who was called (IN-01), in a window beside the desk that follows every call.
 *
 * A browser opens windows only at a click. So the agent opens this one once, by a switch, and each card that comes
 * after that sends it to its own customer: no further click, and never a second window.
 *
 * What must stay true
 * - The window is sent where a card's link leads, and nowhere else; a page that stays the same is not loaded again.
 * - A window that was closed is said, and the switch is off: the agent never waits for a page that cannot come.
 */
import { computed, ref, watch } from "vue";
import type { Ref } from "vue";

import type { Card } from "./card";

/** Whether this browser has ever had a card with a page: a hall without a CRM shows no switch. */
const KNOWN = "somc.customer-page";

export function useCustomerPage(counter: number, card: Ref<Card>) {
  const link = computed(() => card.value.sections.find((section) => section.link)?.link ?? null);
  const offered = ref(localStorage.getItem(KNOWN) !== null);
  const on = ref(false);
  /** The window is gone, or the browser did not let it open. */
  const lost = ref(false);
  let page: Window | null = null;

  function show(): void {
    if (link.value === null) return;
    offered.value = true;
    localStorage.setItem(KNOWN, "1");
    if (!on.value) return;
    if (page === null || page.closed) {
      on.value = false;
      lost.value = true;
      return;
    }
    page.location.href = link.value;
  }

  /** By the agent's click only: a browser blocks it otherwise. */
  function toggle(): void {
    lost.value = false;
    if (on.value) {
      on.value = false;
      return;
    }
    page = window.open("", `somc-customer-${counter}`);
    on.value = page !== null;
    lost.value = page === null;
    show();
  }

  watch(link, show, { immediate: true });
  return { offered, on, lost, toggle };
}
