// The list of conversations: keys j k x Enter, news announced and brought in only where nothing moves under the
// pointer, the place kept when a conversation is opened. The server renders every row; this only asks for rows anew.

import { countChecked, refreshTimes, stand } from "./app.js";

const list = document.getElementById("list");
const rows = document.getElementById("rows");
const news = document.getElementById("news");
const said = document.getElementById("news-said");

const items = () => [...rows.querySelectorAll("[data-row]")];
const linkOf = (item) => item?.querySelector(".item__link");
const boxOf = (item) => item?.querySelector('input[name="c"]');

// --- keys ---------------------------------------------------------------------------------------------------------

const FIELDS = "input:not([type=checkbox]), textarea, select, [contenteditable], dialog, .menu__panel";

/** The row that keys act on: the focused one, else the open one. */
function here() {
  return document.activeElement?.closest?.("[data-row]") ?? rows.querySelector(".item--open");
}

function step(by) {
  const all = items();
  if (!all.length) return;
  const at = all.indexOf(here());
  const next = all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))];
  linkOf(next).focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (document.documentElement.dataset.keys === "off") return;
  if (event.target.closest?.(FIELDS) || document.querySelector("dialog[open]")) return;
  if (event.key === "j" || event.key === "k") {
    event.preventDefault();
    step(event.key === "j" ? 1 : -1);
  } else if (event.key === "x") {
    const box = boxOf(here() ?? items()[0]);
    if (!box) return;
    event.preventDefault();
    box.click();
  } else if (event.key === "X") {
    event.preventDefault();
    const boxes = items().map(boxOf);
    const all = boxes.every((box) => box.checked);
    for (const box of boxes) if (box.checked === all) box.click();
  } else if (event.key === "Escape") {
    for (const box of rows.querySelectorAll('input[name="c"]:checked')) box.click();
  }
});

// Enter in a field that names a button presses that button (the field and the form may stand apart).
document.addEventListener("keydown", (event) => {
  const button = event.key === "Enter" && event.target.dataset?.enter;
  if (!button) return;
  event.preventDefault();
  document.getElementById(button)?.click();
});

// Who closes many at once is asked first where somebody among them may be in danger.
document.addEventListener("click", (event) => {
  const closes = event.target.closest("[data-closes-many]");
  if (!closes) return;
  if (rows.querySelector("[data-danger] input:checked")) closes.dataset.confirm = list.dataset.closing;
  else delete closes.dataset.confirm;
});

// --- news ---------------------------------------------------------------------------------------------------------

let waiting = new Set();
let pointed = false;
let asking = null;
list.addEventListener("pointerenter", () => { pointed = true; });
list.addEventListener("pointerleave", () => { pointed = false; settle(); });

const scroller = () => (getComputedStyle(list).overflowY === "visible" ? document.scrollingElement : list);
const atTop = () => scroller().scrollTop < 8;
const busy = () => pointed || rows.contains(document.activeElement) || rows.querySelector("input:checked")
  || document.querySelector("#bulk details[open]") !== null;

function concerns(change) {
  if (change.kind !== "conversation" && change.kind !== "message" && change.kind !== "delivery") return false;
  if (!change.conversation) return false;
  if (document.getElementById(`c${change.conversation}`)) return true;
  const queue = list.dataset.queue;
  return !queue || change.queue === queue || change.queue_before === queue;
}

document.addEventListener("centrala:changes", ({ detail }) => {
  const found = detail.filter(concerns);
  if (!found.length) return;
  for (const change of found) waiting.add(change.conversation);
  settle();
});
document.addEventListener("centrala:reset", () => refresh());
document.addEventListener("centrala:undone", () => refresh());

// In a flood news comes faster than it can be shown: the list is asked for again at most once in so many milliseconds,
// and never put off because more came.
const PAUSE = 1000;
let lastAsked = 0;
const pause = (least) => Math.max(least, lastAsked + PAUSE - Date.now());

/** Bring news in where that moves nothing, else say how many there are. */
function settle() {
  if (!waiting.size || asking) return;
  if (!atTop() || busy()) ask();
  else asking = setTimeout(() => {
    asking = null;
    if (!atTop() || busy()) ask();
    else bring();
  }, pause(150));
}

