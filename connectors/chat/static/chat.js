// The page of a chat while it is open: what is new comes by server-sent events, what is written goes without a reload.
// Everything that can be done works without this file, by the forms of the page.

const root = document.documentElement;
const framed = window.parent !== window;
const main = document.getElementById("widget");
let chat; // the part of the page that this script looks after
let me = ""; // the visitor's token
let reader = null; // ends the stream
let visible = true; // the site's script may have hidden the frame
let typed = 0; // when typing was told last
let last = 0; // the message of ours that was seen last
let stood = ""; // how the chat stood when it was told last: what stays the same is not announced again
let offered = false; // whether it was looked for whether a transcript can be asked for
let renewal = 0; // the number of the last renewal: of several under way it alone is shown

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
const part = (id) => document.getElementById(id);
const word = (name) => chat.dataset[name];
const address = (path = "") => `${chat.dataset.base}${path}?lang=${chat.dataset.lang}`;
const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

// A network that is gone may say nothing: what takes longer than this is tried again.
const SILENT = 45_000; // the hub gives a sign of life every 15 s
const patience = (body = []) => AbortSignal.timeout?.([...body].some(([, part]) => part.size) ? 600_000 : 30_000);
const heads = () => ({ Accept: "application/json", "X-Centrala-Chat": me });

/** Only a page that may frame this one gets to know anything. */
function tell(data) {
  if (!framed || !document.referrer) return;
  window.parent.postMessage(data, new URL(document.referrer).origin);
}

// --- the page -----------------------------------------------------------------------------------------------------

/** The page anew, as a document. A refusal is a page too, but not this one. */
async function fetched(more = "") {
  const response = await fetch(address() + more, { headers: { "X-Centrala-Chat": me }, signal: patience() });
  const fresh = parsed(await response.text());
  if (!fresh.getElementById("chat")) throw new Error(response.status);
  return fresh;
}

/** Show the page anew in place of this one, as soon as it can be had. */
async function renew(more = "") {
  const number = ++renewal;
  for (let wait = 1000; ; wait = Math.min(wait * 2, 30_000)) {
    try {
      const fresh = await fetched(more);
      if (number === renewal) show(fresh);
      return;
    } catch {
      if (number !== renewal) return;
      lost(true);
      await pause(wait);
    }
  }
}

/** What is typed and what is not sent yet goes over to the new page. */
function show(fresh) {
  const focused = document.activeElement?.id;
  const unsent = [...chat.querySelectorAll("#said > :not([data-number])")];
  for (const old of chat.querySelectorAll("form:not([data-taken]) :is(input, textarea, select)[id]")) keep(old, fresh.getElementById(old.id));
  const other = root.lang !== fresh.documentElement.lang;
  root.lang = fresh.documentElement.lang;
  document.title = fresh.title;
  main.replaceChildren(...fresh.getElementById("widget").childNodes);
  begin();
  for (const item of unsent) {
    if (!list()) { if (item.dataset.failed) giveBack(item.querySelector(".said__text").textContent); } // the chat is too old to go on
    else if (!item.id || !part(item.id)) list().append(item);
  }
  if (other) chat.querySelector("[hreflang]").focus();
  else if (focused) part(focused)?.focus();
}

function keep(old, now) {
  if (old.type !== now?.type) return;
  if (old.type === "checkbox") now.checked = old.checked;
  else if (old.type === "file") now.files = old.files;
  else now.value = old.value;
}

/** A text that could not be sent comes back into the field, before what is typed there by now. */
function giveBack(text) {
  const field = part("text");
  field.value = [text, field.value].filter(Boolean).join("\n");
}

function begin() {
  chat = part("chat");
  root.classList.add("live");
  offered = false;
  me = chat.querySelector("[name=me]").value;
  reader?.abort();
  if (chat.dataset.chat) {
    // The cookie did not come back: the site's page keeps the token for this tab.
    if (!chat.dataset.kept) tell({ centrala: "me", me });
    toEnd();
    listen();
  }
}

const log = () => part("log");
const list = () => part("said");
const toEnd = () => { if (log()) log().scrollTop = log().scrollHeight; };

// --- what is new --------------------------------------------------------------------------------------------------

async function listen() {
  reader?.abort();
  const control = (reader = new AbortController());
  let wait = 1000;
  while (!control.signal.aborted) {
    const attempt = new AbortController();
    control.signal.addEventListener("abort", () => attempt.abort(), { signal: attempt.signal });
    let gone = 0;
    const alive = () => { clearTimeout(gone); gone = setTimeout(() => attempt.abort(), SILENT); };
    try {
      alive();
      const response = await fetch(address("/stream"), { headers: { ...heads(), Accept: "text/event-stream" }, signal: attempt.signal });
      if (response.status === 404) { await renew(); return; }
      if (!response.ok) throw new Error(response.status);
      wait = 1000;
      lost(false);
      await follow(response.body.pipeThrough(new TextDecoderStream()).getReader(), alive);
    } catch { /* below: it is tried again */ } finally {
      clearTimeout(gone);
      attempt.abort();
    }
    if (control.signal.aborted) return;
    if (wait > 1000) lost(true);
    await pause(wait * (0.5 + Math.random()));
    wait = Math.min(wait * 2, 30_000);
  }
}

