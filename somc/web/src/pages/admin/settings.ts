/**
 * The hall's settings as administrators edit them: what is in force, hall.toml's own beside it, a draft over both.
 *
 * What must stay true
 * - Nothing is sent but the draft, as one change, and only by Save; a refusal changes nothing and the draft stays.
 * - Every value that is the hall's own says so and can be brought back to hall.toml's (SK-03).
 * - When somebody else changes the settings the page shows theirs and keeps this draft over it.
 */
import { computed, ref, shallowRef, watch } from "vue";

import { GivenUp, Refused } from "../../client";
import type { Hall } from "../../hall/hall";
import { pick, t } from "../../words/language";

/** A manager does not wait longer for a hall that is away (s). */
const PATIENCE_S = 20;

export interface Setting {
  key: string;
  value: unknown;
  default: unknown;
  own: boolean;
}

interface Answer {
  seq: number;
  settings: Setting[];
}

/** What a draft says of a key: another value, or hall.toml's own again. */
export type Change = { value: unknown } | { reset: true };

export function same(one: unknown, other: unknown): boolean {
  return JSON.stringify(one ?? null) === JSON.stringify(other ?? null);
}

/** The names of a table's entries (`service.payment.prefix` → `payment`), in the hall's own order. */
export function entriesOf(table: string, values: Map<string, unknown>): string[] {
  const found = new Map<string, number>();
  for (const [key, value] of values) {
    const [head, name, field] = parted(key);
    if (head !== table || name === undefined) continue;
    if (field === "order" && typeof value === "number") found.set(name, value);
    else if (!found.has(name)) found.set(name, Number.MAX_SAFE_INTEGER);
  }
  const numbered = (name: string) => (/^\d+$/.test(name) ? Number(name) : 0);
  return [...found.keys()].sort(
    (one, other) => found.get(one)! - found.get(other)! || numbered(one) - numbered(other) || one.localeCompare(other, "en"),
  );
}

/** `service.payment.name` in three parts; a name holds no dot. */
export function parted(key: string): [string, string?, string?] {
  const [head = "", name, ...rest] = key.split(".");
  return [head, name, rest.length > 0 ? rest.join(".") : undefined];
}

/** The hall names a wrong setting as the policy's document does (`services.payment.prefix`). */
export function keyOf(field: string): string {
  return field.replace(/^(services|counters)\./, (table) => table.slice(0, -2) + ".").replace(/^classes\./, "class.");
}

export function useSettings(hall: Hall) {
  const settings = shallowRef(new Map<string, Setting>());
  const draft = shallowRef(new Map<string, Change>());
  const faults = shallowRef<Record<string, string>>({});
  const trouble = ref("");
  const done = ref("");
  const busy = ref(false);
  /** Whether appointments stand in the way of the hours in the draft, and whether they shall be cancelled. */
  const falling = ref(false);
  const cancel = ref(false);
  const loaded = ref(false);

  const may = computed(() => ["manager", "admin"].includes(hall.welcome.value?.role ?? ""));

  /** Every setting as it will be once the draft is saved. */
  const values = computed(() => {
    const all = new Map<string, unknown>();
    for (const setting of settings.value.values()) if (setting.value !== null) all.set(setting.key, setting.value);
    for (const [key, change] of draft.value) {
      const value = "reset" in change ? (settings.value.get(key)?.default ?? null) : change.value;
      if (value === null) all.delete(key);
      else all.set(key, value);
    }
    return all;
  });

  const changes = computed(() =>
    [...draft.value]
      .map(([key]) => ({ key, before: settings.value.get(key)?.value ?? null, after: values.value.get(key) ?? null }))
      .sort((one, other) => one.key.localeCompare(other.key, "en")),
  );

  async function load(): Promise<void> {
    try {
      const answer = await hall.command<Answer>("settings", {}, PATIENCE_S);
      settings.value = new Map(answer.settings.map((setting) => [setting.key, setting]));
      loaded.value = true;
      trouble.value = "";
    } catch (error) {
      trouble.value = reasonOf(error);
    }
  }

  function set(key: string, value: unknown): void {
    const next = new Map(draft.value);
    const { [key]: _, ...others } = faults.value;
    faults.value = others;
    done.value = "";
    falling.value = cancel.value = false; // said of another draft
    if (same(value, settings.value.get(key)?.value)) next.delete(key);
    else if (value === null) next.set(key, { reset: true });
    else next.set(key, { value });
    draft.value = next;
  }

  /** Back to what hall.toml says; gone where it says nothing. */
  function reset(key: string): void {
    const setting = settings.value.get(key);
    const next = new Map(draft.value);
    if (setting === undefined || !setting.own) next.delete(key);
    else next.set(key, { reset: true });
    falling.value = cancel.value = false;
    draft.value = next;
  }

  /** Every key of an entry: it is gone, or as hall.toml has it. */
  function resetEntry(stem: string): void {
    for (const key of new Set([...settings.value.keys(), ...draft.value.keys()])) if (key.startsWith(`${stem}.`)) reset(key);
  }

  function discard(): void {
    draft.value = new Map();
    faults.value = {};
    trouble.value = "";
    falling.value = cancel.value = false;
  }

  async function save(): Promise<void> {
    if (draft.value.size === 0 || busy.value) return;
    busy.value = true;
    trouble.value = done.value = "";
    faults.value = {};
    const wanted = Object.fromEntries([...draft.value].map(([key, change]) => [key, "reset" in change ? null : change.value]));
    try {
      const answer = await hall.command<Answer>("settings.change", { changes: wanted, cancel: cancel.value }, PATIENCE_S);
      settings.value = new Map(answer.settings.map((setting) => [setting.key, setting]));
      discard();
      done.value = t("admin.saved");
    } catch (error) {
      trouble.value = reasonOf(error);
      if (error instanceof Refused) faults.value = faultsOf(error);
      falling.value = error instanceof Refused && error.problem.code === "appointments_outside";
      cancel.value &&= falling.value; // nobody ticked what is not seen
    } finally {
      busy.value = false;
    }
  }

  hall.onRecords((records) => {
    if (!busy.value && records.some((record) => /^(config|policy)\.changed$|^counter\.configured$/.test(record.type))) void load();
  });
  watch(hall.status, (status) => status === "live" && void load(), { immediate: true });

  return {
    settings, draft, values, changes, faults, trouble, done, busy, falling, cancel, may, loaded,
    load, set, reset, resetEntry, discard, save,
    entries: (table: string) => entriesOf(table, values.value),
    value: (key: string) => values.value.get(key) ?? null,
    /** Whether the hall will have its own value. */
    own: (key: string) => !same(values.value.get(key) ?? null, settings.value.get(key)?.default ?? null),
    default: (key: string) => settings.value.get(key)?.default ?? null,
  };
}

export type Settings = ReturnType<typeof useSettings>;

export function reasonOf(error: unknown): string {
  if (error instanceof Refused) return pick(error.problem.words) || error.problem.detail || error.problem.title || "";
  if (error instanceof GivenUp) return t("counter.no_answer");
  if (error instanceof TypeError || error instanceof DOMException) return t("counter.no_answer"); // fetch: no line, or too slow
  throw error;
}

function faultsOf(error: Refused): Record<string, string> {
  const why = pick(error.problem.words);
  return Object.fromEntries(Object.entries(error.problem.fields ?? {}).map(([field, said]) => [keyOf(field), why || said]));
}
