import { expect, test } from "vitest";
import { shallowRef, watch } from "vue";

import { steady } from "../src/hall/steady";

test("what says the same is no change, what says another thing is one", () => {
  const state = shallowRef({ seq: 1, calls: ["A001"] });
  const calls = steady(() => state.value.calls.map((number) => ({ number })));
  let changes = 0;
  watch(calls, () => (changes += 1), { flush: "sync" });
  state.value = { seq: 2, calls: ["A001"] };
  expect(changes).toBe(0);
  state.value = { seq: 3, calls: ["A002", "A001"] };
  expect([changes, calls.value]).toEqual([1, [{ number: "A002" }, { number: "A001" }]]);
});
