/**
 * A computed value that is the same object for as long as it says the same.
 *
 * The hall's state is another object after every record. A list whose rows move (`TransitionGroup`) measures the whole
 * page before and after each of its updates: it is to have one only when a row has changed.
 */
import { computed } from "vue";
import type { ComputedRef } from "vue";

export function steady<T>(read: () => T): ComputedRef<T> {
  return computed<T>((before) => {
    const next = read();
    return before !== undefined && JSON.stringify(before) === JSON.stringify(next) ? before : next;
  });
}
