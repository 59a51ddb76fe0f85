/** How the parameters of a policy are called, and in which unit people read and type them. */
import type { HallState } from "../../client";
import { named, pick, t } from "../../words/language";
import type { Value } from "./answer";

export type Unit = "minutes" | "percent" | "number" | "name";

/** The parameter's own name: the last part of the path that is not a class. */
export function leafOf(path: string): string {
  const steps = path.split(".");
  return steps[0] === "services" || steps[0] === "counters" ? (steps[2] ?? "") : (steps.at(-1) ?? "");
}

export function unitOf(path: string): Unit {
  const leaf = leafOf(path);
  if (leaf.endsWith("_s")) return "minutes";
  if (leaf === "target_utilisation") return "percent";
  return leaf === "kind" || leaf === "distribution" ? "name" : "number";
}

/** What one unit on the screen is in the hall's own (s, share). */
const SCALE: Record<Unit, number> = { minutes: 60, percent: 0.01, number: 1, name: 1 };

/** Seconds as minutes, shares as percent: at most three digits after the point. */
export function shown(value: number, unit: Unit): number {
  return Math.round((value / SCALE[unit]) * 1000) / 1000;
}

/** What was typed as the hall's value; null for nothing, undefined for what is no number. */
export function typed(text: string, unit: Unit): number | null | undefined {
  if (text.trim() === "") return null;
  const given = Number(text);
  if (!Number.isFinite(given)) return undefined;
  const value = given * SCALE[unit];
  return unit === "minutes" ? Math.round(value) : Math.round(value * 1e6) / 1e6;
}

/** `全球通 · 缴费 · 服务标准`: where a path stands, in words. */
export function nameOf(path: string, hall: HallState): string {
  const [room, first = "", , second] = path.split(".");
  const className = (id: string) => pick(hall.classes.find((one) => one.id === id)?.name) || id;
  const leaf = named("parameter", leafOf(path));
  if (room === "classes") return `${className(first)} · ${leaf}`;
  const serviceName = (id: string) => pick(hall.services.find((one) => one.id === id)?.name) || id;
  if (room === "counters") {
    const counter = t("policy.counter", { n: first });
    return [counter, second === undefined ? "" : serviceName(second), leaf].filter(Boolean).join(" · ");
  }
  if (room !== "services") return leaf;
  return [serviceName(first), second === undefined ? "" : className(second), leaf].filter(Boolean).join(" · ");
}

/** A value in words, with its unit. */
export function wordsOf(path: string, value: Value): string {
  if (value === null) return t(path.startsWith("counters.") ? "policy.no_skill" : "policy.inherited");
  if (typeof value === "string") return named(leafOf(path) === "distribution" ? "distribution" : "policy", value);
  const unit = unitOf(path);
  const n = shown(value, unit);
  if (unit === "minutes") return t("minutes", { n });
  return unit === "percent" ? `${n}%` : String(n);
}
