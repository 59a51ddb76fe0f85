// Booking on a phone: service, date, slot, number, done; and with a code, the appointment and the place in line.
// Everything on the page comes from the hall's own answers; the code stands behind # and is sent to no other site.

const WORDS = {
  zh: {
    have: "我已有预约", near: "附近空闲营业厅", code: "预约码（14 位）", show: "查看", service: "办理业务", when: "选择时间",
    phone: "验证手机号码", number: "手机号码", send: "获取短信验证码", sms: "短信验证码", bookNow: "确认预约", cancel: "取消预约", move: "改期", moving: "请选择新的时间。", moveHere: "确定改到这个时间吗？", keep: "不改了",
    another: "再预约一个", hint: "到厅后请在取号机输入预约码、扫描二维码，或输入手机号码取号。", full: "已约满", left: "余 {n}", wait: "候补",
    none: "这一天没有可约的时间。", what: "业务", time: "时间", number2: "排队号", people: "您是第 {n} 位，约 {m} 分钟", soon: "请留意叫号",
    called: "请到 {n} 号台席", serving: "正在 {n} 号台席办理", sure: "确定取消这个预约吗？", from: "{m} 公里", idle: "空闲", busy: "约 {m} 分钟",
    closed: "未营业", unknown: "暂无信息", noplace: "无法取得您的位置。", offline: "网络不通，请稍后再试。", accept: "有空位，请按短信回复 Y 确认。",
    states: { waiting: "候补中", offered: "有空位", booked: "已预约", confirmed: "已预约", checked_in: "已取号", cancelled: "已取消", missed: "已失约", expired: "已失效" },
    ended: { finished: "已办结", no_show: "已过号", cancelled: "已取消", expired: "已过期", held: "已挂起" },
  },
  en: {
    have: "I have an appointment", near: "Near and idle halls", code: "Code (14 digits)", show: "Show", service: "What do you come for?", when: "When?",
    phone: "Prove your number", number: "Mobile number", send: "Send me a code", sms: "Code from the message", bookNow: "Book", cancel: "Cancel it", move: "Move it", moving: "Choose another time.", moveHere: "Move it to this time?", keep: "Keep it",
    another: "Book another", hint: "In the hall, key the code at the kiosk, scan the QR code, or key your number.", full: "full", left: "{n} left", wait: "wait",
    none: "Nothing is left on this day.", what: "Service", time: "Time", number2: "Ticket", people: "You are number {n} in line, about {m} min", soon: "Listen for your number",
    called: "Please go to counter {n}", serving: "Being served at counter {n}", sure: "Cancel this appointment?", from: "{m} km", idle: "idle", busy: "about {m} min",
    closed: "closed", unknown: "not known", noplace: "Your place cannot be told.", offline: "No connection: try again.", accept: "A place came free: reply Y to the message.",
    states: { waiting: "On the waiting list", offered: "A place is free", booked: "Booked", confirmed: "Booked", checked_in: "Checked in", cancelled: "Cancelled", missed: "Missed", expired: "Expired" },
    ended: { finished: "Served", no_show: "No-show", cancelled: "Cancelled", expired: "Expired", held: "On hold" },
  },
};
const DATES = 14;
const RECONNECT_MS = 4000;
const $ = (id) => document.getElementById(id);
let language = (navigator.language || "zh").startsWith("zh") ? "zh" : "en";
let hall = { services: [], name: { zh: "", en: "" }, timezone: "Asia/Shanghai" };
let chosen = { service: null, date: null, slot: null, wait: false };
let moving = null; // the code of the appointment for which another time is chosen
let proof = null;
let feed = null;
let shown = null;

const word = (key, values = {}) => WORDS[language][key].replace(/\{(\w)\}/g, (_, name) => values[name]);
const say = (words) => words?.[language] ?? "";

class Refused extends Error {}

async function ask(method, path, body) {
  const options = { method, headers: body === undefined && method === "GET" ? {} : { "content-type": "application/json" } };
  if (body !== undefined) options.body = JSON.stringify(body);
  let answer;
  try {
    answer = await fetch(path, options);
  } catch {
    throw new Refused(word("offline"));
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Refused(say(found.words) || found.detail || word("offline"));
  return found;
}

function trouble(text) {
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
  if (text) $("trouble").scrollIntoView({ block: "nearest" });
}

// What a button does: one at a time, and its refusal is told.
const act = (what) => async (event) => {
  event?.preventDefault?.();
  const button = event?.submitter ?? event?.currentTarget;
  if (button) button.disabled = true;
  trouble("");
  try {
    await what(event);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    trouble(error.message);
  } finally {
    if (button) button.disabled = false;
  }
};

function button(text, small, does, pressed = false) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  if (small) made.append(Object.assign(document.createElement("small"), { textContent: small }));
  made.setAttribute("aria-pressed", String(pressed));
  made.addEventListener("click", act(does));
  return made;
}

const clock = (at, options) => new Intl.DateTimeFormat(language === "zh" ? "zh-CN" : "en-GB", { timeZone: hall.timezone, ...options }).format(at);
const isoDate = (at) => new Intl.DateTimeFormat("en-CA", { timeZone: hall.timezone }).format(at);