/** Server-sent events (HTML standard, 9.2.6), as far as they are sent here: an event's name and one line of data. */
async function follow(stream, alive) {
  let rest = "";
  for (;;) {
    const { value, done } = await stream.read();
    if (done) return;
    alive();
    const blocks = (rest + value).split("\n\n");
    rest = blocks.pop();
    for (const block of blocks) {
      const found = block.match(/^event: (.*)\ndata: (.*)$/);
      if (found) heard[found[1]]?.(JSON.parse(found[2]));
    }
  }
}

const heard = {
  news({ messages, state, open }) {
    const end = log().scrollHeight - log().scrollTop - log().clientHeight < 60;
    let theirs = 0;
    for (const message of messages) if (put(message) && !message.mine) theirs = message.id;
    if (state !== stood) part("state").replaceChildren(...parsed(state).body.childNodes);
    stood = state;
    for (const form of chat.querySelectorAll(".deed")) if (form.elements.do.value === "end") form.hidden = !open;
    if (theirs) {
      presence("paused");
      last = theirs;
      seen();
      if (!visible || document.hidden) tell({ centrala: "unread" });
      // The form for the transcript comes with the first answer.
      if (!offered && !chat.querySelector("[value=transcript]")) offer();
    }
    if (end) toEnd();
  },
  presence: ({ what }) => presence(what),
  over: () => renew(),
};

/** A message at its place; false for one that is there already. What was shown while it was being sent is replaced. */
function put({ id, number, html }) {
  if (part(`m${id}`)?.dataset.number) return false;
  const made = parsed(`<ol>${html}</ol>`).querySelector("li");
  const before = part(`m${id}`);
  // Buttons belong to the last message.
  for (const form of list().querySelectorAll(".choices")) if (Number(form.parentNode.dataset.number) < number) form.remove();
  if (before) { before.replaceWith(made); return true; }
  const next = [...list().children].find((item) => Number(item.dataset.number || Infinity) > number);
  list().insertBefore(made, next ?? null);
  return true;
}

async function offer() {
  const fresh = (await fetched().catch(() => null))?.querySelector(".more");
  offered = Boolean(fresh);
  const more = chat.querySelector(".more");
  if (fresh && more && !more.open) more.replaceWith(fresh);
}

let pausing = 0;
function presence(what) {
  clearTimeout(pausing);
  const place = part("typing");
  const text = { read: word("seen"), typing: word("typing") }[what] ?? "";
  if (place.textContent !== text) place.textContent = text;
  if (what === "typing") pausing = setTimeout(() => presence("paused"), 8000);
}

function lost(yes) {
  const place = part("typing");
  if (yes && place) place.textContent = word("lost");
  else if (yes && !chat.querySelector(".problems")) complain(part("begin"), { error: word("lost") });
  else if (place?.textContent === word("lost")) place.textContent = "";
}

// --- what is told -------------------------------------------------------------------------------------------------

function signal(what, more = {}) {
  const body = new URLSearchParams({ me, what, ...more });
  if (what === "left") navigator.sendBeacon(address("/signal"), body);
  else fetch(address("/signal"), { method: "POST", body, headers: heads() }).then(({ status }) => {
    // Many visitors share one network address: what matters least is left out first.
    if (status === 429) typed = Date.now() + 60_000;
  }).catch(() => {});
}

function seen() {
  if (last && visible && !document.hidden) { signal("read", { upto: last }); last = 0; }
}
document.addEventListener("visibilitychange", seen);
addEventListener("pagehide", () => { if (chat.dataset.chat) signal("left"); });
addEventListener("pageshow", (event) => { if (event.persisted && chat.dataset.chat) listen(); });
addEventListener("message", ({ source, data }) => {
  if (source !== window.parent || !data?.centrala) return;
  visible = data.centrala === "shown";
  seen();
  if (visible) (part("text") ?? main).focus?.();
});

// Not by the link itself: what is typed would be lost, and where the frame keeps no cookie the whole chat.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[hreflang]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  chat.dataset.lang = link.hreflang;
  const here = new URL(location.href);
  here.searchParams.set("lang", link.hreflang);
  history.replaceState(null, "", here);
  renew();
});

// A lost network tells nobody: the hub believes a page that speaks.
setInterval(() => { if (chat.dataset.chat) signal("here"); }, 30_000);

document.addEventListener("input", ({ target }) => {
  if (target.id !== "text" || !chat.dataset.chat || Date.now() - typed < 3000) return;
  typed = Date.now();
  signal("typing");
});

// --- what is written ----------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && framed) tell({ centrala: "close" });
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.target.id !== "text" || !chat.dataset.chat) return;
  event.preventDefault();
  event.target.form.requestSubmit();
});

