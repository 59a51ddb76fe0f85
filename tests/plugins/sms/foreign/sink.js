// An SMSC of npm's smpp that takes everything and keeps nothing: node sink.js PORT. Prints "ready PORT".
const smpp = require("smpp");

let serial = 0;
const server = smpp.createServer((session) => {
  session.on("error", () => session.destroy());
  session.on("bind_transceiver", (pdu) => session.send(pdu.response({ system_id: "npm" })));
  session.on("enquire_link", (pdu) => session.send(pdu.response()));
  session.on("unbind", (pdu) => session.send(pdu.response()));
  session.on("submit_sm", (pdu) => session.send(pdu.response({ message_id: (++serial).toString(16) })));
});
server.listen(parseInt(process.argv[2]), "127.0.0.1", () => console.log(`ready ${server.address().port}`));
