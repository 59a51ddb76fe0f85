/**
 * Waiting before the next attempt, with full jitter: any time up to a limit that doubles with every failure.
 * All screens of a hall lose the server at the same moment; spread over the whole span they do not return as one.
 */
import { SETTINGS } from "./settings";

export class Backoff {
  private failures = 0;

  /** `random` answers in [0, 1). */
  constructor(
    private readonly random: () => number = Math.random,
    private readonly first_s: number = SETTINGS.firstBackoff_s,
    private readonly most_s: number = SETTINGS.mostBackoff_s,
  ) {}

  /** How long to wait now, in seconds; each answer raises the limit of the next. */
  next_s(): number {
    const limit = Math.min(this.most_s, this.first_s * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 30);
    return this.random() * limit;
  }

  /** It worked for a while: begin small again. */
  reset(): void {
    this.failures = 0;
  }
}
