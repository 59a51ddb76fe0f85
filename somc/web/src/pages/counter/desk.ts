/**
 * One counter's desk: who is here, what may be done now, and doing it once.
 *
 * What must stay true
 * - While one act is on its way no other is sent, and it stays so until the hall's records show what it did (or a
 *   second has passed): a second press of Next finds the button still.
 * - What may be done is read from the hall's state alone; this page keeps no state of its own about it.
 */
import { computed, ref, shallowRef, watch } from "vue";

import { GivenUp, Refused } from "../../client";
import type { CounterMode, HallRecord, TicketView, Words } from "../../client";
import type { Hall } from "../../hall/hall";

export type Act =
  | "open"
  | "next"
  | "call"
  | "recall"
  | "start"
  | "finish"
  | "no_show"
  | "return"
  | "hold"
  | "resume_ticket"
  | "transfer"
  | "pause"
  | "resume"
  | "close"
  | "mode";

/** Longest time an act that was answered keeps the desk still while its record is on the way (ms). */
const RECORD_WAIT_MS = 1000;
/** An agent does not wait longer for a hall that is away (s). */
const PATIENCE_S = 20;

export type Notice = { kind: "refused"; words: Words } | { kind: "no_answer" } | { kind: "nobody" };

interface Called {
  ticket: TicketView;
  reason: { words: Words } | null;
}

/** Whether this record is about the counter, or about the ticket that is there. */
export function concerns(record: HallRecord, counter: number, ticket: string | null): boolean {
  return record.data.counter === counter || (ticket !== null && record.data.ticket === ticket);
}

export function useDesk(hall: Hall, counter: number) {
  const busy = ref<Act | null>(null);
  const notice = shallowRef<Notice | null>(null);
  let awaited: { ticket: string | null; done(): void } | null = null;

  const view = computed(() => hall.state.value?.counters.find((one) => one.number === counter) ?? null);
  const ticket = computed(() => {
    const id = view.value?.ticket;
    return id ? (hall.state.value?.tickets.find((one) => one.id === id) ?? null) : null;
  });
  const held = computed(() => hall.state.value?.tickets.filter((one) => one.state === "held") ?? []);

  hall.onRecords((records) => {
    for (const record of records) {
      if (awaited && concerns(record, counter, awaited.ticket)) awaited.done();
    }
  });

  /** Once the hall's record of this act is here, or it is not going to be. */
  function recorded(of: string | null): { arrived: Promise<void>; forget(): void } {
    let done = () => {};
    const arrived = new Promise<void>((resolve) => (done = resolve));
    awaited = { ticket: of, done };
    return { arrived, forget: () => (awaited = null) };
  }

  async function run(act: Act, name: string, args: Record<string, unknown>, about: string | null = null): Promise<boolean> {
    if (busy.value !== null) return false;
    busy.value = act;
    notice.value = null;
    const record = recorded(about ?? view.value?.ticket ?? null);
    try {
      const result = await hall.command<Called | null>(name, args, PATIENCE_S);
      if (act === "next" && result === null) {
        notice.value = { kind: "nobody" };
        return true;
      }
      const late = new Promise<void>((resolve) => window.setTimeout(resolve, RECORD_WAIT_MS));
      await Promise.race([record.arrived, late]);
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        const { words, detail, title } = error.problem;
        const plain = detail ?? title ?? "";
        notice.value = { kind: "refused", words: words ?? { zh: plain, en: plain } };
      } else if (error instanceof GivenUp) {
        notice.value = { kind: "no_answer" };
      } else {
        throw error;
      }
      return false;
    } finally {
      record.forget();
      busy.value = null;
    }
  }

  /** What the counter's state lets an agent do now. */
  const may = computed<Record<Act, boolean>>(() => {
    const state = view.value?.state ?? "closed";
    const here = ticket.value?.state ?? null;
    const idle = state === "open" && !view.value?.ticket;
    return {
      open: state === "closed",
      next: idle,
      call: idle,
      recall: here === "called",
      start: here === "called",
      finish: here === "serving",
      no_show: here === "called",
      return: here === "called",
      hold: here === "called" || here === "serving",
      resume_ticket: true,
      transfer: here === "called" || here === "serving",
      pause: state === "open",
      resume: state === "paused",
      close: state !== "closed" && !view.value?.ticket,
      mode: view.value?.mode !== undefined,
    };
  });

  const here = { counter };
  const ofTicket = () => ({ ticket: ticket.value?.id });
  const desk = {
    open: (agent: string) => run("open", "counters.open", { ...here, agent }),
    next: () => run("next", "counters.call_next", here),
    call: (id: string) => run("call", "counters.call", { ...here, ticket: id }, id),
    recall: () => run("recall", "counters.recall", here),
    start: () => run("start", "counters.start", here),
    finish: () => run("finish", "counters.finish", here),
    noShow: () => run("no_show", "counters.no_show", here),
    giveBack: () => run("return", "counters.return", here),
    hold: () => run("hold", "tickets.hold", ofTicket()),
    resumeTicket: (id: string) => run("resume_ticket", "tickets.resume", { ticket: id }, id),
    transfer: (to: { service?: string; counter?: number }) => run("transfer", "tickets.transfer", { ...ofTicket(), ...to }),
    pause: (why: string) => run("pause", "counters.pause", { ...here, reason: why }),
    resume: () => run("resume", "counters.resume", here),
    close: () => run("close", "counters.close", here),
    mode: (mode: CounterMode) => run("mode", "counters.mode", { ...here, mode }),
  };

  // A notice speaks of the moment in which it came.
  watch([() => view.value?.state, () => view.value?.ticket], () => {
    if (busy.value === null && notice.value?.kind === "nobody") notice.value = null;
  });

  return { counter, view, ticket, held, busy, notice, may, desk };
}

export type Desk = ReturnType<typeof useDesk>;
