/**
 * One visit to the kiosk: phone and service, or an appointment; slip, and back to the start by itself.
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
import { CODE_DIGITS } from "./phone";

export type Step = "phone" | "service" | "appointment" | "taking" | "slip";

export interface Slip {
  id: string;
  number: string;
  service: string;
  position: number;
  estimated_wait_s: number | null;
  slip: (string | Words)[];
  taken_at?: number;
  /** The booked time, of an appointment that came in time. */
  booked_at?: number | null;
  booked?: boolean;
}

/** One of several appointments that could be meant. */
export interface Choice {
  id: string;
  service: string;
  at: number;
}

/** Back to the start when nobody has touched anything for so long (s). */
export const IDLE_S = 30;
/** How long the slip stands before the next customer (s). */
export const SLIP_S = 8;
/** How long a take waits for a hall that is away (s): about as long as a person waits before a machine. */
const TAKE_PATIENCE_S = 90;
const PRINT_PATIENCE_S = 10;
/** Copies of one slip from the kiosk; more than one is a child at the screen. */
const MOST_COPIES = 2;

export function useVisit({ command, state }: Pick<Hall, "command" | "state">) {
  const step = ref<Step>("phone");
  const phone = ref("");
  const slip = shallowRef<Slip | null>(null);
  const chosen = shallowRef<ServiceView | null>(null);
  const trouble = shallowRef<Words | "no_answer" | null>(null);
  const choices = shallowRef<Choice[]>([]);
  const copies = ref(0);
  const visits = ref(0);
  const origin = ref<"service" | "appointment">("service");
  let idle = 0;

  function restart(): void {
    step.value = "phone";
    phone.value = "";
    slip.value = null;
    chosen.value = null;
    trouble.value = null;
    choices.value = [];
    copies.value = 0;
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

  function toAppointment(): void {
    phone.value = "";
    trouble.value = null;
    step.value = "appointment";
    touched();
  }

  async function take(service: ServiceView): Promise<void> {
    if (step.value !== "service") return;
    chosen.value = service;
    await taking("service", "tickets.take", { service: service.id, channel: "kiosk", ...(phone.value ? { phone: phone.value } : {}) });
  }

  /** `number` is a phone number, or an appointment's code; `which` of several. */
  async function checkIn(number: string, which: string | null): Promise<void> {
    if (step.value !== "appointment") return;
    if (number.length === CODE_DIGITS) await taking("appointment", "appointments.check_in", { appointment: number, channel: "kiosk" });
    else await taking("appointment", "appointments.check_in_by_phone", { phone: number, channel: "kiosk", ...(which === null ? {} : { appointment: which }) });
  }

  /** Send one act that gives a ticket; back to the step it came from if it does not. */
  async function taking(from: "service" | "appointment", name: string, args: Record<string, unknown>): Promise<void> {
    step.value = "taking";
    origin.value = from;
    trouble.value = null;
    touched();
    try {
      slip.value = await command<Slip>(name, args, TAKE_PATIENCE_S);
      chosen.value = state.value?.services.find((one) => one.id === slip.value?.service) ?? chosen.value;
      phone.value = "";
      choices.value = [];
      step.value = "slip";
    } catch (error) {
      step.value = from;
      if (error instanceof Refused) {
        const { words, detail, title, choices: several = [] } = error.problem;
        const plain = detail ?? title ?? "";
        choices.value = several;
        trouble.value = several.length > 0 ? null : (words ?? { zh: plain, en: plain });
      } else if (error instanceof GivenUp) {
        trouble.value = "no_answer";
      } else {
        throw error;
      }
    }
    touched();
  }

  /** The slip once more, as a copy: one that tore or did not come out. */
  async function printAgain(): Promise<void> {
    const ticket = slip.value;
    if (ticket === null || copies.value >= MOST_COPIES) return;
    copies.value += 1;
    touched();
    try {
      await command("tickets.print", { ticket: ticket.id }, PRINT_PATIENCE_S);
    } catch {
      if (slip.value === ticket) copies.value -= 1; // it may be pressed again; the number stands on the screen anyway
    }
  }

  onScopeDispose(() => window.clearTimeout(idle));
  return {
    step: computed(() => step.value),
    /** While a take is on its way: the step it came from, which stands behind the notice. */
    origin: computed(() => origin.value),
    mayPrint: computed(() => copies.value < MOST_COPIES),
    phone, slip, chosen, trouble, choices, visits,
    restart, touched, toServices, toAppointment, take, checkIn, printAgain,
  };
}
