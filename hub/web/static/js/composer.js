// The composer of a page: a reply and a note, or a new conversation (writing.js), and what stands around them: canned
// responses and colleagues, news while somebody writes, sending and resolving in one, what comes from other windows.

import { send } from "./app.js";
import { Completion, findPeople, findTexts } from "./completions.js";
import { box, conversation } from "./drafts.js";
import { Writing } from "./writing.js";

const news = box.querySelector("[data-news]");
const forms = new Map();

const completions = [
  new Completion({
    list: document.getElementById("canned"), kind: "reply", trigger: /(^|\s)\/([\p{L}\p{N}-]*)$/u,
    find: (asked) => (conversation ? findTexts(conversation, asked) : null), none: box.dataset.noText,
  }),
  new Completion({
    list: document.getElementById("mentions"), kind: "note", trigger: /(^|\s)@([\p{L}\p{N}._-]*)$/u, find: findPeople,
  }),
];

// --- news while writing -------------------------------------------------------------------------------------------

/** Sending stopped because somebody wrote: show what is new and wait for a person to say that they read it. */
function stopped(numbers, text) {
  if (!news) return;
  news.querySelector("[data-news-text]").textContent = text || box.dataset.new;
  news.hidden = false;
  document.dispatchEvent(new CustomEvent("centrala:sent"));
  const first = document.querySelector(`#stream [data-number="${numbers?.[0]}"]`);
  first?.scrollIntoView({ block: "nearest" });
  news.querySelector("[data-news-read]").focus();
}

news?.querySelector("[data-news-read]").addEventListener("click", () => {
  news.hidden = true;
  const writing = forms.get("reply");
  writing?.base();
  writing?.changed();
  writing?.text.focus();
});

/** While somebody writes, others' messages come into the stream above: say so before they press Send. */
document.addEventListener("centrala:parts", () => {
  const writing = forms.get("reply");
  if (!writing || !writing.text.value.trim()) { writing?.base(); return; }
  const based = Number(writing.value("based_on"));
  const fresh = [...document.querySelectorAll("#stream article[data-number]")].filter((entry) =>
    Number(entry.dataset.number) > based && !entry.classList.contains("entry--outbound"));
  if (fresh.length && news.hidden) {
    news.querySelector("[data-news-text]").textContent = box.dataset.new;
    news.hidden = false;
  }
});

// --- to whom ------------------------------------------------------------------------------------------------------

/** Who leaves a chat is answered elsewhere, and by the chat again once they are back: the head knows it. */
function whither() {
  const writing = forms.get("reply");
  if (!writing) return;
  const way = writing.way();
  const visitor = way.live === "1" ? (document.getElementById("visitor")?.dataset ?? {}) : {};
  const to = writing.form.querySelector("[data-to-shown]");
  if (way.live === "1") to.textContent = visitor.address || way.name;
  writing.form.querySelector("[data-by-shown]").textContent = visitor.inbox || way.inbox;
}
document.addEventListener("centrala:parts", whither);
box.addEventListener("change", ({ target }) => { if (target.name === "way") whither(); });

// --- send and resolve ---------------------------------------------------------------------------------------------

let resolving = null;
function resolveAfter(writing) {
  const dialog = document.getElementById("dialog-resolve");
  resolving = writing;
  const label = dialog.querySelector("[data-resolve-label]");
  label.dataset.alone ??= label.textContent;
  label.textContent = label.dataset.both;
  dialog.showModal();
  dialog.querySelector("[name=topic]").focus();
}
const dialog = document.getElementById("dialog-resolve");
dialog?.addEventListener("close", () => {
  resolving = null;
  const label = dialog.querySelector("[data-resolve-label]");
  if (label.dataset.alone) label.textContent = label.dataset.alone;
});
dialog?.querySelector("form").addEventListener("submit", (event) => {
  if (!resolving) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  delete event.target.dataset.sent; // the form itself goes nowhere
  const writing = resolving;
  const topic = dialog.querySelector("[name=topic]").value;
  dialog.close();
  writing.submit(null, { after: "resolve", topic });
}, true);

// --- put in from beside --------------------------------------------------------------------------------------------

/** [data-inserts] anywhere on the page puts its text into the reply. It is shown only where there is a reply to write. */
document.addEventListener("click", (event) => {
  const inserts = event.target.closest("[data-inserts]");
  const writing = forms.get("reply");
  if (!inserts || !writing) return;
  mode("reply");
  const { value, selectionStart: start, selectionEnd: end } = writing.text;
  const before = start && !/\s$/.test(value.slice(0, start)) ? "\n" : "";
  writing.text.setRangeText(before + inserts.dataset.inserts, start, end, "end");
  writing.changed();
});
document.addEventListener("htmx:after:swap", () => {
  if (forms.has("reply")) for (const button of document.querySelectorAll("[data-inserts][hidden]")) button.hidden = false;
});

// --- modes --------------------------------------------------------------------------------------------------------

function mode(name, focus = true) {
  if (!forms.has(name)) return;
  box.dataset.mode = name;
  for (const [kind, writing] of forms) writing.form.hidden = kind !== name;
  for (const button of box.querySelectorAll("button[data-mode]")) button.setAttribute("aria-pressed", String(button.dataset.mode === name));
  const writing = forms.get(name);
  if (focus) writing.text.focus();
}
box.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-mode]");
  if (button) mode(button.dataset.mode);
});
box.addEventListener("input", (event) => {
  const writing = [...forms.values()].find((found) => found.text === event.target);
  if (writing) for (const completion of completions) completion.look(writing);
});

const around = {
  stopped,
  resolves: resolveAfter,
  completes: (writing, event) => completions.some((one) => one.open && one.writing === writing && one.keys(event)),
};
for (const form of box.querySelectorAll(".composer__form")) forms.set(form.dataset.kind, new Writing(form, around));
if (forms.get("note")?.text.value && !forms.get("reply")?.text.value) mode("note", false);

// What is not saved yet goes with the page; the browser keeps it as well.
const flush = (leaving) => { for (const writing of forms.values()) if (writing.dirty) writing.save({ leaving }); };
document.addEventListener("visibilitychange", () => { if (document.hidden) flush(true); });
window.addEventListener("pagehide", () => flush(true));
window.addEventListener("online", () => flush(false));
document.addEventListener("centrala:answers", () => { for (const writing of forms.values()) writing.answers(); });
document.addEventListener("centrala:unable", () => (forms.get(box.dataset.mode) ?? [...forms.values()][0]).unable());
window.addEventListener("storage", ({ key, oldValue, newValue }) => {
  const writing = [...forms.values()].find((found) => found.key === key);
  if (writing && writing.kind !== "new" && oldValue && newValue === null) writing.gone(JSON.parse(oldValue).text);
});

document.addEventListener("centrala:undone", async () => {
  if (!conversation) return;
  const found = await (await send(`/conversations/${conversation}/drafts`, { method: "GET", quiet: true })).json();
  for (const [kind, writing] of forms) if (found[kind]) writing.takeBack(found[kind]);
});
