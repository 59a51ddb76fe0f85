/** The messages of the live feed (`/api/v1/ws`), as they travel in msgpack or JSON. */
import type { Advice, AlertView, HallState, Place, PolicyView, SlotToday, TodayFigures, Words } from "./state";

/** One journal record: a fact in the past tense. `data` holds the fields of its type; defaulted ones may be absent. */
export interface HallRecord {
  seq: number;
  at: number;
  type: string;
  topic: string;
  data: Record<string, unknown>;
  v?: number;
}

/** What the hall computes rather than records. Anything may be absent. */
export interface Figures {
  now?: number;
  day?: string | null;
  open?: boolean;
  services?: Record<string, { waiting?: number; expected_wait_s?: number | null; open?: boolean }>;
  today?: Partial<TodayFigures>;
  places?: Record<string, Place>;
  alerts?: AlertView[];
  advice?: Advice | null;
  appointments?: SlotToday[];
  policy?: PolicyView;
  display_lines?: Words[];
  /** The names of the devices that there are now. */
  devices?: string[];
}

/** A problem document (RFC 9457) with the hall's own words in both languages. */
export interface Problem {
  type?: string;
  title?: string;
  status?: number;
  detail?: string;
  code?: string;
  words?: Words;
  /** Of wrong input: which field, and why. */
  fields?: Record<string, string>;
  /** Of several that could be meant: which there are. */
  choices?: { id: string; service: string; at: number }[];
  /** When it makes sense to come again. */
  retry_after_s?: number;
}

export interface Welcome {
  role: string;
  subject: string;
  org: string;
  now: number;
  speed: number;
}

export type ServerMessage =
  | ({ op: "welcome" } & Welcome)
  | { op: "snapshot"; epoch: string | number; seq: number; state: HallState }
  | { op: "records"; epoch: string | number; through: number; records: HallRecord[] }
  | { op: "figures"; seq: number; figures: Figures }
  | { op: "reply"; id: string | number; ok: true; result: unknown }
  | { op: "reply"; id: string | number; ok: false; error: Problem }
  | { op: "resync"; reason: string }
  | { op: "pong" };

export type ClientMessage =
  | { op: "subscribe"; id: string; topics: string[]; after?: { epoch: string | number; seq: number } }
  | { op: "command"; id: string; name: string; args: Record<string, unknown>; key?: string }
  | { op: "ping" };
