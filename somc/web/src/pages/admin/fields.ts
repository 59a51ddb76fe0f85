/** What of each table of hall.toml is edited here, and how; the routing parameters have their own page. */
import type { Key } from "../../words/language";

export type Kind = "words" | "wordsList" | "text" | "textList" | "number" | "levels" | "mode" | "means" | "class" | "place" | "hours";

export interface Field {
  name: string;
  kind: Kind;
  words: Key;
  unit?: Key;
  least?: number;
  most?: number;
  /** Whether an entry cannot be without it. */
  needed?: boolean;
}

export const SERVICE: Field[] = [
  { name: "name", kind: "words", words: "admin.name", needed: true },
  { name: "prefix", kind: "text", words: "admin.prefix", needed: true },
  { name: "group", kind: "words", words: "admin.group" },
  { name: "mean_service_s", kind: "number", words: "admin.mean_service", unit: "admin.seconds", least: 1, most: 86_400 },
  { name: "papers", kind: "wordsList", words: "admin.papers" },
  { name: "max_waiting", kind: "number", words: "admin.max_waiting", least: 1, most: 100_000 },
  { name: "hours", kind: "hours", words: "admin.hours" },
  { name: "daily_limit", kind: "number", words: "admin.daily_limit", least: 1, most: 100_000 },
];

export const CLASS: Field[] = [
  { name: "name", kind: "words", words: "admin.name", needed: true },
  { name: "target_wait_s", kind: "number", words: "parameter.target_wait_s", unit: "admin.seconds", least: 1, most: 86_400 },
  { name: "warn_lead_s", kind: "number", words: "parameter.warn_lead_s", unit: "admin.seconds", least: 0, most: 86_400 },
];

export const COUNTER: Field[] = [
  { name: "name", kind: "words", words: "admin.name", needed: true },
  { name: "skills", kind: "levels", words: "admin.skills", needed: true },
  { name: "mode", kind: "mode", words: "counter.mode" },
  { name: "at", kind: "place", words: "admin.place" },
];

/** Tables without entries: whole keys. */
export const HALL: Field[] = [
  { name: "hall.name", kind: "words", words: "admin.hall_name" },
  { name: "hall.default_class", kind: "class", words: "admin.default_class" },
  { name: "hall.max_recalls", kind: "number", words: "admin.max_recalls", least: 0, most: 20 },
  { name: "alerts.long_wait_s", kind: "number", words: "admin.long_wait", unit: "admin.seconds", least: 1, most: 86_400 },
  { name: "alerts.peak_per_hour", kind: "number", words: "admin.peak", least: 1, most: 100_000 },
  { name: "estimates.means", kind: "means", words: "admin.means" },
];

/** What every week has, unless the calendar says otherwise of a date. */
export const WEEK: Field = { name: "hall.hours", kind: "hours", words: "admin.hours" };

export const DISPLAY: Field[] = [
  { name: "display.notices", kind: "wordsList", words: "admin.notices" },
  { name: "display.media", kind: "textList", words: "admin.media" },
  { name: "display.picture_s", kind: "number", words: "admin.picture_s", unit: "admin.seconds", least: 1, most: 86_400 },
];

/** A new entry's name as hall.toml allows it. */
export const NAME = /^[a-z][a-z0-9_-]{0,39}$/;
export const COUNTER_NUMBER = /^[1-9]\d{0,2}$/;
