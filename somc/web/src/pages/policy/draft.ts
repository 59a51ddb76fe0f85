/**
 * A change of the policy before it is saved: path → new value, kept beside what is in force and never mixed with it.
 *
 * What must stay true
 * - A path set back to the value in force is no change.
 * - What is sent is what the preview shows: both are made of the same list.
 */
import { valueAt } from "./answer";
import type { PolicyAnswer, Value } from "./answer";

export type Draft = Readonly<Record<string, Value>>;

export interface Change {
  path: string;
  before: Value;
  after: Value;
}

/** The draft with that path set, or without it if that is what is in force. */
export function withValue(draft: Draft, answer: PolicyAnswer, path: string, value: Value): Draft {
  const { [path]: _, ...others } = draft;
  return value === (valueAt(answer, path) ?? null) ? others : { ...others, [path]: value };
}

/** What would change, in the order in which it was drafted; nothing that is in force by now. */
export function changesOf(draft: Draft, answer: PolicyAnswer): Change[] {
  return Object.entries(draft)
    .map(([path, after]) => ({ path, before: valueAt(answer, path) ?? null, after }))
    .filter((change) => change.before !== change.after);
}

/** Skills are a counter's, not the policy's: they are sent one counter at a time. */
const ofCounter = (change: Change) => change.path.startsWith("counters.");

/** Every counter whose skills change, with all that it has then. */
export function skillsOf(changes: Change[], answer: PolicyAnswer): { counter: number; skills: Record<string, number> }[] {
  const wanted: Record<string, Record<string, number>> = {};
  for (const { path, after } of changes.filter(ofCounter)) {
    const [, counter = "", , service = ""] = path.split(".");
    const skills = (wanted[counter] ??= { ...answer.counters?.[counter]?.skills });
    if (typeof after === "number") skills[service] = after;
    else delete skills[service];
  }
  return Object.entries(wanted).map(([counter, skills]) => ({ counter: Number(counter), skills }));
}

/** The policy's own changes as the body of `PUT /policy`: what is not named stays. */
export function bodyOf(changes: Change[]): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const { path, after } of changes.filter((change) => !ofCounter(change))) {
    const steps = path.split(".");
    let here = body;
    for (const step of steps.slice(0, -1)) here = (here[step] ??= {}) as Record<string, unknown>;
    here[steps.at(-1)!] = after;
  }
  return body;
}

/** A setting's name in hall.toml or a record, as the path of this page: `class.x.weight_milli` → `classes.x.weight`. */
export function pathOf(setting: string): string {
  return setting
    .replace(/^policy\./, "")
    .replace(/^class\./, "classes.")
    .replace(/^service\./, "services.")
    .replace(/_milli\b/g, "");
}

/** Settings that hall.toml and records hold in thousandths without saying so in their name. */
const IN_THOUSANDTHS = /_milli$|^service\.[^.]+\.weight$/;

/** One setting of a record as paths of this page with plain values; a map by class becomes one path a class. */
export function settingAsPaths(setting: string, value: unknown): [path: string, value: Value][] {
  const path = pathOf(setting);
  const plain = (one: unknown): Value =>
    typeof one === "number" ? (IN_THOUSANDTHS.test(setting) ? one / 1000 : one) : typeof one === "string" ? one : null;
  if (typeof value !== "object" || value === null) return [[path, plain(value)]];
  return Object.entries(value).map(([part, one]) => [`${path}.${part}`, plain(one)]);
}

/** The hall's objection to that path, if it named it (or what the path is part of, or a part of it). */
export function objectionTo(path: string, fields: Readonly<Record<string, string>>): string | null {
  for (const [field, why] of Object.entries(fields)) {
    const named = pathOf(field);
    if (named === path || named.startsWith(`${path}.`) || path.startsWith(`${named}.`)) return why;
  }
  return null;
}
