/**
 * The customer's card (来电弹屏): what plugins know of whoever was called, what they hint at, what may be offered.
 * Asked for once a ticket is at the counter; a hall without such plugins has no card, and nothing is shown.
 */
import { ref, shallowRef, watch } from "vue";
import type { Ref } from "vue";

import type { TicketView, Words } from "../../client";
import { ask } from "../../hall/ask";
import type { Hall } from "../../hall/hall";

export type Tone = "plain" | "good" | "warn" | "bad" | string;

export interface CardSection {
  plugin?: string;
  id: string;
  title: Words;
  rows: { label: Words; value: string; tone?: Tone }[];
  link?: string | null;
  source?: string;
  late?: boolean;
}

export interface Offer {
  id: string;
  title: Words;
  text: Words;
  script?: Words[];
}

export interface Prompt {
  plugin?: string;
  id: string;
  words: Words;
  kind: "care" | "offer" | "script" | "note";
  tone?: Tone;
  steps?: Words[];
  offer?: Offer | null;
}

export interface Card {
  sections: CardSection[];
  prompts: Prompt[];
  offers: Offer[];
  /** Plugins that did not answer in time. */
  late: { plugin: string; why: string }[];
}

export type Outcome = "accepted" | "refused" | "later";

const NOTHING: Card = { sections: [], prompts: [], offers: [], late: [] };

/** The desk does not wait longer for what plugins know (s). */
const PATIENCE_S = 10;

/** What the hall's plugins say of this ticket's customer. */
export type ReadCard = (ticket: string) => Promise<Partial<Card>>;

const fromHall: ReadCard = (ticket) => ask<Partial<Card>>("GET", `/tickets/${encodeURIComponent(ticket)}/card`);

export function useCard(hall: Pick<Hall, "command">, ticket: Ref<TicketView | null>, counter: number, read: ReadCard = fromHall) {
  const card = shallowRef<Card>(NOTHING);
  const outcomes = ref<Record<string, Outcome>>({});
  let asked = "";

  watch(
    () => ticket.value?.id ?? "",
    async (id) => {
      asked = id;
      card.value = NOTHING;
      outcomes.value = {};
      if (id === "") return;
      try {
        const found = await read(id);
        // Meanwhile somebody else may sit here: another customer's card is never shown.
        if (asked === id) card.value = { ...NOTHING, ...found };
      } catch {
        // No plugin knows anybody, or the hall is away: the desk works without a card.
      }
    },
    { immediate: true },
  );

  /** What became of an offer; whether the hall took it. */
  async function record(offer: string, outcome: Outcome): Promise<boolean> {
    const id = ticket.value?.id;
    if (id === undefined) return false;
    try {
      await hall.command("tickets.offer", { ticket: id, offer, outcome, counter }, PATIENCE_S);
      outcomes.value = { ...outcomes.value, [offer]: outcome };
      return true;
    } catch {
      return false; // the buttons stay: it can be pressed again
    }
  }

  return { card, outcomes, record };
}

/** Every offer once, wherever the card names it. */
export function offersOf(card: Card): Offer[] {
  const found = new Map<string, Offer>();
  for (const offer of card.offers) found.set(offer.id, offer);
  for (const prompt of card.prompts) if (prompt.offer) found.set(prompt.offer.id, prompt.offer);
  return [...found.values()];
}
