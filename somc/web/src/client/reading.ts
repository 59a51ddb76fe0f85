/** Reading a record's loose fields: the value if it is of that kind, else null. */
import type { CounterMode, Words } from "./state";

export const text = (value: unknown): string | null => (typeof value === "string" ? value : null);

export const number = (value: unknown): number | null =>
  typeof value === "number" && Number.isFinite(value) ? value : null;

export const mode = (value: unknown): CounterMode | null => (value === "manual" || value === "auto" ? value : null);

export function words(value: unknown): Words | null {
  if (typeof value !== "object" || value === null) return null;
  const { zh, en } = value as Record<string, unknown>;
  return typeof zh === "string" && typeof en === "string" ? { zh, en } : null;
}

export function levels(value: unknown): Record<string, number> | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, number>) : null;
}
