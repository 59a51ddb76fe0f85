/**
 * One key for each act. Plain letters, so they can be switched off for those whose tools type letters themselves,
 * and they sleep while somebody writes in a field or a dialog is open.
 */
import { onMounted, onUnmounted, ref } from "vue";

import { recall, remember } from "../../hall/memory";

export const KEYS = {
  next: "N",
  recall: "R",
  start: "S",
  finish: "F",
  no_show: "X",
  return: "B",
  hold: "H",
  transfer: "T",
  pause: "P",
} as const;

export type Shortcut = keyof typeof KEYS;

const MEMORY = "shortcuts";
const BY_KEY = new Map(Object.entries(KEYS).map(([act, key]) => [key.toLowerCase(), act as Shortcut]));

/** The act that this key press asks for, if any. A key held down asks once. */
export function shortcutOf(event: Pick<KeyboardEvent, "key" | "repeat" | "ctrlKey" | "altKey" | "metaKey">): Shortcut | null {
  if (event.repeat || event.ctrlKey || event.altKey || event.metaKey) return null;
  return BY_KEY.get(event.key.toLowerCase()) ?? null;
}

function writing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest("input, textarea, select, dialog, [contenteditable]") !== null;
}

export function useShortcuts(act: (shortcut: Shortcut) => void) {
  const on = ref(recall(MEMORY) !== "off");

  function toggle(): void {
    on.value = !on.value;
    remember(MEMORY, on.value ? "on" : "off");
  }

  function onKey(event: KeyboardEvent): void {
    const shortcut = shortcutOf(event);
    if (!on.value || shortcut === null || writing(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    act(shortcut);
  }

  onMounted(() => window.addEventListener("keydown", onKey));
  onUnmounted(() => window.removeEventListener("keydown", onKey));
  return { on, toggle, onKey };
}
