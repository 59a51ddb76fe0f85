/**
 * The hall as a page sees it: the shape of a snapshot's `state`.
 *
 * Instants are integer Unix milliseconds of the hall's clock, every other duration names its unit.
 * A value is replaced, never changed in place, so that "has it changed?" is a comparison of identities.
 */

export interface Words {
  zh: string;
  en: string;
}

export type TicketState = "waiting" | "called" | "serving" | "held";
export type CounterState = "closed" | "open" | "paused";

export interface ServiceView {
  id: string;
  name: Words;
  prefix: string;
  group: Words | null;
  papers: Words[];
  target_wait_s: Record<string, number>;
  open: boolean;
  waiting: number;
  expected_wait_s: number | null;
}

export interface ClassView {
  id: string;
  name: Words;
  target_wait_s: number;
  priority: number;
}

export interface CounterView {
  number: number;
  name: Words;
  state: CounterState;
  since: number;
  agent: string | null;
  reason: string | null;
  skills: Record<string, number>;
  /** The id of the ticket at this counter, called or being served. */
  ticket: string | null;
  served: number;
  /** When it last became free. */
  free_since?: number;
}

export interface TicketView {
  id: string;
  number: string;
  service: string;
  customer_class: string;
  state: TicketState;
  position: number;
  estimated_wait_s: number | null;
  target_wait_s: number;
  taken_at: number;
  /** When its present wait began. */
  queued_at: number;
  called_at: number | null;
  started_at: number | null;
  ended_at: number | null;
  held_at: number | null;
  counter: number | null;
  agent: string | null;
  recalls: number;
  waited_s: number;
  served_s: number;
  /** The one counter it waits for; 0 is any. */
  only_counter: number;
  channel: string;
  outcome: string | null;
}

export interface RecentCall {
  ticket: string;
  number: string;
  counter: number;
  at: number;
  service: string;
}

export interface DeviceView {
  name: string;
  driver: string;
  device_class: string;
  counter: number | null;
  status: string;
  detail: string;
  /** Null while it has never reported. */
  since: number | null;
}

export interface ClassFigures {
  taken: number;
  finished: number;
  waiting: number;
  mean_wait_s: number | null;
  within_target: number | null;
}

export interface HalfHour {
  from: number;
  taken: number;
  finished: number;
  mean_wait_s: number | null;
}

export interface TodayFigures {
  taken: number;
  waiting: number;
  held: number;
  at_counters: number;
  finished: number;
  no_show: number;
  cancelled: number;
  expired: number;
  mean_wait_s: number | null;
  mean_service_s: number | null;
  within_target: number | null;
  by_class: Record<string, ClassFigures>;
  by_half_hour: HalfHour[];
}

export interface HallState {
  epoch: string | number;
  seq: number;
  at: number;
  now: number;
  speed: number;
  org: string;
  name: Words;
  /** IANA name: clock times on every page are the hall's. */
  timezone: string;
  day: string | null;
  open: boolean;
  services: ServiceView[];
  classes: ClassView[];
  counters: CounterView[];
  tickets: TicketView[];
  recent_calls: RecentCall[];
  policy: { kind: string; max_wait_s: number | null };
  alerts: unknown[];
  devices: DeviceView[];
  today: TodayFigures;
}

/** How many calls `recent_calls` keeps. */
export const RECENT_CALLS = 12;
