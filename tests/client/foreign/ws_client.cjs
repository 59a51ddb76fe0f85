// A stranger's client: npm's `ws`, JSON, from the documentation alone. It leaves at random moments and comes back.
//
//   node ws_client.cjs URL TOKEN RECONNECTS SEED
//
// Says "enough" once it has come back so often, is told on stdin up to which record to go on, and says which it saw.
"use strict";
const { createInterface } = require("node:readline");
const WebSocket = require("ws");

const [url, token, reconnects, seed] = process.argv.slice(2);
const feed = `${url.replace(/^http/, "ws")}/api/v1/ws`;
const PATIENT_MS = 50;

let state = Number(seed) >>> 0;
function random() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

let position = null;
let lines = 0;
let target = null;
const seen = [];
const resyncs = [];

function connect() {
  const socket = new WebSocket(feed, "somc.v1.json", { headers: { Authorization: `Bearer ${token}` } });
  const enough = lines > Number(reconnects);
  let leave = null;
  socket.on("open", () => {
    lines += 1;
    socket.send(JSON.stringify({ op: "subscribe", id: 1, topics: ["#"], ...(position && { after: position }) }));
    if (!enough) {
      const polite = random() < 0.3;
      leave = setTimeout(() => (polite ? socket.close() : socket.terminate()), random() * PATIENT_MS);
    }
    if (lines === Number(reconnects) + 1) console.log("enough");
  });
  socket.on("message", (data) => {
    const message = JSON.parse(data);
    if (message.op === "snapshot") position = { epoch: message.epoch, seq: message.seq };
    if (message.op === "resync") resyncs.push(message.reason);
    if (message.op === "records") {
      for (const record of message.records) seen.push(record.seq);
      position = { epoch: message.epoch, seq: message.through };
    }
    finish();
  });
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(leave);
    setTimeout(connect, random() * 5);
  });
}

function finish() {
  if (target === null || position === null || position.seq < target) return;
  console.log(JSON.stringify({ lines, seen, resyncs }));
  process.exit(0);
}

createInterface({ input: process.stdin }).on("line", (line) => {
  target = Number(line);
  finish();
});
connect();
