/** Opening hours as the hall keeps them (seconds after midnight, Monday first) and as people write them. */

export type Span = [number, number];

export interface Hours {
  week: Span[][];
  closed_dates: string[];
}

const DAY_S = 86_400;
const SPAN = /^(([01]\d|2[0-3]):[0-5]\d)-(([01]\d|2[0-3]):[0-5]\d|24:00)$/;

/** A hall without hours is open around the clock. */
export const AROUND_THE_CLOCK: Span[][] = Array.from({ length: 7 }, () => [[0, DAY_S]]);

/** The spans of `09:00-12:00, 13:30-17:30`, each as it was written. */
export function partsOf(text: string): string[] {
  return text.split(/[,，;；、\s]+/).filter(Boolean);
}

export function isSpan(text: string): boolean {
  return SPAN.test(text);
}

/** `null` if there is something in it that is no span; nothing at all is a closed day. */
export function spansOf(text: string): Span[] | null {
  const parts = partsOf(text);
  if (!parts.every(isSpan)) return null;
  return parts.map((part): Span => {
    const [from, until] = part.split("-").map(secondOf) as Span;
    return [from, until > from ? until : until + DAY_S]; // past midnight
  });
}

export function spansText(spans: Span[]): string {
  return spans.map(([from, until]) => `${clock(from)}-${clock(until)}`).join(", ");
}

/** From Monday to Sunday, short. */
export function weekdays(language: string): string[] {
  const names = new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { weekday: "short", timeZone: "UTC" });
  return Array.from({ length: 7 }, (_, at) => names.format(Date.UTC(2024, 0, 1 + at))); // 1 January 2024 was a Monday
}

function secondOf(clock: string): number {
  const [hours = 0, minutes = 0] = clock.split(":").map(Number);
  return hours * 3600 + minutes * 60;
}

function clock(second: number): string {
  const within = second === DAY_S ? second : second % DAY_S;
  const two = (part: number) => String(part).padStart(2, "0");
  return `${two(Math.floor(within / 3600))}:${two(Math.floor(within / 60) % 60)}`;
}
