/** Facts about counters (台席): opened, paused, resumed, closed, skills changed. */
import { levels, mode, number, text } from "./reading";
import type { CounterView, HallState } from "./state";

export function withCounter(
  state: HallState,
  which: number | null,
  change: (counter: CounterView) => Partial<CounterView>,
): HallState {
  if (which === null) return state;
  return {
    ...state,
    counters: state.counters.map((counter) =>
      counter.number === which ? { ...counter, ...change(counter) } : counter,
    ),
  };
}

export function foldCounter(state: HallState, type: string, data: Record<string, unknown>, at: number): HallState {
  const which = number(data.counter);
  switch (type) {
    case "counter.opened":
      return withCounter(state, which, (counter) => ({
        state: "open",
        since: at,
        free_since: at,
        agent: text(data.agent),
        reason: null,
        skills: levels(data.skills) ?? counter.skills,
      }));
    case "counter.paused":
      return withCounter(state, which, () => ({ state: "paused", since: at, reason: text(data.reason) }));
    case "counter.resumed":
      return withCounter(state, which, () => ({ state: "open", since: at, free_since: at, reason: null }));
    case "counter.closed":
      return withCounter(state, which, () => ({ state: "closed", since: at, agent: null, reason: null }));
    case "counter.configured":
      return withCounter(state, which, (counter) => ({
        skills: levels(data.skills) ?? counter.skills,
        mode: mode(data.mode) ?? counter.mode,
      }));
    default:
      return state;
  }
}
