/**
 * Records onto the hall: `fold(state, record)` is the state after that fact.
 *
 * What must stay true
 * - It decides nothing and never raises: a record of an unknown type, with unknown fields or about a ticket this
 *   page may not see leaves the rest as it was; only `seq` and `at` go on.
 * - A record at or below `state.seq` has been folded already and changes nothing: twice is once.
 * - The old state stays whole; what did not change keeps its identity.
 */
import { foldAlert } from "./foldAlert";
import { foldCounter } from "./foldCounter";
import { foldTicket } from "./foldTicket";
import type { Figures, HallRecord } from "./messages";
import { text } from "./reading";
import type { DeviceView, HallState, TodayFigures } from "./state";

export function fold(state: HallState, record: HallRecord): HallState {
  if (record.seq <= state.seq) return state;
  const { type, at } = record;
  const data = record.data ?? {};
  let next = state;
  if (type.startsWith("ticket.")) next = foldTicket(state, type, data, at);
  else if (type.startsWith("counter.")) next = foldCounter(state, type, data, at);
  else if (type.startsWith("alert.")) next = foldAlert(state, type, data, at);
  else if (type === "day.ended") next = dayEnded(state);
  else if (type === "device.status") next = deviceReported(state, data, at);
  return { ...next, seq: record.seq, at };
}

/** Settings travel as dotted keys of hall.toml; how they read as a whole only the hall can say. */
export function asksForSnapshot(record: HallRecord): boolean {
  if (record.type === "config.changed" || record.type === "policy.changed") return true;
  return record.type === "counter.configured" && (record.data?.skills ?? null) === null;
}

/** What the hall computed since: counts and estimates are its own and win over ours. */
export function foldFigures(state: HallState, figures: Figures): HallState {
  const byService = figures.services;
  return {
    ...state,
    day: figures.day === undefined ? state.day : figures.day,
    open: figures.open ?? state.open,
    services: byService
      ? state.services.map((service) => ({ ...service, ...(byService[service.id] ?? {}) }))
      : state.services,
    today: figures.today ? { ...state.today, ...figures.today } : state.today,
    places: figures.places ?? state.places,
    alerts: figures.alerts ?? state.alerts,
    advice: figures.advice === undefined ? state.advice : figures.advice,
    policy: figures.policy ?? state.policy,
    appointments: figures.appointments ?? state.appointments,
    display_lines: figures.display_lines ?? state.display_lines,
    devices: figures.devices ? listed(state.devices, figures.devices) : state.devices,
  };
}

/** Plugins bring devices and take them along: those that there are, what is not known yet by its name alone. */
function listed(known: DeviceView[], names: string[]): DeviceView[] {
  if (known.length === names.length && names.every((name, place) => known[place]?.name === name)) return known;
  return names.map((name) => known.find((device) => device.name === name) ?? unknownDevice(name));
}

/** Records and figures name a device; what it is only a snapshot says. */
export function lacksDevice(state: HallState): boolean {
  return state.devices.some((device) => device.driver === "");
}

function unknownDevice(name: string): DeviceView {
  return { name, driver: "", device_class: "", counter: null, status: "unknown", detail: "", since: null };
}

const NOTHING_YET: TodayFigures = {
  taken: 0,
  waiting: 0,
  held: 0,
  at_counters: 0,
  finished: 0,
  no_show: 0,
  cancelled: 0,
  expired: 0,
  mean_wait_s: null,
  mean_service_s: null,
  within_target: null,
  by_class: {},
  by_half_hour: [],
};

/** Who is at a counter is served on, under the old day; everything else begins anew. */
function dayEnded(state: HallState): HallState {
  return {
    ...state,
    day: null,
    alerts: [],
    places: {},
    recent_calls: state.recent_calls.filter((call) => state.tickets.some((ticket) => ticket.id === call.ticket)),
    counters: state.counters.map((counter) => (counter.served ? { ...counter, served: 0 } : counter)),
    today: { ...NOTHING_YET, at_counters: state.today.at_counters },
  };
}

function deviceReported(state: HallState, data: Record<string, unknown>, at: number): HallState {
  const name = text(data.device);
  if (name === null) return state;
  const health = { status: text(data.status) ?? "unknown", detail: text(data.detail) ?? "", since: at };
  const known = state.devices.some((device) => device.name === name);
  return {
    ...state,
    devices: known
      ? state.devices.map((device) => (device.name === name ? { ...device, ...health } : device))
      : [...state.devices, { ...unknownDevice(name), ...health }],
  };
}
