/** The TypeScript client of a hall. It knows no page and no framework; `browser` is its only touch of the DOM. */
export { Backoff } from "./backoff";
export { browser } from "./browser";
export { HallClock } from "./clock";
export { jsonCodec, msgpackCodec } from "./codec";
export type { Codec } from "./codec";
export { GivenUp, Refused } from "./commands";
export { asksForSnapshot, fold, foldFigures, lacksDevice } from "./fold";
export { HallClient } from "./hallClient";
export type { Listener, Status } from "./hallClient";
export type * from "./messages";
export type * from "./state";
export { SETTINGS } from "./settings";
export type { Settings } from "./settings";
export { Busy, SignedOut, ticketIn } from "./surroundings";
export type { SocketEvents, Surroundings, WireSocket } from "./surroundings";
