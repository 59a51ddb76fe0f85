import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

import { en } from "../src/words/en";
import { zh } from "../src/words/zh";

const TABLES: Record<string, Record<string, string>> = { zh, en };
/** Words that stand before the number in one language and after it in the other: empty on the other side. */
const ONE_SIDED = ["display.desk_before", "display.desk_after"];

const facts = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

function sources(folder: string): string {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "zh.ts" && entry.name !== "en.ts")
    .map((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? sources(path) : readFileSync(path, "utf-8");
    })
    .join("\n");
}

test("both languages have the same texts, none of them empty", () => {
  expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
  for (const table of Object.values(TABLES)) {
    const empty = Object.entries(table).filter(([key, text]) => !text && !ONE_SIDED.includes(key));
    expect(empty).toEqual([]);
  }
});

test("both languages name the same facts in each text", () => {
  for (const key of Object.keys(zh) as (keyof typeof zh)[]) expect([key, facts(en[key])]).toEqual([key, facts(zh[key])]);
});

test("every text is used by some page", () => {
  const code = sources(join(__dirname, "..", "src"));
  const byCode = /^(state|status|ticket|pause|policy|health|device|feed|distribution|mode|alert|parameter|cause|outcome|rating|role|right|plugin|appointment)\.|^admin\.(services|classes|counters|hall|display|appointments|calendar|devices|plugins|users)$/;
  const unused = Object.keys(zh).filter((key) => !byCode.test(key) && !code.includes(`"${key}"`) && !code.includes(`'${key}'`));
  expect(unused).toEqual([]);
});
