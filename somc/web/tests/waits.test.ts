import { afterAll, beforeAll, expect, test, vi } from "vitest";
import "vue"; // before there is a `document`: Vue takes one for a browser

import { en } from "../src/words/en";
import { zh } from "../src/words/zh";

beforeAll(() => {
  // The page's language is read when the module is loaded; there is no browser here.
  vi.stubGlobal("location", { search: "?lang=en" });
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: () => undefined });
  vi.stubGlobal("document", { documentElement: {} });
});

afterAll(() => vi.unstubAllGlobals());

test("a wait beyond two hours is told as such, and not in minutes", async () => {
  const { speakLanguage, waitWords } = await import("../src/words/language");
  expect(waitWords(44)).toBe(en.no_wait);
  expect(waitWords(7200)).toBe("about 120 min");
  expect(waitWords(7260)).toBe(en.over_two_hours);
  speakLanguage("zh");
  expect(waitWords(86_400)).toBe(zh.over_two_hours);
});
