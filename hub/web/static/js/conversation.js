// An open conversation: parts refreshed when something changed, dialogs that carry the version in sight, mail frames,
// forwarding. The composer is not touched from here except by events.

import { afterwards, send, settings, toast } from "./app.js";
import { plainly } from "./completions.js";

const pane = document.querySelector("[data-conversation-open]");
const conversation = pane.dataset.conversationOpen;
const stream = document.getElementById("stream");
const head = () => document.querySelector("#head .head");

// --- fresh parts --------------------------------------------------------------------------------------------------

const scroller = () => (getComputedStyle(stream).overflowY === "visible" ? document.scrollingElement : stream);
const atEnd = () => scroller().scrollHeight - scroller().scrollTop - scroller().clientHeight < 40;
const inHand = () => document.querySelector("#head details[open], #context details.menu[open], #stream details.menu[open]")
  || document.activeElement?.matches?.("#head select, #context input");

let asked = 0;
/** Ask for the parts anew; later while a menu is open, so that it does not close under the pointer. */
function refresh(wait = 120) {
  clearTimeout(asked);
  asked = setTimeout(async () => {
    if (inHand()) { refresh(1000); return; }
    const end = atEnd();
    await window.htmx.ajax("GET", `/conversations/${conversation}/parts`, { source: "#stream", swap: "none" });
    if (end) toEnd();
  }, wait);
}

function toEnd() {
  scroller().scrollTop = scroller().scrollHeight;
}

// Who answers sees what is answered: the newest message stays in sight while the text below it grows.
let ended = false;
stream.addEventListener("scroll", () => { ended = atEnd(); });
new ResizeObserver(() => { if (ended && scroller() === stream) toEnd(); }).observe(stream);

// What is in sight in a window that somebody looks at has been read; asking for a page alone says nothing.
let read = 0;
function markRead() {
  const last = Number(head()?.dataset.last ?? 0);
  if (document.hidden || last <= read) return;
  read = last;
  send(`/conversations/${conversation}/read`, { json: { number: last }, quiet: true }).catch(() => { read = 0; });
}
markRead();
document.addEventListener("visibilitychange", markRead);
document.addEventListener("centrala:parts", markRead);

document.addEventListener("centrala:changes", ({ detail }) => {
  if (detail.some((change) => String(change.conversation) === conversation)) refresh();
});
document.addEventListener("centrala:reset", () => refresh());
document.addEventListener("centrala:undone", () => refresh());
document.addEventListener("centrala:sent", () => refresh(0));
// A button that is gone when it has done its work leaves its person at the messages, not at the top of the page.
let held = false;
document.addEventListener("htmx:before:swap", () => {
  held = document.activeElement.closest("#head, #stream, #context") !== null;
});
document.addEventListener("htmx:after:swap", () => {
  if (held && document.activeElement === document.body) stream.focus({ preventScroll: true });
  document.dispatchEvent(new CustomEvent("centrala:parts", { detail: { last: Number(head()?.dataset.last ?? 0) } }));
});
// At the newest message, unless the address names an older one (a hit of the search, a link of a colleague), or somebody
// may be in danger and what to do stands in a head that would scroll away.
const danger = scroller() !== stream && document.querySelector("#head .protocol");
const meant = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
if (meant) meant.scrollIntoView({ block: "center" });
else if (!danger && !new URLSearchParams(location.search).has("before")) {
  toEnd();
  // On a phone the page ends with the answer, which may be longer than the screen.
  stream.lastElementChild?.scrollIntoView({ block: "nearest" });
}

// --- dialogs ------------------------------------------------------------------------------------------------------

// The version in sight when a dialog opens is what its action is about.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (!opener) return;
  const dialog = document.getElementById(opener.dataset.opens);
  const version = dialog?.querySelector('input[name="version"]');
  if (version && head()) version.value = head().dataset.version;
  if (opener.dataset.forward) {
    const form = document.getElementById("forward-form");
    form.action = `/messages/${opener.dataset.forward}/forward`;
    form.querySelector("[name=subject]").value = opener.dataset.forwardSubject;
  }
  opener.closest("details.menu")?.removeAttribute("open");
});

// Where somebody may be in danger, closing asks first, also when the word of it came while the page was open.
function careful() {
  const form = document.querySelector("#dialog-resolve form");
  const question = head()?.dataset.closing;
  if (question) form.dataset.confirm = question;
  else delete form.dataset.confirm;
}
careful();
document.addEventListener("centrala:parts", careful);

document.addEventListener("htmx:after:request", (event) => {
  const { ctx } = event.detail;
  const form = ctx?.sourceElement?.closest?.("form");
  if (form && ctx.response?.status === 409) lookAgain(form);
  if (!form || (ctx.response?.status ?? 500) >= 400) return;
  form.removeAttribute("data-again");
  form.closest("dialog")?.close();
  form.closest("details.menu")?.removeAttribute("open");
  if (form.hasAttribute("data-clears")) form.reset();
  document.dispatchEvent(new CustomEvent("centrala:refresh"));
});