let counting = 0;
/** Look at the list as it would be now, and say how many of its rows are not shown yet. */
function ask() {
  counting ||= setTimeout(async () => {
    counting = 0;
    lastAsked = Date.now();
    const response = await fetch(list.dataset.list, { headers: { "HX-Request": "true" } }).catch(() => null);
    if (!response?.ok || !waiting.size) return;
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
    const unseen = [...fresh.querySelectorAll("[data-row]")].filter((row) => !document.getElementById(row.id)).length;
    if (!unseen) return;
    const text = unseen === 1 ? list.dataset.newsOne : list.dataset.newsMany.replace("{n}", unseen);
    news.textContent = text;
    news.hidden = false;
    if (said.textContent !== text) said.textContent = text;
  }, pause(300));
}

news.addEventListener("click", () => {
  scroller().scrollTo({ top: 0 });
  refresh();
  list.querySelector("h1").scrollIntoView({ block: "nearest" });
});

/** Show the list as it is now: what the person did themselves is shown without a pause. */
function refresh() {
  clearTimeout(asking);
  asking = setTimeout(() => {
    asking = null;
    bring();
  }, 150);
}

let ticked = null; // what was selected just before the rows changed
rows.addEventListener("htmx:before:swap", () => {
  ticked = new Set([...rows.querySelectorAll("input:checked")].map((box) => box.value));
});

async function bring() {
  lastAsked = Date.now();
  const asked = waiting;
  waiting = new Set();
  ticked = null;
  await window.htmx.ajax("GET", list.dataset.list, { source: "#rows", target: "#rows", swap: "innerMorph" });
  if (!ticked) { // nobody answered: the news is still to come
    for (const conversation of asked) waiting.add(conversation);
    return;
  }
  mark();
  for (const box of rows.querySelectorAll('input[name="c"]')) box.checked ||= ticked.has(box.value);
  countChecked();
  clearTimeout(counting);
  counting = 0;
  if (document.activeElement === news) stand(document.getElementById("list-title"));
  news.hidden = true;
  refreshTimes(rows);
}

/** The open conversation stays marked, and read, in rows that the server rendered without knowing of it. */
function mark() {
  const item = list.dataset.current && document.getElementById(`c${list.dataset.current}`);
  if (!item) return;
  item.classList.add("item--open");
  item.classList.remove("item--unread");
  item.querySelector(".item__new")?.remove();
  linkOf(item).setAttribute("aria-current", "true");
}

document.addEventListener("centrala:refresh", () => refresh());

// --- the place ----------------------------------------------------------------------------------------------------

const PLACE = `place ${list.dataset.view} ${list.dataset.queue}`;
window.addEventListener("pagehide", () => sessionStorage.setItem(PLACE, String(list.scrollTop)));
list.scrollTop = Number(sessionStorage.getItem(PLACE) ?? 0);
rows.querySelector(".item--open")?.scrollIntoView({ block: "nearest" });

// What is done with the ticked ones, and undo, lead to a new page: whoever did it goes on in the row where they were or, as
// that one may be gone, in the next that is there; else at the head of the list or the messages of an open conversation.
const ACTED = "centrala.list.acted";

document.addEventListener("submit", ({ target }) => {
  const bulk = target.id === "bulk";
  if (!bulk && target.getAttribute("action") !== "/undo") return;
  const all = items();
  const at = all.indexOf(document.activeElement.closest("[data-row]"));
  const way = at < 0 ? [] : [...all.slice(at), ...all.slice(0, at).reverse()].map((row) => row.id);
  sessionStorage.setItem(ACTED, JSON.stringify({ path: location.pathname, bulk, way }));
});

const acted = JSON.parse(sessionStorage.getItem(ACTED) ?? "null");
sessionStorage.removeItem(ACTED);
if (acted?.path === location.pathname && performance.getEntriesByType("navigation")[0]?.redirectCount) {
  const row = acted.way.map((id) => document.getElementById(id)).find(Boolean);
  if (row) linkOf(row).focus({ preventScroll: true });
  else stand(document.getElementById(list.dataset.current && !acted.bulk ? "stream" : "list-title"));
}
