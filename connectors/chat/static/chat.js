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

const parsed = (html) => new DOMParser().parseFromString(html, "text/html");
const part = (id) => document.getElementById(id);
const word = (name) => chat.dataset[name];
const address = (path = "") => `${chat.dataset.base}${path}?lang=${chat.dataset.lang}`;
const heads = () => ({ Accept: "application/json", "X-Centrala-Chat": me });

/** Only a page that may frame this one gets to know anything. */
function tell(data) {
  if (!framed || !document.referrer) return;
  window.parent.postMessage(data, new URL(document.referrer).origin);
}

// --- the page -----------------------------------------------------------------------------------------------------

/** Fetch the page anew and show it in place of this one. */
async function renew() {
  const response = await fetch(address(), { headers: { "X-Centrala-Chat": me } });
  const fresh = parsed(await response.text());
  main.replaceChildren(...fresh.getElementById("widget").childNodes);
  begin();
}

function begin() {
  chat = part("chat");
  root.classList.add("live");
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
  const control = (reader = new AbortController());
  let wait = 1000;
  while (!control.signal.aborted) {
    try {
      const response = await fetch(address("/stream"), { headers: { ...heads(), Accept: "text/event-stream" }, signal: control.signal });
      if (response.status === 404) { await renew(); return; }
      if (!response.ok) throw new Error(response.status);
      wait = 1000;
      lost(false);
      await follow(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch { /* below: it is tried again */ }
    if (control.signal.aborted) return;
    if (wait > 1000) lost(true);
    await new Promise((done) => setTimeout(done, wait * (0.5 + Math.random())));
    wait = Math.min(wait * 2, 30_000);
  }
}

/** Server-sent events (HTML standard, 9.2.6), as far as they are sent here: an event's name and one line of data. */
async function follow(stream) {
  let rest = "";
  for (;;) {
    const { value, done } = await stream.read();
    if (done) return;
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
    for (const form of chat.querySelectorAll(".deed:has([value=end])")) form.hidden = !open;
    if (theirs) {
      presence("paused");
      last = theirs;
      seen();
      if (!visible || document.hidden) tell({ centrala: "unread" });
      // The form for the transcript comes with the first answer.
      if (!chat.querySelector("[value=transcript]")) offer();
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
  const response = await fetch(address(), { headers: { "X-Centrala-Chat": me } });
  const fresh = parsed(await response.text()).querySelector(".more");
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
  if (yes) part("typing").textContent = word("lost");
  else if (part("typing").textContent === word("lost")) part("typing").textContent = "";
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
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: heads() });
    const answer = await response.json();
    if (!response.ok) { complain(form, answer); return; }
    if (answer.me) me = answer.me;
    await renew();
    if (answer.news) await note(answer.news);
    (part("text") ?? main).focus?.();
  } catch {
    complain(form, { error: word("failed") });
  } finally {
    button.disabled = false;
  }
}

/** What a page says after a deed: as it would without a script. */
async function note(news) {
  const response = await fetch(`${address()}&news=${news}`, { headers: { "X-Centrala-Chat": me } });
  const said = parsed(await response.text()).querySelector(".news");
  if (said) chat.querySelector("header").after(said);
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
    const response = await fetch(form.action, { method: "POST", body, headers: heads() });
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
  if (!form.elements.text.value) form.elements.text.value = body.get("text");
  complain(form, answer);
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
