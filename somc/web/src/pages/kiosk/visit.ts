/**
 * One visit to the kiosk: phone and service, or an appointment; slip, and back to the start by itself. Before the
 * ticket, what the hall's plugins advise: papers to bring, a machine that is free, another hall, a quieter time.
 *
 * What must stay true
 * - One touch takes one ticket: while a take is on its way nothing else is sent, and the client repeats it with the
 *   same key when the hall comes back.
 * - Advice never holds a ticket up: what does not come within `ADVICE_PATIENCE_MS` is not shown.
 * - Nothing of a customer outlives the visit: the number is forgotten as soon as the hall has it, or nobody is there.
 */
import { computed, onScopeDispose, ref, shallowRef } from "vue";

import { GivenUp, Refused } from "../../client";
import type { ServiceView, Words } from "../../client";
import { ask } from "../../hall/ask";
import type { Hall } from "../../hall/hall";
import { CODE_DIGITS } from "./phone";

export type Step = "phone" | "service" | "appointment" | "advice" | "gone" | "taking" | "slip";

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

/** What a plugin says before a ticket is taken; of some kinds the customer can go elsewhere instead. */
export interface Advice {
  plugin?: string;
  id: string;
  words: Words;
  kind: "papers" | "divert" | "other_hall" | "quiet_hours";
  target?: string | null;
}

/** Reads the advice for a service. */
export type ReadAdvice = (service: string) => Promise<Advice[]>;

const fromHall: ReadAdvice = (service) => ask<Advice[]>("GET", `/services/${encodeURIComponent(service)}/advice`);

/** Where a customer goes who takes the advice, as the record says it. */
const DIVERSIONS = { divert: "self_service", other_hall: "other_hall", quiet_hours: "quiet_hours" } as const;

/** Nobody waits longer for advice than for a blink (ms). */
export const ADVICE_PATIENCE_MS = 1_000;
const DIVERT_PATIENCE_S = 10;

/** Back to the start when nobody has touched anything for so long (s). */
export const IDLE_S = 30;
/** How long the slip stands before the next customer (s). */
export const SLIP_S = 8;
/** How long a take waits for a hall that is away (s): about as long as a person waits before a machine. */
const TAKE_PATIENCE_S = 90;
const PRINT_PATIENCE_S = 10;
/** Copies of one slip from the kiosk; more than one is a child at the screen. */
const MOST_COPIES = 2;

export function useVisit({ command, state }: Pick<Hall, "command" | "state">, read: ReadAdvice = fromHall) {
  const step = ref<Step>("phone");
  const phone = ref("");
  const slip = shallowRef<Slip | null>(null);
  const chosen = shallowRef<ServiceView | null>(null);
  const trouble = shallowRef<Words | "no_answer" | null>(null);
  const choices = shallowRef<Choice[]>([]);
  const copies = ref(0);
  const visits = ref(0);
  const advice = shallowRef<Advice[]>([]);
  const taken = shallowRef<Advice | null>(null);
  const asking = ref(false);
  const origin = ref<"service" | "appointment">("service");
  let idle = 0;

  function restart(): void {
    step.value = "phone";
    phone.value = "";
    slip.value = null;
    chosen.value = null;
    trouble.value = null;
    choices.value = [];
    advice.value = [];
    taken.value = null;
    copies.value = 0;
    visits.value += 1;
  }

  /** Somebody is here: count from now again. */
  function touched(): void {
    window.clearTimeout(idle);
    if (step.value === "taking") return;
    const span_s = step.value === "slip" || step.value === "gone" ? SLIP_S : IDLE_S;
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

  /** A service was touched: what is advised first, else the ticket at once. */
  async function choose(service: ServiceView): Promise<void> {
    if (step.value !== "service" || asking.value) return;
    asking.value = true;
    chosen.value = service;
    const visit = visits.value;
    let said: Advice[] = [];
    try {
      said = await Promise.race([read(service.id), new Promise<Advice[]>((give) => setTimeout(() => give([]), ADVICE_PATIENCE_MS))]);
    } catch {
      // No plugin advises, or the hall is away: the ticket is what counts.
    } finally {
      asking.value = false;
    }
    if (visits.value !== visit || step.value !== "service") return; // went home meanwhile
    if (said.length === 0) return take(service);
    advice.value = said;
    step.value = "advice";
    touched();
  }

  /** The customer takes an advice and goes elsewhere: counted, and no ticket. */
  async function goElsewhere(one: Advice): Promise<void> {
    const service = chosen.value;
    if (step.value !== "advice" || one.kind === "papers" || service === null) return;
    taken.value = one;
    step.value = "gone";
    touched();
    try {
      await command("services.divert", { service: service.id, kind: DIVERSIONS[one.kind], to: one.target ?? one.id }, DIVERT_PATIENCE_S);
    } catch {
      // Not counted; the customer is on the way all the same.
    }
  }

  async function take(service: ServiceView): Promise<void> {
    if (step.value !== "service" && step.value !== "advice") return;
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
    asking: computed(() => asking.value),
    phone, slip, chosen, trouble, choices, visits, advice, taken,
    restart, touched, toServices, toAppointment, choose, goElsewhere, take, checkIn, printAgain,
  };
}
