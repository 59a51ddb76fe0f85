/**
 * The policy page's policy: what is in force, the draft over it, saving, history and the way back.
 *
 * What must stay true
 * - Nothing is sent but what the preview shows, and only by Save.
 * - A refusal changes nothing: the draft stays, with the hall's reason at the field it is about.
 * - When somebody else changed the policy, the page shows theirs and keeps this draft over it.
 */
import { computed, onScopeDispose, ref, shallowRef, watch } from "vue";

import { GivenUp, Refused } from "../../client";
import type { Hall } from "../../hall/hall";
import { pick, t } from "../../words/language";
import { withSkills } from "./answer";
import type { PolicyAnswer, PolicyVersion, Value } from "./answer";
import { bodyOf, changesOf, objectionTo, pathOf, skillsOf, withValue } from "./draft";
import type { Draft } from "./draft";

/** A manager does not wait longer for a hall that is away (s). */
const PATIENCE_S = 20;
/** Today's figures of the indicators are asked for again so long after somebody was called or finished (ms). */
const GATHER_MS = 5_000;
/** Versions of the history that the page shows. */
const HISTORY = 50;

const MOVES_FIGURES = /^(ticket\.(called|finished)|counter\.configured)$/;

export function usePolicy(hall: Hall) {
  const answer = shallowRef<PolicyAnswer | null>(null);
  const history = shallowRef<PolicyVersion[]>([]);
  const draft = shallowRef<Draft>({});
  const fields = shallowRef<Record<string, string>>({});
  const trouble = ref("");
  const done = ref("");
  const busy = ref(false);

  const may = computed(() => ["manager", "admin"].includes(hall.welcome.value?.role ?? ""));
  const changes = computed(() => (answer.value === null ? [] : changesOf(draft.value, answer.value)));

  /** Do `act` with what it may meet said in words; whether it went well. */
  async function guarded(act: () => Promise<void>): Promise<boolean> {
    if (busy.value) return false;
    busy.value = true;
    trouble.value = done.value = "";
    fields.value = {};
    try {
      await act();
      return true;
    } catch (error) {
      if (error instanceof Refused) {
        const { words, detail, title, fields: named = {} } = error.problem;
        trouble.value = pick(words) || detail || (title ?? "");
        // A refusal speaks both languages, its fields one: they say the same.
        fields.value = words ? Object.fromEntries(Object.keys(named).map((field) => [field, pick(words)])) : named;
      } else if (error instanceof GivenUp) {
        trouble.value = t("counter.no_answer");
      } else {
        throw error;
      }
      return false;
    } finally {
      busy.value = false;
    }
  }

  async function fetch(): Promise<void> {
    const [now, before] = await Promise.all([
      hall.command<PolicyAnswer>("policy", {}, PATIENCE_S),
      hall.command<{ versions: PolicyVersion[] }>("policy.history", { limit: HISTORY }, PATIENCE_S),
    ]);
    answer.value = withSkills(now);
    history.value = before.versions;
  }

  const load = () => guarded(fetch);

  function set(path: string, value: Value): void {
    if (answer.value === null) return;
    draft.value = withValue(draft.value, answer.value, path, value);
    const { [path]: _, ...others } = Object.fromEntries(
      Object.entries(fields.value).map(([field, why]) => [pathOf(field), why]),
    );
    fields.value = others;
  }

  function discard(): void {
    draft.value = {};
    fields.value = {};
    trouble.value = "";
  }

  /** The policy first, as one change; then the counters. What is in force by the time one is refused is no draft. */
  async function save(): Promise<void> {
    const before = answer.value;
    if (changes.value.length === 0 || before === null) return;
    const body = bodyOf(changes.value);
    const counters = skillsOf(changes.value, before);
    await guarded(async () => {
      let saved = 0;
      try {
        if (Object.keys(body).length > 0) {
          await hall.command("policy.change", body, PATIENCE_S);
          saved += 1;
        }
        for (const one of counters) {
          await hall.command("counters.configure", one, PATIENCE_S);
          saved += 1;
        }
        draft.value = {};
      } finally {
        if (saved > 0) await fetch();
      }
      done.value = t("policy.saved", { n: answer.value?.version ?? 0 });
    });
  }

  async function rollBack(version: number): Promise<void> {
    await guarded(async () => {
      await hall.command("policy.rollback", { version }, PATIENCE_S);
      draft.value = {};
      await fetch();
      done.value = t("policy.rolled_back", { n: version });
    });
  }

  let timer = 0;
  hall.onRecords((records) => {
    if (timer !== 0 || !records.some((record) => MOVES_FIGURES.test(record.type))) return;
    timer = window.setTimeout(async () => {
      timer = 0;
      if (busy.value) return;
      try {
        answer.value = withSkills(await hall.command<PolicyAnswer>("policy", {}, PATIENCE_S));
      } catch {
        // The figures shown stand until the next record; what matters is said when somebody acts.
      }
    }, GATHER_MS);
  });
  onScopeDispose(() => window.clearTimeout(timer));

  // Another page, or hall.toml, changed it: the snapshot that follows names another version.
  watch(
    () => hall.state.value?.policy.version,
    (version) => {
      if (answer.value !== null && version !== undefined && version !== answer.value.version && !busy.value) void load();
    },
  );
  watch(hall.status, (status) => status === "live" && answer.value === null && void load(), { immediate: true });

  return {
    answer,
    history,
    draft,
    trouble,
    done,
    busy,
    may,
    changes,
    load,
    set,
    discard,
    save,
    rollBack,
    objection: (path: string) => objectionTo(path, fields.value),
  };
}

export type PolicyDesk = ReturnType<typeof usePolicy>;
