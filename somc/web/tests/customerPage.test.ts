import { effectScope, nextTick, shallowRef } from "vue";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { Card } from "../src/pages/counter/card";
import { useCustomerPage } from "../src/pages/counter/customerPage";

const NOBODY: Card = { sections: [], prompts: [], offers: [], late: [] };
const cardOf = (ticket: string): Card => ({
  ...NOBODY,
  sections: [{ id: "customer", title: { zh: "", en: "" }, rows: [], link: `/plugins/crm/open/${ticket}` }],
});

const kept = new Map<string, string>();
const page = { closed: false, location: { href: "" } };
const open = vi.fn((): typeof page | null => page);

beforeEach(() => {
  kept.clear();
  Object.assign(page, { closed: false, location: { href: "" } });
  open.mockReset().mockReturnValue(page);
  vi.stubGlobal("localStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => kept.set(key, value) });
  vi.stubGlobal("window", { open });
});
afterEach(() => vi.unstubAllGlobals());

function desk() {
  const card = shallowRef<Card>(NOBODY);
  return { card, follow: effectScope().run(() => useCustomerPage(3, card))! };
}

test("once switched on, every call sends the one window to its customer, without a click", async () => {
  const { card, follow } = desk();
  follow.toggle();
  expect(open.mock.calls).toEqual([["", "somc-customer-3"]]);
  for (const ticket of ["t1", "t2"]) {
    card.value = cardOf(ticket);
    await nextTick();
    expect(page.location.href).toBe(`/plugins/crm/open/${ticket}`);
    card.value = NOBODY; // they go: the page stays, the agent may still write in it
    await nextTick();
    expect(page.location.href).toBe(`/plugins/crm/open/${ticket}`);
  }
  expect(open).toHaveBeenCalledTimes(1);
});

test("whoever is here when it is switched on is shown at once", async () => {
  const { card, follow } = desk();
  card.value = cardOf("t1");
  await nextTick();
  expect(page.location.href).toBe("");
  follow.toggle();
  expect(page.location.href).toBe("/plugins/crm/open/t1");
});

test("a window that was closed is said, and a blocked one is too", async () => {
  const { card, follow } = desk();
  follow.toggle();
  page.closed = true;
  card.value = cardOf("t1");
  await nextTick();
  expect([follow.on.value, follow.lost.value, page.location.href]).toEqual([false, true, ""]);
  open.mockReturnValue(null);
  follow.toggle();
  expect([follow.on.value, follow.lost.value]).toEqual([false, true]);
});

test("the switch is offered once a card has had a page, and not in a hall without a CRM", async () => {
  const { card, follow } = desk();
  expect(follow.offered.value).toBe(false);
  card.value = cardOf("t1");
  await nextTick();
  expect(follow.offered.value).toBe(true);
  expect(desk().follow.offered.value, "and the next morning").toBe(true);
});
