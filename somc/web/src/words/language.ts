/** The page's language: Chinese or English, from `?lang=`, else as chosen here before, else the browser's. */
import { readonly, ref, watchEffect } from "vue";

import type { Words } from "../client";
import { recall, remember } from "../hall/memory";
import { minutes } from "../hall/spans";
import { en } from "./en";
import { zh } from "./zh";

export type Language = "zh" | "en";
export type Key = keyof typeof zh;
export type Facts = Record<string, string | number>;

const TABLES: Record<Language, Record<Key, string>> = { zh, en };
const MEMORY = "language";

function isLanguage(value: string | null): value is Language {
  return value === "zh" || value === "en";
}

function first(): Language {
  const asked = new URLSearchParams(location.search).get("lang");
  if (isLanguage(asked)) return asked;
  const before = recall(MEMORY);
  if (isLanguage(before)) return before;
  return navigator.language.toLowerCase().startsWith("en") ? "en" : "zh";
}

const current = ref<Language>(first());

watchEffect(() => {
  document.documentElement.lang = current.value === "zh" ? "zh-CN" : "en";
});

export const language = readonly(current);

export function speakLanguage(chosen: Language): void {
  current.value = chosen;
  remember(MEMORY, chosen);
}

/** `{name}` in a text becomes the fact of that name. */
export function fill(text: string, facts: Facts): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(facts[name] ?? whole));
}

/** The text `key` in the page's language. */
export function t(key: Key, facts: Facts = {}): string {
  return fill(TABLES[current.value][key], facts);
}

/** The text `key` in a language that is not necessarily the page's (for the voice). */
export function say(chosen: Language, key: Key, facts: Facts = {}): string {
  return fill(TABLES[chosen][key], facts);
}

/** Words of the hall in the page's language; the other one if this is empty. */
export function pick(words: Words | null | undefined): string {
  if (!words) return "";
  return current.value === "zh" ? words.zh || words.en : words.en || words.zh;
}

/** Shorter waits than this are none to a person (s). */
export const NO_WAIT_S = 45;

/** Longer waits are not told in minutes, as on the slip: an estimate so far ahead is no promise (min). */
export const MOST_MINUTES = 120;

/** An expected wait as a person says it. */
export function waitWords(expected_s: number): string {
  if (expected_s < NO_WAIT_S) return t("no_wait");
  const n = minutes(expected_s);
  return n > MOST_MINUTES ? t("over_two_hours") : t("about_minutes", { n });
}

/** The text of a catalogued code (`state.open`), or the code itself where no text is known. */
export function named(prefix: string, code: string): string {
  const key = `${prefix}.${code}`;
  return key in TABLES[current.value] ? TABLES[current.value][key as Key] : code;
}
