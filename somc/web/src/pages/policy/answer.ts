/** What `policy` and `policy.history` answer: the routing policy in force, its indicators, and how it came to be. */
import type { Words } from "../../client";

export type Value = number | string | null;

/** A kind of policy that this hall can follow; plugins add theirs. */
export interface KindView {
  id: string;
  name: Words;
  about?: Words;
}

/** An indicator (KPI) and the one parameter that moves it. */
export interface Kpi {
  id: string;
  name: Words;
  about?: Words;
  /** Where the parameter stands in the answer and in a change: `classes.gotone.target_wait_s`. */
  parameter: string;
  unit: "s" | "share" | "count";
  target: number | null;
  /** Today's; null where nothing was measured yet. */
  actual: number | null;
  /** What the parameter is now; of a counter's skills a map. */
  value?: Value | Record<string, number>;
  /** Whether the parameter does anything under the kind in force. */
  effective?: boolean;
}

export type ByClass = Record<string, Value>;

export interface PolicyAnswer {
  version: number;
  since: number | null;
  by: string | null;
  cause: string;
  kind: string;
  max_wait_s: number | null;
  alpha: number;
  distribution: string;
  target_utilisation: number;
  behind: number;
  kinds: KindView[];
  kpis: Kpi[];
  /** Per customer class: its own parameters, null where the policy's hold. */
  classes: Record<string, Record<string, Value>>;
  /** Per service: parameter → class → value, where it differs from the class's own. */
  services: Record<string, Record<string, ByClass>>;
  /** Per counter its skills, as the indicators say them. */
  counters?: Record<string, { skills: Record<string, number> }>;
}

/** The answer with the counters' skills in it, under the paths that the indicators name. */
export function withSkills(answer: PolicyAnswer): PolicyAnswer {
  const counters: NonNullable<PolicyAnswer["counters"]> = {};
  for (const { parameter, value } of answer.kpis) {
    const counter = /^counters\.(\d+)\.skills$/.exec(parameter)?.[1];
    if (counter && typeof value === "object" && value !== null) counters[counter] = { skills: value };
  }
  return { ...answer, counters };
}

export interface PolicyVersion {
  version: number;
  at: number;
  by: string;
  cause: string;
  back_to: number | null;
  /** Setting → its new value; null is hall.toml's again. */
  changes: Record<string, unknown>;
}

/** The value at a dotted path; undefined if there is none. */
export function valueAt(answer: object, path: string): Value | undefined {
  let here: unknown = answer;
  for (const step of path.split(".")) {
    if (typeof here !== "object" || here === null) return undefined;
    here = (here as Record<string, unknown>)[step];
  }
  return typeof here === "number" || typeof here === "string" || here === null ? here : undefined;
}