/** Somebody was faster: show how it is now; repeating the action is then about that. */
function lookAgain(form) {
  form.toggleAttribute("data-again", form.elements.version !== undefined);
  refresh(0);
}
document.addEventListener("centrala:parts", () => {
  for (const form of document.querySelectorAll("form[data-again]")) form.elements.version.value = head().dataset.version;
});

document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-fills]");
  if (!chip) return;
  document.getElementById(chip.dataset.fills).value = chip.dataset.value;
  chip.closest("form").requestSubmit(chip.closest("form").querySelector("[data-primary]"));
});

// The last used topics are taken by their number: the field has the focus, so it gives way while it is empty.
const topic = document.getElementById("resolve-topic");
topic?.addEventListener("keydown", (event) => {
  if (topic.value || !settings.keys || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const chip = topic.form.querySelector(`[data-fills][data-key="${CSS.escape(event.key)}"]`);
  if (!chip) return;
  event.preventDefault();
  chip.click();
});

// Ctrl+Enter sends the form that one is in; Enter and a double click choose in a list of people or queues.
document.addEventListener("keydown", (event) => {
  const chosen = event.target.matches?.("dialog select[size]") && event.key === "Enter";
  const sent = (event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.closest?.("dialog");
  if (!chosen && !sent) return;
  event.preventDefault();
  const form = event.target.closest("form");
  form.requestSubmit(form.querySelector("[data-primary]"));
});
// Letters find any word of a name there: offices all begin alike, and people are known by their surnames.
let typed = "";
let typedAt = 0;
document.addEventListener("keydown", (event) => {
  const list = event.target;
  const shortcut = (event.ctrlKey || event.metaKey || event.altKey) && !event.getModifierState("AltGraph");
  if (!list.matches?.("dialog select[size]") || [...event.key].length !== 1 || shortcut || event.isComposing) return;
  event.preventDefault();
  typed = (event.timeStamp - typedAt < 1000 ? typed : "") + event.key;
  typedAt = event.timeStamp;
  const found = [...list.options].find(({ text }) => ` ${plainly(text)}`.includes(` ${plainly(typed.trimStart())}`));
  if (typed.trim() && found) list.value = found.value;
});
document.addEventListener("dblclick", (event) => {
  if (event.target.matches?.("dialog select[size] option")) {
    const form = event.target.closest("form");
    form.requestSubmit(form.querySelector("[data-primary]"));
  }
});

// --- forwarding ---------------------------------------------------------------------------------------------------

const forwarding = document.getElementById("forward-form");
const notForwarded = forwarding.querySelector("[role=alert]");
let hereafter = null;

function sayNotForwarded(text) {
  notForwarded.textContent = text;
  notForwarded.hidden = !text;
  hereafter = null;
}
document.addEventListener("centrala:answers", () => { if (hereafter !== null) sayNotForwarded(hereafter); });
forwarding.addEventListener("submit", async (event) => {
  event.preventDefault();
  sayNotForwarded("");
  try {
    const done = await (await send(forwarding.action, { body: new FormData(forwarding), quiet: true })).json();
    forwarding.closest("dialog").close();
    forwarding.reset();
    forwarding.querySelector("[name=client_id]").value = crypto.randomUUID();
    toast(done.said, { undo: done.undo, seconds: Math.max(8, done.seconds ?? 0) });
    refresh(0);
  } catch (problem) {
    if (problem.problem?.again) forwarding.querySelector("[name=client_id]").value = crypto.randomUUID();
    sayNotForwarded(problem.message);
    hereafter = afterwards(problem, document.querySelector("[data-composer]").dataset.sendAgain);
  }
}, true);

// --- mail frames --------------------------------------------------------------------------------------------------

function frame(details, address) {
  const made = details.querySelector("iframe") ?? document.createElement("iframe");
  made.className = "entry__frame";
  made.title = details.querySelector("summary").textContent;
  made.setAttribute("sandbox", "allow-popups allow-popups-to-escape-sandbox");
  made.referrerPolicy = "no-referrer";
  made.src = address;
  details.append(made);
}
stream.addEventListener("toggle", (event) => {
  const details = event.target.closest("[data-frame]");
  if (details?.open && !details.querySelector("iframe")) frame(details, details.dataset.frame);
}, true);
stream.addEventListener("click", (event) => {
  const button = event.target.closest("[data-images]");
  if (button) frame(button.closest("details"), button.dataset.images);
});

// The scheduled day of a block begins a week ahead.
const until = document.getElementById("block-until");
if (until && !until.value) {
  const week = new Date(Date.now() + 7 * 86_400_000);
  week.setMinutes(week.getMinutes() - week.getTimezoneOffset());
  until.value = week.toISOString().slice(0, 16);
}
