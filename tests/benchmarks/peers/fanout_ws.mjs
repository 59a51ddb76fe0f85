// The same server as fanout_servers.py on Node's `ws`:  node fanout_ws.mjs FOLDER-WITH-node_modules
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { join } from "node:path";

const { WebSocketServer, WebSocket } = createRequire(join(process.argv[2], "x.js"))("ws");
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false, backlog: 4096 });

const payload = () =>
  '{"op":"records","epoch":"e-1234567890abcdef","through":123456,"records":[{"seq":123456,"at":1700000000000,' +
  '"type":"counter.resumed","topic":"somc/shoudu/xicheng/xidan/counter/1","data":{"by":"agent:T:' +
  process.hrtime.bigint().toString(16).padStart(16, "0") +
  '","counter":1},"v":1}]}';

// As the documentation of ws shows a broadcast; the message is made into bytes once.
function broadcast() {
  const data = Buffer.from(payload());
  for (const client of server.clients) {
    if (client.readyState === WebSocket.OPEN) client.send(data, { binary: false });
  }
}

const sleep = (ms) => new Promise((done) => (ms > 0 ? setTimeout(done, ms) : setImmediate(done)));

server.on("listening", () => console.log(JSON.stringify({ port: server.address().port, path: "/", headers: "", say: null })));

for await (const line of createInterface({ input: process.stdin })) {
  const [rate, seconds] = line.split(" ").map(Number);
  const begun = performance.now();
  let count = 0;
  while (performance.now() < begun + seconds * 1000) {
    await sleep(rate ? begun + (count / rate) * 1000 - performance.now() : 0);
    const [first] = server.clients;
    while (first && first.bufferedAmount > 2 ** 20) await sleep(1);
    broadcast();
    count += 1;
  }
  console.log(`done ${count}`);
}
process.exit(0);
