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
/** Whether a counter takes its next customer by pressing, or is given one when it is free. */
export type CounterMode = "manual" | "auto";

/** Why a ticket was called: the rule that spoke, what it compared, and all of it as a sentence. */
export interface Reason {
  rule: string;
  policy: string;
  waited_s: number;
  candidates: number;
  score?: number | null;
  level?: number | null;
  runner_up?: string | null;
  runner_up_score?: number | null;
  /** Time left to the promise when it was called; below zero it was late. */
  target_left_s?: number | null;
  words: Words;
}

export interface ServiceView {
  id: string;
  name: Words;
  prefix: string;
  group: Words | null;
  papers: Words[];
  /** Whether it takes appointments. */
  bookable?: boolean;
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
  mode?: CounterMode;
  /** The id of the ticket at this counter, called or being served. */
  ticket: string | null;
  served: number;
  /** Where it stands on the floor plan: column and row; null if the hall does not say. */
  place?: [number, number] | null;
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
  /** Why it was called, while it is at a counter; the public's screens are not told. */
  reason?: Reason | null;
  /** The booked time of an appointment. */
  booked_at?: number | null;
  /** Whether it stands with the appointments; whoever came too late does not. */
  booked?: boolean;
}

/** A waiting ticket's place in the order of calling (from 1), and the wait that is still expected. */
export type Place = [place: number | null, expected_wait_s: number | null];

export type AlertKind = "warning" | "breach" | "long_wait" | "peak" | "gateway_down" | "appointments_outside" | "plugin";

/** Something a manager must see (预警), from its raising until it is acknowledged or cleared. */
export interface AlertView {
  id: string;
  kind: AlertKind;
  at: number;
  ticket: string | null;
  number: string | null;
  service: string | null;
  customer_class: string | null;
  target_wait_s: number | null;
  waited_s: number | null;
  /** Time left to the promise when it was raised; below zero it is broken. */
  left_s: number | null;
  /** What was measured and the limit it passed, of alerts that are about the whole hall. */
  value: number | null;
  limit: number | null;
  /** What it says by itself, if its kind does not say it all. */
  words?: Words | null;
  acknowledged?: string | null;
}

/** How many counters the promise needs now. */
export interface Advice {
  open_now: number;
  needed: number;
  /** Counters to open, and counters that may close, best first. */
  open: number[];
  close: number[];
  words: Words;
}

export interface PolicyView {
  kind: string;
  max_wait_s: number | null;
  version?: number;
  distribution?: string;
  names?: { kind?: Words; distribution?: Words };
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
  mean_service_s?: number | null;
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

/** What the hall display shows beside calls. */
export interface DisplayView {
  notices: Words[];
  media: string[];
  picture_s: number;
}

/** One slot of today's appointments of a service: how many booked, came, were served, did not come. */
export interface SlotToday {
  at: number;
  ends_at: number;
  service: string;
  booked: number;
  arrived: number;
  served: number;
  missed: number;
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
  policy: PolicyView;
  /** Open alerts; the public's screens have none. */
  alerts: AlertView[];
  advice?: Advice | null;
  /** By ticket id, of everybody who waits. */
  places?: Record<string, Place>;
  devices: DeviceView[];
  display?: DisplayView;
  /** What plugins have displays say beside the calls, just now. */
  display_lines?: Words[];
  /** Today's appointments by slot; the public's screens have none. */
  appointments?: SlotToday[];
  today: TodayFigures;
}

/** How many calls `recent_calls` keeps. */
export const RECENT_CALLS = 12;
