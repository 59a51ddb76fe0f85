// An SMSC of npm's smpp that remembers across its own restarts: node server.js FILE PORT
// FILE gets a line for each submission ("S id to text") and each receipt that was acknowledged ("R id").
// Receipts that were not are told again to whoever binds next. Prints "ready PORT".
const fs = require("fs");
const smpp = require("smpp");

const [, , file, port] = process.argv;
const log = fs.openSync(file, "a");
const owed = new Map();
let serial = 0;

for (const line of fs.readFileSync(file, "utf8").split("\n")) {
  const [kind, id, to] = line.split(" ");
  if (kind === "S") owed.set(id, to);
  if (kind === "R") owed.delete(id);
  if (id) serial = Math.max(serial, parseInt(id, 16));
}

function receipt(session, id, to) {
  const text = `id:${id} sub:001 dlvrd:001 submit date:2603021200 done date:2603021200 stat:DELIVRD err:000 text:`;
  session.deliver_sm(
    { source_addr: to, destination_addr: "10086", esm_class: 4, short_message: text },
    (answer) => {
      if (answer.command_status === 0 && owed.delete(id)) fs.writeSync(log, `R ${id}\n`);
    },
  );
}

const server = smpp.createServer((session) => {
  session.on("error", () => session.destroy());
  session.on("bind_transceiver", (pdu) => {
    session.send(pdu.response({ system_id: "npm" }));
    for (const [id, to] of owed) receipt(session, id, to);
  });
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => {
    session.send(pdu.response());
    session.close();
  });
  session.on("submit_sm", (pdu) => {
    const id = (++serial).toString(16);
    const text = pdu.short_message.message;
    fs.writeSync(log, `S ${id} ${pdu.destination_addr} ${text}\n`);
    session.send(pdu.response({ message_id: id }));
    owed.set(id, pdu.destination_addr);
    if (pdu.registered_delivery) setImmediate(() => receipt(session, id, pdu.destination_addr));
  });
});
server.listen(parseInt(port), "127.0.0.1", () => console.log(`ready ${server.address().port}`));