// In the capturing phase: before the script that all widgets share takes it for an ordinary form.
document.addEventListener("submit", (event) => {
  event.preventDefault();
  event.stopImmediatePropagation();
  const form = event.target;
  if (form.id === "write") write(form);
  else post(form, event.submitter);
}, true);

/** The forms that change the page: its beginning, a transcript, the end, a pressed button of a message. */
async function post(form, pressed) {
  const button = pressed ?? form.querySelector("button");
  const body = new FormData(form);
  if (button.name) body.set(button.name, button.value);
  button.disabled = true;
  let problem = { error: word("failed") };
  let answer = null;
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: heads(), signal: patience(body) });
    const said = await response.json();
    if (response.ok) answer = said;
    else problem = said;
  } catch { /* not sent */ }
  if (!answer) {
    button.disabled = false;
    complain(form, problem);
    return;
  }
  form.dataset.taken = "yes";
  if (answer.me) me = answer.me;
  await renew(answer.news ? `&news=${answer.news}` : "");
  (part("text") ?? main).focus?.();
}

function complain(form, { error, problems = {} }) {
  form.querySelector(".problems")?.remove();
  for (const old of form.querySelectorAll("[aria-invalid]")) {
    old.removeAttribute("aria-invalid");
    if (old.dataset.hint) old.setAttribute("aria-describedby", old.dataset.hint);
    else old.removeAttribute("aria-describedby");
  }
  const box = document.createElement("div");
  box.className = "problems";
  box.tabIndex = -1;
  box.setAttribute("role", "alert");
  const texts = Object.entries(problems);
  for (const [name, text] of texts.length ? texts : [["", error]]) {
    const line = document.createElement("p");
    const field = name && form.elements.namedItem(name);
    // A box to tick has a whole sentence for its label; the problem says enough.
    const label = field?.type !== "checkbox" && field?.labels?.[0]?.textContent;
    line.id = `problem-${name || "all"}`;
    line.textContent = label ? `${label}: ${text}` : text;
    box.append(line);
    if (!field?.setAttribute) continue;
    field.dataset.hint ??= field.getAttribute("aria-describedby") ?? "";
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", `${line.id} ${field.dataset.hint}`.trim());
  }
  form.prepend(box);
  box.focus();
}

const uuid = () => crypto.randomUUID?.() ?? "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) => (c ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (c / 4)))).toString(16));

/** One message: it stands in the log at once, and is sent again under the same id until it is taken. */
function write(form) {
  const text = form.elements.text.value.trim();
  const files = [...(form.elements.file?.files ?? [])];
  const large = files.find((file) => file.size > Number(form.elements.file.dataset.size));
  if (large) { complain(form, { error: word("large").replace("{name}", large.name) }); return; }
  if (files.length > Number(form.elements.file?.dataset.most)) { complain(form, { error: word("many") }); return; }
  if (!text && !files.length) return;
  form.querySelector(".problems")?.remove();
  const body = new FormData(form);
  form.elements.client.value = uuid();
  form.elements.text.value = "";
  if (form.elements.file) form.elements.file.value = "";
  if (typed <= Date.now()) typed = 0;
  const item = shown([text, ...files.map((file) => file.name)].filter(Boolean).join("\n"));
  list().append(item);
  toEnd();
  deliver(form, body, item);
}

function shown(text) {
  const item = document.createElement("li");
  item.className = "said said--mine";
  for (const [name, value] of [["who", `${word("you")} · ${word("sending")}`], ["text", text]]) {
    const line = document.createElement("p");
    line.className = `said__${name}`;
    line.textContent = value;
    item.append(line);
  }
  return item;
}

async function deliver(form, body, item) {
  const who = item.querySelector(".said__who");
  delete item.dataset.failed;
  item.querySelector("button")?.remove();
  who.textContent = `${word("you")} · ${word("sending")}`;
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: heads(), signal: patience(body) });
    const answer = await response.json();
    if (response.status === 422 || response.status === 413) { refuse(form, body, item, answer); return; }
    if (!response.ok) throw new Error(response.status);
    who.textContent = word("you");
    if (part(`m${answer.id}`)) item.remove(); // the stream was faster
    else item.id = `m${answer.id}`;
  } catch {
    item.dataset.failed = "yes";
    who.textContent = `${word("you")} · ${word("failed")}`;
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = word("again");
    again.addEventListener("click", () => deliver(form, body, item));
    item.append(again);
  }
}

/** The message is wrong as it is: what was written comes back into the field. */
function refuse(form, body, item, answer) {
  item.remove();
  giveBack(body.get("text"));
  complain(form.isConnected ? form : part("write") ?? part("begin"), answer);
}

// --- the beginning ------------------------------------------------------------------------------------------------

chat = part("chat");
const handed = new URLSearchParams(location.hash.slice(1)).get("me");
if (handed) {
  history.replaceState(null, "", location.pathname + location.search);
  me = handed;
  if (chat.dataset.chat) begin(); else renew();
} else {
  begin();
}
