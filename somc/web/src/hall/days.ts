/** Days of the hall's calendar as instants: a report is asked for from one midnight of the hall to another. */

const DAY_MS = 86_400_000;

/** `2026-11-26` of an instant (Unix ms) in `zone`. */
export function dateOf(at: number, zone: string): string {
  // Canadian English writes dates as ISO 8601 does.
  return new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: zone }).format(at);
}

/** The date so many days later (or, below zero, earlier). */
export function plusDays(date: string, days: number): string {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10);
}

/** The Monday of the week in which the date is. */
export function mondayOf(date: string): string {
  const day = new Date(`${date}T00:00:00Z`).getUTCDay();
  return plusDays(date, -((day + 6) % 7));
}

/** The instant (Unix ms) at which the date begins in `zone`; NaN for what is no date. */
export function beginOf(date: string, zone: string): number {
  const asUtc = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(asUtc)) return NaN;
  // The offset at midnight is not known before midnight is: the first guess is at most a day off, the second exact
  // unless the clocks change in between, the third then.
  let at = asUtc;
  for (let round = 0; round < 3; round++) at = asUtc - offsetAt(at, zone);
  return at;
}

/** How far the zone's clock is before UTC at that instant (ms). */
function offsetAt(at: number, zone: string): number {
  const parts = new Intl.DateTimeFormat("en-GB", {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZone: zone,
  }).formatToParts(at);
  const of = (type: Intl.DateTimeFormatPartTypes) => Number(parts.find((part) => part.type === type)?.value);
  const wall = Date.UTC(of("year"), of("month") - 1, of("day"), of("hour"), of("minute"), of("second"));
  return wall - Math.floor(at / 1000) * 1000;
}
