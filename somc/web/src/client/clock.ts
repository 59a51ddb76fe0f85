/**
 * The hall's clock, read between messages: the last instant the hall named, plus what has passed here since,
 * times `speed` (a hall may live an hour in a minute). The local clock must be monotonic, since a PC's wall
 * clock may be wrong and may jump.
 */
export class HallClock {
  private anchorHall_ms: number;
  private anchorLocal_ms: number;
  private pace = 1;

  /** `local` answers monotonic milliseconds, `wall` what to show until the hall has spoken. */
  constructor(
    private readonly local: () => number,
    wall: number,
  ) {
    this.anchorHall_ms = wall;
    this.anchorLocal_ms = local();
  }

  get speed(): number {
    return this.pace;
  }

  /** The hall said that it is `now` there. */
  set(now: number, speed: number = this.pace): void {
    this.anchorHall_ms = now;
    this.anchorLocal_ms = this.local();
    this.pace = speed > 0 ? speed : 1;
  }

  /** The hall's present instant, Unix milliseconds. */
  now(): number {
    return this.anchorHall_ms + (this.local() - this.anchorLocal_ms) * this.pace;
  }
}
