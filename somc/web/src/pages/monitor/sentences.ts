/** A record as one line of words; null for a type that this page has no words for. */
import type { HallRecord, HallState, Words } from "../../client";
import { named, pick, t } from "../../words/language";
import type { Facts, Key } from "../../words/language";
import { zh } from "../../words/zh";

export interface Sentence {
  seq: number;
  at: number;
  tone: "plain" | "call" | "good" | "bad" | "counter";
  words: string;
  /** Why it was this ticket, under a call. */
  why: string;
}

const TONES: Record<string, Sentence["tone"]> = {
  "ticket.called": "call",
  "ticket.recalled": "call",
  "ticket.finished": "good",
  "ticket.no_show": "bad",
  "ticket.cancelled": "bad",
  "ticket.expired": "bad",
  "ticket.returned": "bad",
  "alert.raised": "bad",
  "alert.acknowledged": "good",
  "policy.changed": "counter",
};

function factsOf(record: HallRecord, state: HallState): Facts {
  const data = record.data;
  const service = (id: unknown) => pick(state.services.find((one) => one.id === id)?.name) || String(id ?? "");
  return {
    number: String(data.number ?? ""),
    counter: Number(data.counter ?? 0),
    service: service(data.service ?? data.to_service),
    kind: pick(state.classes.find((one) => one.id === data.customer_class)?.name),
    agent: String(data.agent ?? ""),
    reason: named("pause", String(data.reason ?? "")),
    n: Number(data.recalls ?? data.finished ?? 0),
    day: String(data.day ?? ""),
    version: Number(data.version ?? 0),
    by: String(data.by ?? ""),
    alert: named("alert", String(data.kind ?? "")),
    about: String(data.number ?? "") || service(data.service),
    done: named("alert", String(data.done ?? "")),
    mode: data.mode ? named("mode", String(data.mode)) : "",
    device: String(data.device ?? ""),
    status: named("health", String(data.status ?? "")),
    score: Number(data.score ?? 0),
    scale: Number(data.scale ?? 0),
    door: String(data.door ?? ""),
    entered: Number(data.entered ?? 0),
    left: Number(data.left ?? 0),
    to: data.to_counter ? t("feed.to_counter", { counter: Number(data.to_counter) }) : "",
  };
}

export function sentence(record: HallRecord, state: HallState): Sentence | null {
  const unrated = record.type === "ticket.rated" && typeof record.data.score !== "number";
  const key = unrated ? "feed.ticket.not_rated" : `feed.${record.type}`;
  if (!(key in zh)) return null;
  const tone = TONES[record.type] ?? (record.type.startsWith("counter.") ? "counter" : "plain");
  const why = record.type === "ticket.called" ? pick((record.data.reason as { words?: Words } | undefined)?.words) : "";
  return { seq: record.seq, at: record.at, tone, words: t(key as Key, factsOf(record, state)), why };
}
