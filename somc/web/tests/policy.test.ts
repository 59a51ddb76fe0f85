/** The policy page's draft over what is in force: what is sent is what was shown, and a refusal loses nothing. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { effectScope, ref, shallowRef } from "vue";
import type { EffectScope } from "vue";

import { GivenUp, Refused } from "../src/client";
import type { HallRecord, HallState } from "../src/client";
import type { Hall } from "../src/hall/hall";
import type { PolicyAnswer } from "../src/pages/policy/answer";
import { valueAt, withSkills } from "../src/pages/policy/answer";
import { bodyOf, changesOf, objectionTo, pathOf, settingAsPaths, skillsOf, withValue } from "../src/pages/policy/draft";
import { hallState, record } from "./world";

const ANSWER: PolicyAnswer = {
  version: 2,
  since: 1_000,
  by: "manager:lin",
  cause: "asked",
  kind: "gcmu",
  max_wait_s: 2100,
  alpha: 1,
  distribution: "longest_idle",
  target_utilisation: 0.9,
  behind: 3,
  kinds: [{ id: "gcmu", name: { zh: "加权", en: "weighted" } }],
  kpis: [],
  classes: { gotone: { target_wait_s: 600, weight: null, max_wait_s: null } },
  services: { pay: { target_wait_s: { gotone: 480 }, weight: {}, max_wait_s: {} } },
};

let scope: EffectScope;
let asked: { name: string; args: Record<string, unknown> }[];
let answers: Record<string, (args: Record<string, unknown>) => unknown>;
let hall: Hall;
let listeners: ((records: HallRecord[]) => void)[];
let usePolicy: typeof import("../src/pages/policy/policy").usePolicy;
let parameters: typeof import("../src/pages/policy/parameters");

beforeAll(async () => {
  vi.stubGlobal("location", { search: "?lang=en" });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
  vi.stubGlobal("window", globalThis);
  ({ usePolicy } = await import("../src/pages/policy/policy"));
  parameters = await import("../src/pages/policy/parameters");
});

afterAll(() => vi.unstubAllGlobals());

beforeEach(() => {
  scope = effectScope();
  asked = [];
  listeners = [];
  answers = { policy: () => ANSWER, "policy.history": () => ({ versions: [] }) };
  hall = {
    state: shallowRef<HallState | null>(hallState({ policy: { kind: "gcmu", max_wait_s: 2100, version: 2 } })),
    status: ref("live"),
    welcome: shallowRef({ role: "manager", subject: "lin", org: "o", now: 0, speed: 1 }),
    now: ref(0),
    speed: ref(1),
    command: async <Result>(name: string, args: Record<string, unknown>) => {
      asked.push({ name, args });
      return answers[name]!(args) as Result;
    },
    onRecords: (listener) => void listeners.push(listener),
  };
});

afterEach(() => scope.stop());

const settle = async () => {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
};

async function desk() {
  const made = scope.run(() => usePolicy(hall))!;
  await settle();
  return made;
}

// -- the draft ------------------------------------------------------------------------------------------

test("a value is found by its path, and what is no value is none", () => {
  expect(valueAt(ANSWER, "services.pay.target_wait_s.gotone")).toBe(480);
  expect(valueAt(ANSWER, "classes.gotone.weight")).toBeNull();
  expect(valueAt(ANSWER, "services.pay")).toBeUndefined();
  expect(valueAt(ANSWER, "counters.1.skills")).toBeUndefined();
});

test("a path set back to what is in force is no change", () => {
  const once = withValue({}, ANSWER, "max_wait_s", 1800);
  expect(changesOf(once, ANSWER)).toEqual([{ path: "max_wait_s", before: 2100, after: 1800 }]);
  expect(withValue(once, ANSWER, "max_wait_s", 2100)).toEqual({});
  expect(withValue({}, ANSWER, "services.pay.weight.gotone", null)).toEqual({});
});

test("the changes become one body that names nothing else", () => {
  let draft = withValue({}, ANSWER, "kind", "strict");
  draft = withValue(draft, ANSWER, "counters.3.skills.pay", 2);
  draft = withValue(draft, ANSWER, "classes.gotone.weight", 2.5);
  draft = withValue(draft, ANSWER, "services.pay.target_wait_s.gotone", null);
  expect(bodyOf(changesOf(draft, ANSWER))).toEqual({
    kind: "strict",
    classes: { gotone: { weight: 2.5 } },
    services: { pay: { target_wait_s: { gotone: null } } },
  });
});

const SKILLED = withSkills({
  ...ANSWER,
  kpis: [{ id: "skill_share.3", name: { zh: "", en: "" }, parameter: "counters.3.skills", unit: "share", target: null, actual: null, value: { pay: 1, card: 2 } }],
});

test("a counter's skills are sent whole, with what changed in them", () => {
  const set = (path: string, value: number | null, draft = {}) => withValue(draft, SKILLED, path, value);
  const draft = set("counters.3.skills.card", null, set("counters.3.skills.pay", 2));
  expect(skillsOf(changesOf(draft, SKILLED), SKILLED)).toEqual([{ counter: 3, skills: { pay: 2 } }]);
  expect(set("counters.3.skills.pay", 1)).toEqual({});
});

test("an objection finds its field, however the hall spelled it", () => {
  expect(pathOf("class.gotone.weight_milli")).toBe("classes.gotone.weight");
  expect(objectionTo("max_wait_s", { "policy.max_wait_s": "starves" })).toBe("starves");
  expect(objectionTo("classes.gotone.weight", { "classes.gotone.weight": "too heavy" })).toBe("too heavy");
  expect(objectionTo("classes.gotone.weight", { "class.gotone": "unknown" })).toBe("unknown");
  expect(objectionTo("classes.gotone.weight", { alpha: "no" })).toBeNull();
});

test("a recorded setting reads as paths with plain values, one a class", () => {
  expect(settingAsPaths("class.gotone.weight_milli", 2500)).toEqual([["classes.gotone.weight", 2.5]]);
  expect(settingAsPaths("service.pay.weight", { gotone: 1500 })).toEqual([["services.pay.weight.gotone", 1.5]]);
  expect(settingAsPaths("service.pay.target_wait_s", { gotone: 480 })).toEqual([["services.pay.target_wait_s.gotone", 480]]);
  expect(settingAsPaths("policy.kind", "strict")).toEqual([["kind", "strict"]]);
  expect(settingAsPaths("policy.max_wait_s", null)).toEqual([["max_wait_s", null]]);
});

// -- units and words ------------------------------------------------------------------------------------

test("people type minutes and percent, the hall reads seconds and shares", () => {
  const { typed, shown, unitOf } = parameters;
  expect([unitOf("classes.gotone.target_wait_s"), unitOf("services.pay.max_wait_s.gotone")]).toEqual(["minutes", "minutes"]);
  expect([typed("8", "minutes"), typed("1.5", "minutes"), typed("85", "percent"), typed("0.3", "number")]).toEqual([480, 90, 0.85, 0.3]);
  expect([typed(" ", "minutes"), typed("ten", "minutes")]).toEqual([null, undefined]);
  expect([shown(480, "minutes"), shown(0.85, "percent")]).toEqual([8, 85]);
});

test("a change is told in names and units", () => {
  const { nameOf, wordsOf } = parameters;
  const state = hallState();
  expect(nameOf("services.pay.target_wait_s.gotone", state)).toBe("pay · GoTone · Promise");
  expect(nameOf("classes.gotone.weight", state)).toBe("GoTone · Weight");
  expect(nameOf("max_wait_s", state)).toBe("Longest wait");
  expect([wordsOf("max_wait_s", 2100), wordsOf("target_utilisation", 0.9), wordsOf("alpha", 1)]).toEqual(["35 min", "90%", "1"]);
  expect([wordsOf("kind", "strict"), wordsOf("distribution", "fixed_order")]).toEqual(["strict priority", "fixed order"]);
  expect(wordsOf("classes.gotone.weight", null)).toBe("as set up");
});

// -- saving ---------------------------------------------------------------------------------------------

test("saving sends the changes shown, then shows what is in force", async () => {
  const policy = await desk();
  policy.set("kind", "strict");
  expect(asked.map((one) => one.name)).toEqual(["policy", "policy.history"]);
  answers["policy.change"] = () => ({});
  answers.policy = () => ({ ...ANSWER, kind: "strict", version: 3 });
  await policy.save();
  expect(asked[2]).toEqual({ name: "policy.change", args: { kind: "strict" } });
  expect([policy.answer.value?.kind, policy.changes.value, policy.trouble.value]).toEqual(["strict", [], ""]);
  expect(policy.done.value).toContain("3");
});

test("a refusal keeps the draft and stands at its field until that is changed", async () => {
  const policy = await desk();
  policy.set("max_wait_s", null);
  answers["policy.change"] = () => {
    throw new Refused({ status: 422, words: { zh: "会饿", en: "somebody would starve" }, fields: { max_wait_s: "in one language" } });
  };
  await policy.save();
  expect([policy.trouble.value, policy.objection("max_wait_s")]).toEqual(["somebody would starve", "somebody would starve"]);
  expect(policy.changes.value).toHaveLength(1);
  policy.set("max_wait_s", 1800);
  expect(policy.objection("max_wait_s")).toBeNull();
});

test("what was saved before a refusal is in force, the rest stays a draft", async () => {
  answers.policy = () => SKILLED;
  const policy = await desk();
  policy.set("alpha", 0.5);
  policy.set("counters.3.skills.pay", 2);
  answers["policy.change"] = () => ({});
  answers["counters.configure"] = () => {
    throw new Refused({ status: 409, words: { zh: "不行", en: "not now" } });
  };
  answers.policy = () => ({ ...SKILLED, alpha: 0.5, version: 3 });
  await policy.save();
  expect(asked.slice(2).map((one) => one.name)).toEqual(["policy.change", "counters.configure", "policy", "policy.history"]);
  expect([policy.trouble.value, policy.changes.value.map((change) => change.path)]).toEqual(["not now", ["counters.3.skills.pay"]]);
});

test("a hall that does not answer is said, and the draft stays", async () => {
  const policy = await desk();
  policy.set("alpha", 0);
  answers["policy.change"] = () => {
    throw new GivenUp("k");
  };
  await policy.save();
  expect([policy.trouble.value !== "", policy.changes.value.length, policy.busy.value]).toEqual([true, 1, false]);
});

test("another's change is shown, with this draft over it", async () => {
  const policy = await desk();
  policy.set("alpha", 0.5);
  answers.policy = () => ({ ...ANSWER, version: 3, max_wait_s: 1200 });
  hall.state.value = hallState({ policy: { kind: "gcmu", max_wait_s: 1200, version: 3 } });
  await settle();
  expect([policy.answer.value?.max_wait_s, policy.changes.value]).toEqual([1200, [{ path: "alpha", before: 1, after: 0.5 }]]);
});

test("today's figures are asked for once after a burst of calls, with the draft untouched", async () => {
  vi.useFakeTimers();
  const policy = await desk();
  policy.set("alpha", 0.5);
  answers.policy = () => ({ ...ANSWER, kpis: [{ id: "longest_wait", name: { zh: "", en: "" }, parameter: "max_wait_s", unit: "s", target: 2100, actual: 700 }] });
  for (const listener of listeners) {
    listener([record("ticket.called", {}), record("ticket.finished", {})]);
    listener([record("ticket.called", {})]);
    listener([record("device.status", {})]);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(asked.filter((one) => one.name === "policy")).toHaveLength(2);
  expect([policy.answer.value?.kpis[0]?.actual, policy.changes.value.length]).toEqual([700, 1]);
  vi.useRealTimers();
});

test("rolling back names the version, and only managers may", async () => {
  const policy = await desk();
  answers["policy.rollback"] = () => ({});
  await policy.rollBack(1);
  expect(asked[2]).toEqual({ name: "policy.rollback", args: { version: 1 } });
  expect(policy.may.value).toBe(true);
  hall.welcome.value = { ...hall.welcome.value!, role: "floor" };
  expect(policy.may.value).toBe(false);
});
