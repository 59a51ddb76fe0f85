// Announcements and shift notes. What must stay true: all that comes from outside is text, never markup.

const EVERY_MS = 15000;
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

const when = (at) => new Date(at).toLocaleString();

function noticeOf(notice, manager) {
  const block = made("article", "");
  block.classList.toggle("urgent", notice.urgent);
  block.classList.toggle("read", notice.read);
  const path = `notices/${encodeURIComponent(notice.id)}`;
  block.append(
    made("h3", `${notice.title.zh} · ${notice.title.en}`),
    made("p", notice.text.zh),
    made("p", notice.text.en),
    made("small", `${notice.by} · ${when(notice.from)} – ${when(notice.until)}`),
    made("p", ""),
  );
  if (!notice.read) block.append(pressing("已阅 · I have read it", () => ask(`${path}/read`, "POST", {})));
  if (manager) {
    const list = made("small", "");
    block.append(
      pressing("撤回 · Withdraw", () => ask(path, "DELETE")),
      pressing("阅读情况 · Who has read", async () => {
        const { readers } = await ask(`${path}/readers`);
        say(Object.entries(readers).map(([who, at]) => `${who} ${when(at)}`).join(" · ") || "—");
      }),
      list,
    );
  }
  return block;
}

function noteOf(note) {
  const block = made("article", "");
  const path = `notes/${encodeURIComponent(note.id)}/done`;
  block.append(
    made("p", note.text),
    made("small", `${note.by} · ${when(note.at)} `),
    pressing("已办 · Done", () => ask(path, "POST", {})),
  );
  return block;
}

async function refresh() {
  const { notices, notes, manager } = await ask("board");
  by("announce").hidden = !manager;
  by("notices").replaceChildren(...notices.map((notice) => noticeOf(notice, manager)));
  by("notes").replaceChildren(...notes.map(noteOf));
}

function local(value) {
  return new Date(value).toISOString();
}

by("notice").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const get = (name) => String(form.get(name) ?? "");
  ask("notices", "POST", {
    title: { zh: get("zh"), en: get("en") },
    text: { zh: get("text_zh"), en: get("text_en") },
    from: local(get("from")),
    until: local(get("until")),
    urgent: form.has("urgent"),
    public: form.has("public"),
  })
    .then(() => event.target.reset())
    .then(refresh)
    .catch(say);
});
by("note").addEventListener("submit", (event) => {
  event.preventDefault();
  ask("notes", "POST", { text: new FormData(event.target).get("text") })
    .then(() => event.target.reset())
    .then(refresh)
    .catch(say);
});
for (;;) {
  await refresh().catch(say);
  await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
}
