// The floor's page: the list, asked for again every few seconds, and a sheet to write down what was done.
// What must stay true: all that comes from outside is text, never markup; a failed request is said, and tried again.

const WORDS = {
  zh: {
    title: "客户关怀", machines: "自助终端", kind: "做了什么", note: "备注", close: "关闭", log: "记录",
    nobody: "现在没有人等候", minutes: "分钟", left: "距承诺", over: "已超", cared: "已关怀", trouble: "连接中断，正在重试",
    refused: "未能记录", complaint: "有未结投诉", late: "等候超时", near: "即将超时", birthday: "今天生日", vip: "VIP",
    working: "正常", paused: "暂停", out_of_order: "故障", offline: "离线", unknown: "未报告", today: "今日", late_source: "未及时返回",
  },
  en: {
    title: "Customer care", machines: "Self-service machines", kind: "What was done", note: "Note", close: "Close", log: "Log",
    nobody: "Nobody is waiting", minutes: "min", left: "left", over: "over", cared: "cared for", trouble: "No connection; trying again",
    refused: "Not logged", complaint: "Open complaint", late: "Promise missed", near: "Promise near", birthday: "Birthday", vip: "VIP",
    working: "working", paused: "paused", out_of_order: "out of order", offline: "offline", unknown: "silent", today: "today", late_source: "no answer in time",
  },
};
const EVERY_MS = 5000;
const by = (id) => document.getElementById(id);
let language = localStorage.getItem("language") ?? (navigator.language.startsWith("zh") ? "zh" : "en");
let open = null;

const word = (key) => WORDS[language][key] ?? key;
const spoken = (words) => words[language] || words.zh;

async function ask(path, body) {
  const options = { headers: { "X-SOMC": "1", "Content-Type": "application/json" }, method: body ? "POST" : "GET" };
  if (body) options.body = JSON.stringify(body);
  const answer = await fetch(path, options);
  const text = await answer.text();
  const value = text ? JSON.parse(text) : null;
  if (!answer.ok) throw new Error(value?.words ? spoken(value.words) : (value?.detail ?? answer.statusText));
  return value;
}

function made(tag, text, ...classes) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.classList.add(...classes.filter(Boolean));
  return element;
}

function say(trouble) {
  by("trouble").hidden = !trouble;
  by("trouble").textContent = trouble ?? "";
}

function line(customer) {
  const row = made("button", "", "customer", ...customer.why);
  row.type = "button";
  row.dataset.ticket = customer.ticket;
  const left = Math.round(Math.abs(customer.left_s) / 60);
  const promise = `${word(customer.left_s < 0 ? "over" : "left")} ${left} ${word("minutes")}`;
  row.append(
    made("span", customer.number, "number"),
    made("span", `${customer.service} · ${[customer.brand ?? customer.customer_class, customer.vip].filter(Boolean).join(" · ")}`),
    made("span", `${Math.floor(customer.waited_s / 60)} ${word("minutes")}`),
    made("span", customer.why.map(word).join(" · "), "why"),
    made("span", customer.cares ? `✓ ${word("cared")} ${customer.cares}` : promise, customer.cares ? "cared" : ""),
  );
  row.addEventListener("click", () => show(customer));
  return row;
}

async function show(customer) {
  open = customer;
  by("who").textContent = customer.number;
  by("note").value = "";
  by("card").replaceChildren();
  by("sheet").showModal();
  try {
    const card = await ask(`/api/v1/tickets/${encodeURIComponent(customer.ticket)}/card`);
    if (open !== customer) return;
    for (const section of card.sections) {
      by("card").append(made("h2", spoken(section.title)));
      if (section.late) by("card").append(made("p", word("late_source"), "warn"));
      const table = document.createElement("table");
      for (const row of section.rows ?? []) {
        const tr = document.createElement("tr");
        tr.append(made("td", spoken(row.label)), made("td", row.value, row.tone));
        table.append(tr);
      }
      by("card").append(table);
    }
  } catch (why) {
    by("card").append(made("p", why.message, "warn"));
  }
}

async function log(event) {
  event.preventDefault();
  try {
    await ask("care", { ticket: open.ticket, kind: by("kind").value, note: by("note").value || null });
    by("sheet").close();
    await refresh();
  } catch (why) {
    by("card").prepend(made("p", `${word("refused")}: ${why.message}`, "bad"));
  }
}

async function refresh() {
  const [{ customers, kinds }, { machines }] = await Promise.all([ask("customers"), ask("machines")]);
  by("customers").replaceChildren(...customers.map(line));
  if (!customers.length) by("customers").append(made("p", word("nobody")));
  if (!by("kind").options.length) by("kind").append(...kinds.map((kind) => made("option", kind)));
  by("machines").replaceChildren(
    ...machines.map((machine) => {
      const item = made("li", spoken(machine.title));
      item.append(made("span", `${word(machine.state)} · ${word("today")} ${machine.uses_today}`, machine.works ? "good" : "warn"));
      return item;
    }),
  );
  say(null);
}

function translate() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  by("language").textContent = language === "zh" ? "EN" : "中文";
}

by("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
  translate();
  refresh().catch(() => say(word("trouble")));
});
by("log").addEventListener("click", log);
translate();
for (;;) {
  await refresh().catch(() => say(word("trouble")));
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
