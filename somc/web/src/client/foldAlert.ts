/**
 * Facts about alerts (预警). Only open ones are kept: an alert that was acknowledged or cleared is dropped, in
 * whichever order those two come.
 */
import { number, text, words } from "./reading";
import type { AlertKind, AlertView, HallState } from "./state";

type Data = Record<string, unknown>;

const KINDS: readonly string[] = ["warning", "breach", "long_wait", "peak", "gateway_down", "appointments_outside", "plugin"] satisfies AlertKind[];

export function foldAlert(state: HallState, type: string, data: Data, at: number): HallState {
  const id = text(data.alert);
  if (id === null) return state;
  const others = state.alerts.filter((alert) => alert.id !== id);
  switch (type) {
    case "alert.raised": {
      const kind = text(data.kind);
      if (kind === null || !KINDS.includes(kind)) return state;
      return { ...state, alerts: [...others, raised(id, kind as AlertKind, data, at)] };
    }
    case "alert.acknowledged":
    case "alert.cleared":
      return others.length === state.alerts.length ? state : { ...state, alerts: others };
    default:
      return state;
  }
}

function raised(id: string, kind: AlertKind, data: Data, at: number): AlertView {
  return {
    id,
    kind,
    at,
    ticket: text(data.ticket),
    number: text(data.number),
    service: text(data.service),
    customer_class: text(data.customer_class),
    target_wait_s: number(data.target_wait_s),
    waited_s: number(data.waited_s),
    left_s: number(data.left_s),
    value: number(data.value),
    limit: number(data.limit),
    words: words(data.words),
  };
}
