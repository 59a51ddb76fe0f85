/** Open alerts as rows of a list: the most urgent first, each with the time that is left now. */
import type { AlertKind, AlertView, HallState } from "../../client";

export interface AlertRow {
  alert: AlertView;
  /** Lesser open alerts of the same ticket: whoever sees to the row has seen to them too. */
  lesser: string[];
  /** Time left to the promise (s), below zero when it is broken; null for an alert about the whole hall. */
  left_s: number | null;
}

/** What is broken comes before what will be, and the hall as a whole after the people in it. */
const ORDER: Record<AlertKind, number> = { breach: 0, warning: 1, long_wait: 2, peak: 3, gateway_down: 4, appointments_outside: 5, plugin: 6 };

/** Whether `alert` is of the same ticket as `other` and says less: its warning, once the promise is broken. */
function isLesser(alert: AlertView, other: AlertView): boolean {
  return alert.ticket !== null && alert.ticket === other.ticket && ORDER[alert.kind] > ORDER[other.kind];
}

export function openAlerts(state: HallState, now: number): AlertRow[] {
  const open = state.alerts.filter((alert) => !alert.acknowledged);
  return open
    .map((alert) => ({
      alert,
      lesser: open.filter((one) => isLesser(one, alert)).map((one) => one.id),
      left_s: alert.left_s === null ? null : alert.left_s - (now - alert.at) / 1000,
    }))
    .filter((row) => !open.some((one) => isLesser(row.alert, one)))
    .sort(
      (one, other) =>
        ORDER[one.alert.kind] - ORDER[other.alert.kind] ||
        (one.left_s ?? 0) - (other.left_s ?? 0) ||
        one.alert.at - other.alert.at,
    );
}
