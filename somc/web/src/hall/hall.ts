/** The page's hall as Vue sees it: one client, its state as a shallow ref, and a clock that ticks on screen. */
import { inject, onScopeDispose, provide, ref, shallowRef } from "vue";
import type { InjectionKey, Ref, ShallowRef } from "vue";

import { HallClient, browser, msgpackCodec } from "../client";
import type { HallRecord, HallState, Status, Welcome } from "../client";

export interface Hall {
  state: ShallowRef<HallState | null>;
  status: Ref<Status>;
  welcome: ShallowRef<Welcome | null>;
  /** The hall's present instant (Unix ms); moves about once a second, oftener where the hall runs faster. */
  now: Ref<number>;
  speed: Ref<number>;
  command<Result>(name: string, args: Record<string, unknown>, patience_s?: number): Promise<Result>;
  /** Called with records that are new, after `state` holds them, until the calling component is gone. */
  onRecords(listener: (records: HallRecord[]) => void): void;
}

const KEY: InjectionKey<Hall> = Symbol("hall");

/** How often elapsed times on screen move (ms); a hall that runs faster moves them oftener, up to four times. */
const TICK_MS = 1000;
const FASTEST = 4;

/** Connects the page to its hall for as long as the page lives. */
export function provideHall(): Hall {
  const client = new HallClient(browser, msgpackCodec);
  const hall: Hall = {
    state: shallowRef(null),
    status: ref("connecting"),
    welcome: shallowRef(null),
    now: ref(client.clock.now()),
    speed: ref(1),
    command: (name, args, patience_s) => client.command(name, args, patience_s),
    onRecords(listener) {
      onScopeDispose(client.listen({ records: listener }));
    },
  };
  const tell = () => {
    hall.now.value = client.clock.now();
    hall.speed.value = client.clock.speed;
  };
  client.listen({
    status: (status) => (hall.status.value = status),
    state: (state) => (hall.state.value = state),
    welcome(welcome) {
      hall.welcome.value = welcome;
      tell(); // until now it was this computer's time, which may be another day's
    },
  });
  let timer = 0;
  const tick = () => {
    tell();
    timer = window.setTimeout(tick, TICK_MS / Math.min(FASTEST, Math.max(1, client.clock.speed)));
  };
  tick();
  client.start();
  onScopeDispose(() => {
    window.clearTimeout(timer);
    client.stop();
  });
  shareHall(hall);
  return hall;
}

/** Hands a hall to the components below this one: the page's own, or one that a test speaks for. */
export function shareHall(hall: Hall): void {
  provide(KEY, hall);
}

export function useHall(): Hall {
  const hall = inject(KEY);
  if (hall === undefined) throw new Error("no hall above this component: the page calls provideHall()");
  return hall;
}