function drawWords() {
  document.documentElement.lang = language;
  $("language").textContent = language === "zh" ? "EN" : "中文";
  for (const each of document.querySelectorAll("[data-word]")) each.textContent = word(each.dataset.word);
  $("hall").textContent = say(hall.name);
}

function drawServices() {
  const draw = (service) =>
    button(say(service.name), "", async () => {
      chosen = { service: service.id, date: null, slot: null, wait: false };
      drawServices();
      await drawDates();
    }, chosen.service === service.id);
  $("services").replaceChildren(...hall.services.map(draw));
  const papers = hall.services.find((each) => each.id === chosen.service)?.papers ?? [];
  $("papers").replaceChildren(...papers.map((each) => Object.assign(document.createElement("li"), { textContent: say(each) })));
}

async function drawDates() {
  $("whenStep").hidden = false;
  const service = hall.services.find((each) => each.id === chosen.service);
  const days = [];
  for (let n = 0; n < DATES; n += 1) {
    const at = Date.now() + n * 86_400_000;
    if (isoDate(at) <= service.last_date) days.push(at);
  }
  const draw = (at) =>
    button(clock(at, { month: "numeric", day: "numeric" }), clock(at, { weekday: "short" }), async () => {
      chosen.date = isoDate(at);
      await drawDates();
    }, chosen.date === isoDate(at));
  chosen.date ??= isoDate(days[0]);
  $("dates").replaceChildren(...days.map(draw));
  await drawSlots();
}

async function drawSlots() {
  const query = new URLSearchParams({ service: chosen.service, date: chosen.date });
  const found = await ask("GET", `slots?${query}`);
  const slots = found.slots.filter((slot) => slot.bookable);
  const draw = (slot) => {
    const full = slot.free === 0;
    const canWait = hall.waiting_list && !moving; // nobody gives a place up to wait for another
    const small = full ? word(canWait ? "wait" : "full") : word("left", { n: slot.free });
    const made = button(clock(slot.at, { hour: "2-digit", minute: "2-digit" }), small, async () => {
      if (moving) return moveTo(slot.at);
      Object.assign(chosen, { slot: slot.at, wait: full, key: fresh() });
      for (const each of $("slots").children) each.setAttribute("aria-pressed", String(each === made));
      $("phoneStep").hidden = false;
      $("phoneStep").scrollIntoView({ block: "nearest" });
    }, chosen.slot === slot.at);
    made.disabled = full && !canWait;
    return made;
  };
  const nothing = Object.assign(document.createElement("p"), { textContent: word("none") });
  $("slots").replaceChildren(...(slots.length ? slots.map(draw) : [nothing]));
}

const askProof = act(async () => {
  const made = await ask("POST", "proofs", { phone: $("phone").value });
  proof = made.proof;
  $("proofForm").hidden = false;
  $("sms").focus();
});

const prove = act(async () => {
  await ask("POST", `proofs/${encodeURIComponent(proof)}`, { code: $("sms").value });
  const made = await ask("POST", "appointments", { proof, service: chosen.service, at: chosen.slot, wait: chosen.wait, key: chosen.key });
  chosen.key = fresh(); // what is booked now is done; the same time again would be another wish
  location.hash = made.code;
});

// Names one wish: a press that comes twice books once. (randomUUID is not there without HTTPS.)
const fresh = () => [...crypto.getRandomValues(new Uint8Array(12))].map((each) => each.toString(16).padStart(2, "0")).join("");

// -- one appointment ------------------------------------------------------------------------------

async function showMine(code) {
  $("book").hidden = true;
  $("mine").hidden = false;
  draw(await ask("GET", `appointments/${encodeURIComponent(code)}`), code);
  follow(code);
}

// Another time for the appointment that is shown: the same dates and slots, and then one question.
async function beginMove() {
  moving = shown.code;
  chosen = { service: shown.view.service, date: isoDate(shown.view.at), slot: shown.view.at, wait: false };
  $("mine").hidden = true;
  $("book").hidden = false;
  drawMoving();
  await drawDates();
}

function drawMoving() {
  for (const id of ["bar", "serviceStep"]) $(id).hidden = moving !== null;
  $("moving").hidden = moving === null;
  $("phoneStep").hidden = true;
}

async function moveTo(at) {
  if (!confirm(`${word("moveHere")} ${clock(at, { month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" })}`)) return;
  const code = moving;
  await ask("PATCH", `appointments/${encodeURIComponent(code)}`, { at });
  await endMove(code);
}

async function endMove(code) {
  moving = null;
  drawMoving();
  chosen = { service: null, date: null, slot: null, wait: false };
  $("whenStep").hidden = true;
  await showMine(code);
}

function follow(code) {
  feed?.close();
  const socket = new WebSocket(new URL(`live/${encodeURIComponent(code)}`, location.href).href.replace(/^http/, "ws"));
  feed = socket;
  socket.onmessage = (event) => {
    const view = JSON.parse(event.data);
    if (!view.refused) draw(view, code);
  };
  socket.onclose = () => {
    if (feed === socket && location.hash.slice(1) === code) setTimeout(() => feed === socket && follow(code), RECONNECT_MS);
  };
}

