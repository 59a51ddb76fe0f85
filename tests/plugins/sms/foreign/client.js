// npm's smpp as a client: node client.js PORT MESSAGES WINDOW. Prints {"seconds", "cpu_seconds"}.
const smpp = require("smpp");

const [, , port, messages, window] = process.argv.map(Number);
const text = "您好，请于今日到厅办理业务，号码 A001";
const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` }, () => {
  session.bind_transceiver({ system_id: "hall", password: "secret" }, () => {
    const cpu = process.cpuUsage();
    const began = process.hrtime.bigint();
    let sent = 0;
    let answered = 0;
    const next = () => {
      const number = sent++;
      session.submit_sm(
        {
          source_addr: "10086",
          destination_addr: "138" + String(number).padStart(8, "0"),
          registered_delivery: 1,
          data_coding: 8,
          short_message: { message: text },
        },
        (answer) => {
          if (answer.command_status !== 0) throw new Error(`status ${answer.command_status}`);
          if (++answered === messages) {
            const used = process.cpuUsage(cpu);
            const seconds = Number(process.hrtime.bigint() - began) / 1e9;
            console.log(JSON.stringify({ seconds, cpu_seconds: (used.user + used.system) / 1e6 }));
            process.exit(0);
          }
          if (sent < messages) next();
        },
      );
    };
    for (let n = 0; n < window; n++) next();
  });
});
