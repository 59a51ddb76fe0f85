/** Open alerts as rows of a list: the most urgent first, each with the time that is left now. */
import type { AlertKind, AlertView, HallState } from "../../client";

export interface AlertRow {
  alert: AlertView;
  /** Time left to the promise (s), below zero when it is broken; null for an alert about the whole hall. */
  left_s: number | null;
}

/** What is broken comes before what will be, and the hall as a whole after the people in it. */
const ORDER: Record<AlertKind, number> = { breach: 0, warning: 1, long_wait: 2, peak: 3 };

export function openAlerts(state: HallState, now: number): AlertRow[] {
  return state.alerts
    .filter((alert) => !alert.acknowledged)
    .map((alert) => ({ alert, left_s: alert.left_s === null ? null : alert.left_s - (now - alert.at) / 1000 }))
    .sort(
      (one, other) =>
        ORDER[one.alert.kind] - ORDER[other.alert.kind] ||
        (one.left_s ?? 0) - (other.left_s ?? 0) ||
        one.alert.at - other.alert.at,
    );
}
