/** The order in which services and classes stand on every page: as their letters run, and by who goes first. */
import type { ClassView, HallState, ServiceView } from "../client";

export function servicesInOrder(state: HallState | null): ServiceView[] {
  return [...(state?.services ?? [])].sort((one, other) => one.prefix.localeCompare(other.prefix, "en"));
}

export function classesInOrder(state: HallState | null): ClassView[] {
  return [...(state?.classes ?? [])].sort(
    (one, other) => one.priority - other.priority || one.id.localeCompare(other.id, "en"),
  );
}
