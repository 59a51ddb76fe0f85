/** The client of the pages as a program that `somc.testing.client_protocol` can put through its cases. */
import { createInterface } from "node:readline";

import { HallClient, Refused, SETTINGS, jsonCodec, msgpackCodec } from "../../src/client";
import type { Settings } from "../../src/client";
import { node } from "./node";

const [url = "", token = "", encoding = "msgpack"] = process.argv.slice(2);

const env_s = (name: string, usual_s: number): number => Number(process.env[name] ?? usual_s);
const settings: Settings = {
  ping_ms: env_s("SOMC_PING_S", 10) * 1000,
  silence_ms: env_s("SOMC_SILENCE_S", 25) * 1000,
  firstBackoff_s: env_s("SOMC_FIRST_BACKOFF_S", SETTINGS.firstBackoff_s),
  mostBackoff_s: env_s("SOMC_MOST_BACKOFF_S", SETTINGS.mostBackoff_s),
  steady_ms: env_s("SOMC_STEADY_S", 5) * 1000,
  overload_s: env_s("SOMC_OVERLOAD_S", SETTINGS.overload_s),
  signedOutWait_s: SETTINGS.signedOutWait_s,
};

const say = (event: string, more: object = {}): void => console.log(JSON.stringify({ event, ...more }));

const client = new HallClient(node(url, token), encoding === "json" ? jsonCodec : msgpackCodec, ["#"], settings);
client.listen({
  status: (status) => status === "signed_out" && say("not_admitted"),
  snapshot: ({ epoch, seq }) => say("snapshot", { epoch, seq }),
  records: (records) => records.forEach(({ seq }) => say("record", { seq })),
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const { ask, name, args } = JSON.parse(line) as { ask: number; name: string; args: Record<string, unknown> };
  client.command(name, args).then(
    (result) => say("answer", { ask, result }),
    (error: unknown) => error instanceof Refused && say("refused", { ask, code: error.problem.code }),
  );
}).on("close", () => process.exit(0));

say("ready");
client.start();
