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

/** `09:30` of an instant (Unix ms), in this screen's time zone: a screen hangs in its hall. */
export function timeOfDay(at: number): string {
  const when = new Date(at);
  return `${String(when.getHours()).padStart(2, "0")}:${String(when.getMinutes()).padStart(2, "0")}`;
}
