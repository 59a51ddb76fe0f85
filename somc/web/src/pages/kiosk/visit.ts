/**
 * One visit to the kiosk: phone, service, slip, and back to the start by itself.
 *
 * What must stay true
 * - One touch takes one ticket: while a take is on its way nothing else is sent, and the client repeats it with the
 *   same key when the hall comes back.
 * - Nothing of a customer outlives the visit: the number is forgotten as soon as the hall has it, or nobody is there.
 */
import { computed, onScopeDispose, ref, shallowRef } from "vue";

import { GivenUp, Refused } from "../../client";
import type { ServiceView, Words } from "../../client";
import type { Hall } from "../../hall/hall";

export type Step = "phone" | "service" | "taking" | "slip";

export interface Slip {
  id: string;
  number: string;
  service: string;
  position: number;
  estimated_wait_s: number | null;
  slip: (string | Words)[];
}

/** Back to the start when nobody has touched anything for so long (s). */
export const IDLE_S = 30;
/** How long the slip stands before the next customer (s). */
export const SLIP_S = 8;
/** How long a take waits for a hall that is away (s): about as long as a person waits before a machine. */
const TAKE_PATIENCE_S = 90;

export function useVisit({ command }: Pick<Hall, "command">) {
  const step = ref<Step>("phone");
  const phone = ref("");
  const slip = shallowRef<Slip | null>(null);
  const chosen = shallowRef<ServiceView | null>(null);
  const trouble = shallowRef<Words | "no_answer" | null>(null);
  const visits = ref(0);
  let idle = 0;

  function restart(): void {
    step.value = "phone";
    phone.value = "";
    slip.value = null;
    chosen.value = null;
    trouble.value = null;
    visits.value += 1;
  }

  /** Somebody is here: count from now again. */
  function touched(): void {
    window.clearTimeout(idle);
    if (step.value === "taking") return;
    const span_s = step.value === "slip" ? SLIP_S : IDLE_S;
    idle = window.setTimeout(restart, span_s * 1000);
  }

  function toServices(withPhone: boolean): void {
    if (!withPhone) phone.value = "";
    trouble.value = null;
    step.value = "service";
    touched();
  }

  async function take(service: ServiceView): Promise<void> {
    if (step.value !== "service") return;
    step.value = "taking";
    chosen.value = service;
    trouble.value = null;
    touched();
    const args = { service: service.id, channel: "kiosk", ...(phone.value ? { phone: phone.value } : {}) };
    try {
      slip.value = await command<Slip>("tickets.take", args, TAKE_PATIENCE_S);
      phone.value = "";
      step.value = "slip";
    } catch (error) {
      step.value = "service";
      if (error instanceof Refused) {
        const { words, detail, title } = error.problem;
        const plain = detail ?? title ?? "";
        trouble.value = words ?? { zh: plain, en: plain };
      } else if (error instanceof GivenUp) {
        trouble.value = "no_answer";
      } else {
        throw error;
      }
    }
    touched();
  }

  onScopeDispose(() => window.clearTimeout(idle));
  return { step: computed(() => step.value), phone, slip, chosen, trouble, visits, restart, touched, toServices, take };
}
