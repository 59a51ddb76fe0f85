/** The pairs of text and ground that the pages use meet WCAG AA: 4.5 to 1. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const css = readFileSync(join(__dirname, "..", "src", "style", "ground.css"), "utf-8");

function tokens(block: string): Record<string, string> {
  const begin = css.indexOf(`${block} {`);
  const body = css.slice(begin, css.indexOf("}", begin));
  return Object.fromEntries([...body.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6});/g)].map((match) => [match[1]!, match[2]!]));
}

function luminance(colour: string): number {
  const [r, g, b] = [1, 3, 5].map((at) => {
    const part = parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: string, other: string): number {
  const [light, dark] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light! + 0.05) / (dark! + 0.05);
}

const PAIRS = [
  ...["paper", "card", "sunk"].flatMap((ground) => [["ink", ground], ["ink-soft", ground]]),
  ...["pine", "cinnabar", "gold", "sky"].flatMap((tone) => [[tone, `${tone}-soft`], [tone, "card"]]),
  ["pine-ink", "pine"],
  ["cinnabar-ink", "cinnabar"],
] as [string, string][];

test.each([":root", '[data-theme="night"]'])("every text on its ground in %s has a contrast of 4.5", (block) => {
  const colours = tokens(block);
  const low = PAIRS.map(([text, ground]) => [text, ground, contrast(colours[text]!, colours[ground]!)] as const).filter(
    ([, , ratio]) => !(ratio >= 4.5),
  );
  expect(low).toEqual([]);
});
