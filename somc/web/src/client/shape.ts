/**
 * Is it a message of the live feed? What is not ends the line, before anything of it is folded.
 *
 * What must stay true: unknown ops and unknown fields pass, for a newer hall says more than this client knows.
 */
import type { ServerMessage } from "./messages";

type Loose = Record<string, unknown>;

const isMap = (value: unknown): value is Loose => typeof value === "object" && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value);
const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const LISTS_OF_STATE = ["services", "classes", "counters", "tickets", "recent_calls"];

const SHAPES: Record<string, (message: Loose) => boolean> = {
  welcome: ({ role, subject, now, speed }) => isText(role) && isText(subject) && isNumber(now) && isNumber(speed),
  snapshot: ({ epoch, seq, state }) =>
    isText(epoch) && isSeq(seq) && isMap(state) && LISTS_OF_STATE.every((name) => Array.isArray(state[name])),
  records: ({ epoch, through, records }) =>
    isText(epoch) && isSeq(through) && Array.isArray(records) && inOrder(records, through),
  figures: ({ seq, figures }) => isSeq(seq) && isMap(figures),
  reply: ({ ok }) => typeof ok === "boolean",
};

/** Records with rising numbers, none beyond `through`. */
function inOrder(records: unknown[], through: number): boolean {
  let last = -1;
  for (const record of records) {
    if (!isMap(record) || !isText(record.type) || !isNumber(record.at) || !isSeq(record.seq)) return false;
    if (record.seq <= last) return false;
    last = record.seq;
  }
  return last <= through;
}

/** The value as a message; raises if it is none. */
export function checked(value: unknown): ServerMessage {
  if (!isMap(value) || !isText(value.op)) throw new TypeError("a message of the hall is a map with 'op'");
  if (SHAPES[value.op]?.(value) === false) throw new TypeError(`'${value.op}' is not as a hall sends it`);
  return value as unknown as ServerMessage;
}