function fact(name, value) {
  return [Object.assign(document.createElement("dt"), { textContent: name }), Object.assign(document.createElement("dd"), { textContent: value })];
}

function draw(view, code) {
  shown = { view, code };
  const service = hall.services.find((each) => each.id === view.service);
  const grouped = code.replace(/\D/g, "").replace(/^(\d{4})(\d{5})(\d{5})$/, "$1 $2 $3");
  $("state").textContent = WORDS[language].states[view.state];
  const when = clock(view.at, { month: "long", day: "numeric", weekday: "short", hour: "2-digit", minute: "2-digit" });
  const facts = [...fact(word("what"), service ? say(service.name) : view.service), ...fact(word("time"), when), ...fact(word("code"), grouped)];
  if (view.number) facts.push(...fact(word("number2"), view.number));
  $("facts").replaceChildren(...facts);
  const ahead = ["waiting", "offered", "booked", "confirmed"].includes(view.state);
  $("qr").hidden = !["booked", "confirmed"].includes(view.state);
  if (!$("qr").hidden) $("qr").src = `qr/${code.replace(/\D/g, "")}`;
  $("hint").hidden = $("qr").hidden;
  $("cancel").hidden = !ahead;
  $("move").hidden = !["booked", "confirmed"].includes(view.state);
  drawLine(view);
}

function drawLine(view) {
  let text = view.state === "offered" ? word("accept") : "";
  if (view.ticket_state === "waiting") {
    const known = view.position_now !== null && view.expected_wait_s !== null;
    text = known ? word("people", { n: view.position_now, m: Math.ceil(view.expected_wait_s / 60) }) : word("soon");
  } else if (view.ticket_state === "called") text = word("called", { n: view.counter });
  else if (view.ticket_state === "serving") text = word("serving", { n: view.counter });
  else if (view.ticket_state) text = WORDS[language].ended[view.ticket_state] ?? "";
  $("line").textContent = text;
  $("line").hidden = !text;
  $("line").classList.toggle("called", view.ticket_state === "called");
}

// -- near and idle halls --------------------------------------------------------------------------

async function showNear() {
  const place = await new Promise((found) => {
    if (!navigator.geolocation) return found(null);
    navigator.geolocation.getCurrentPosition((at) => found(at.coords), () => found(null), { timeout: 8000 });
  });
  const query = new URLSearchParams(chosen.service ? { service: chosen.service } : {});
  if (place) {
    query.set("latitude", place.latitude);
    query.set("longitude", place.longitude);
  } else trouble(word("noplace"));
  const found = await ask("GET", `/api/v1/public/halls?${query}`);
  const line = (queue) => {
    if (!queue) return word("unknown");
    if (!queue.open) return word("closed");
    return queue.idle ? word("idle") : word("busy", { m: Math.ceil((queue.expected_wait_s ?? 0) / 60) });
  };
  const draw = (each) => {
    const item = document.createElement("li");
    const link = Object.assign(document.createElement("a"), { href: each.booking_url, textContent: say(each.name), rel: "noreferrer" });
    const far = each.distance_m === null ? "" : ` ${word("from", { m: (each.distance_m / 1000).toFixed(1) })}`;
    item.append(link, Object.assign(document.createElement("span"), { textContent: line(each.queue) + far }));
    return item;
  };
  $("halls").replaceChildren(...found.halls.map(draw));
  $("halls").hidden = false;
}

// -- the whole ------------------------------------------------------------------------------------

async function route() {
  const code = decodeURIComponent(location.hash.slice(1));
  feed?.close();
  feed = null;
  moving = null;
  drawMoving();
  if (code) return showMine(code);
  $("mine").hidden = true;
  $("book").hidden = false;
  drawServices();
}

async function begin() {
  hall = await ask("GET", "services");
  $("near").hidden = !hall.near_halls;
  drawWords();
  await route();
}

$("language").addEventListener("click", act(async () => {
  language = language === "zh" ? "en" : "zh";
  drawWords();
  drawServices();
  if (chosen.service) await drawDates();
  if (shown && !$("mine").hidden) draw(shown.view, shown.code);
}));
$("see").addEventListener("click", () => { $("byCode").hidden = !$("byCode").hidden; });
$("near").addEventListener("click", act(showNear));
$("byCode").addEventListener("submit", (event) => { event.preventDefault(); location.hash = $("code").value.replace(/[^\w]/g, ""); });
$("askForm").addEventListener("submit", askProof);
$("proofForm").addEventListener("submit", prove);
$("cancel").addEventListener("click", act(async () => {
  if (!confirm(word("sure"))) return;
  draw(await ask("DELETE", `appointments/${encodeURIComponent(shown.code)}`), shown.code);
}));
$("move").addEventListener("click", act(beginMove));
$("keep").addEventListener("click", act(() => endMove(moving)));
$("again").addEventListener("click", () => { location.hash = ""; });
addEventListener("hashchange", act(route));
drawWords();
act(begin)();
