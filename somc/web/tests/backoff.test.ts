import { expect, test } from "vitest";

import { Backoff } from "../src/client";

test("the limit doubles from a quarter second to ten seconds", () => {
  const backoff = new Backoff(() => 1);
  expect(Array.from({ length: 8 }, () => backoff.next_s())).toEqual([0.25, 0.5, 1, 2, 4, 8, 10, 10]);
});

test("jitter is full: any wait from none to the limit", () => {
  expect(new Backoff(() => 0).next_s()).toBe(0);
  const chances = [0.1, 0.9, 0.5];
  const backoff = new Backoff(() => chances.shift() ?? 0);
  expect(backoff.next_s()).toBeCloseTo(0.025);
  expect(backoff.next_s()).toBeCloseTo(0.45);
  expect(backoff.next_s()).toBeCloseTo(0.5);
});

test("success begins small again, and years of failure stay at the limit", () => {
  const backoff = new Backoff(() => 1);
  for (let n = 0; n < 5000; n++) backoff.next_s();
  expect(backoff.next_s()).toBe(10);
  backoff.reset();
  expect(backoff.next_s()).toBe(0.25);
});
