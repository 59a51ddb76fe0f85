/** Durations and clock times as people read them. */

/** `4:05`, `1:02:09`: a running time, in seconds. */
export function running(span_s: number): string {
  const whole = Math.max(0, Math.floor(span_s));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (part: number) => String(part).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/** Whole minutes, half up; from half a minute on the first counts. */
export function minutes(span_s: number): number {
  return Math.max(0, Math.round(span_s / 60));
}

/** `09:30` of an instant (Unix ms) on the wall of a hall in `zone` (IANA name; absent: this screen's). */
export function timeOfDay(at: number, zone?: string): string {
  return clockIn(zone).format(at);
}

const clocks = new Map<string | undefined, Intl.DateTimeFormat>();

/** Formatters are dear to make and pages tell the time often: one a zone is kept. */
function clockIn(zone: string | undefined): Intl.DateTimeFormat {
  let clock = clocks.get(zone);
  if (!clock) {
    clock = new Intl.DateTimeFormat("en-GB", {
      hour: "2-digit",
      minute: "2-digit",
      hourCycle: "h23",
      timeZone: zone,
    });
    clocks.set(zone, clock);
  }
  return clock;
}
