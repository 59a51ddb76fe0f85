import { expect, test } from "vitest";

import { spansOf, spansText } from "../src/pages/admin/hours";

test("hours read as they were written, past midnight too", () => {
  for (const text of ["09:00-12:00, 13:30-17:30", "00:00-24:00", "22:00-02:00", ""]) {
    expect(spansText(spansOf(text)!)).toBe(text);
  }
  expect(spansOf("22:00-02:00")).toEqual([[79_200, 93_600]]);
  expect(spansOf("09:00-12:00，13:00-17:00")).toHaveLength(2);
});

test.each(["9-17", "09:00", "24:00-25:00", "09:00-24:30", "09:60-10:00", "09:00-12:00 x"])("%s is no hours", (text) => {
  expect(spansOf(text)).toBeNull();
});
