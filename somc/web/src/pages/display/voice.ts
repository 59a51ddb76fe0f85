/** The browser's voice, if the wall wants one: Chinese, then English where the page is English. */
import { ref } from "vue";

import { recall, remember } from "../../hall/memory";
import { language, say } from "../../words/language";
import type { Language } from "../../words/language";
import type { Announcement } from "./announcing";

const MEMORY = "sound";

const DIGITS_ZH = "零幺二三四五六七八九";

/**
 * `A016` sign by sign: a voice would read it as a word or a year. In Chinese 1 is 幺, as every hall says it, since
 * 一 and 七 blur in a loudspeaker.
 */
export function spelled(number: string, tongue: Language): string {
  const signs = Array.from(number);
  if (tongue === "en") return signs.join(" ");
  return signs.map((sign) => (/\d/.test(sign) ? DIGITS_ZH[Number(sign)] : sign)).join("");
}

export function useVoice() {
  const able = "speechSynthesis" in window;
  const on = ref(able && recall(MEMORY) === "on");

  function toggle(): void {
    on.value = able && !on.value;
    remember(MEMORY, on.value ? "on" : "off");
    if (!on.value) speechSynthesis.cancel();
  }

  function speak(call: Announcement): void {
    if (!on.value) return;
    // What is still unsaid is older than this call: a voice that runs behind tells people to go where nobody waits.
    if (speechSynthesis.pending) speechSynthesis.cancel();
    for (const tongue of language.value === "en" ? (["zh", "en"] as const) : (["zh"] as const)) {
      const words = new SpeechSynthesisUtterance(say(tongue, "display.say", { number: spelled(call.number, tongue), counter: call.counter }));
      words.lang = tongue === "zh" ? "zh-CN" : "en-GB";
      words.rate = 0.92;
      speechSynthesis.speak(words);
    }
  }

  return { able, on, toggle, speak };
}
