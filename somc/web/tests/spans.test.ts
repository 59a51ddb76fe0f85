import { expect, test } from "vitest";

import { timeOfDay } from "../src/hall/spans";

test("a time of day is the hall's, wherever the screen thinks it is", () => {
  const at = Date.UTC(2026, 10, 22, 16, 5);
  expect(timeOfDay(at, "Asia/Shanghai")).toBe("00:05");
  expect(timeOfDay(at, "Europe/Berlin")).toBe("17:05");
});
