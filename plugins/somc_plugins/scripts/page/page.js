// The library of scripts. What must stay true: all that comes from outside is text, never markup.

const by = (id) => document.getElementById(id);

async function ask(path, method = "GET", body = undefined) {
  const headers = { "X-SOMC": "1", "Content-Type": "application/json" };
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(text ? (JSON.parse(text).detail ?? answer.statusText) : answer.statusText);
  return text ? JSON.parse(text) : null;
}

function made(tag, text, ...children) {
  const element = document.createElement(tag);
  element.textContent = text;
  element.append(...children);
  return element;
}

function pressing(text, act) {
  const button = made("button", text);
  button.type = "button";
  button.addEventListener("click", () => act().then(refresh).catch(say));
  return button;
}

function say(why) {
  by("trouble").hidden = !why;
  by("trouble").textContent = why ? (why.message ?? String(why)) : "";
}

function entryOf(entry, moments) {
  const { place } = entry;
  const block = made("article", "");
  block.classList.toggle("off", entry.now === null);
  const moment = moments[place.moment];
  const path = `entries/${encodeURIComponent(entry.id)}`;
  const latest = entry.versions.at(-1);
  const shown = entry.versions.find((version) => version.number === entry.now) ?? latest;
  block.append(
    made("h3", `${moment.zh} · ${moment.en}: ${[place.service, place.customer_class].filter(Boolean).join(" / ") || "全部 all"}`),
    made("small", `${place.level} · v${shown.number} · ${shown.approved_on} ${shown.approved_by} · ${entry.now === null ? "未生效 not in force" : "生效 in force"}`),
    made("ol", "", ...shown.steps.map((step) => made("li", `${step.zh} · ${step.en}`))),
  );
  if (latest !== shown) block.append(made("p", `→ v${latest.number}: ${latest.approved_on}`));
  if (entry.now !== null) {
    block.append(
      pressing("已阅 · I have read it", () => ask(`${path}/read`, "POST", {})),
      pressing("阅读情况 · Who has read", async () => {
        const { readers } = await ask(`${path}/readers`);
        say(Object.keys(readers).join(" · ") || "—");
      }),
      pressing("撤回 · Withdraw", () => ask(path, "DELETE")),
    );
  }
  return block;
}

async function refresh() {
  const { levels, moments, entries } = await ask("library");
  const form = by("draft");
  if (!form.level.options.length) {
    form.level.append(...levels.toReversed().map((level) => made("option", level)));
    for (const [name, words] of Object.entries(moments)) {
      const option = made("option", `${words.zh} · ${words.en}`);
      option.value = name;
      form.moment.append(option);
    }
  }
  by("entries").replaceChildren(...entries.map((entry) => entryOf(entry, moments)));
}

by("draft").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const get = (name) => String(form.get(name) ?? "").trim();
  const lines = (name) => get(name).split("\n").map((line) => line.trim()).filter(Boolean);
  const [zh, en] = [lines("zh"), lines("en")];
  if (zh.length !== en.length) return say("中英文步骤数不同 · as many steps in each language, please");
  const place = { level: get("level"), moment: get("moment"), service: get("service") || null, customer_class: get("customer_class") || null };
  const steps = zh.map((step, number) => ({ zh: step, en: en[number] }));
  ask("entries", "POST", { place, steps, approved_on: get("approved_on"), approved_by: get("approved_by") })
    .then(refresh)
    .then(() => say(null))
    .catch(say);
});
await refresh().catch(say);
