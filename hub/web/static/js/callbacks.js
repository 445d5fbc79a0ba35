// Callbacks stay fresh: the call in hand as soon as it changes, the lists when nothing is under the pointer. A click on
// the number of an offered call also says that it is being dialled. Without this file every button is a form that works.

import { refreshTimes, send, settings, stand } from "./app.js";
import { chime } from "./notify.js";

const calls = document.getElementById("calls");
const news = document.getElementById("call-news");
const refresh = document.getElementById("call-refresh");
const WAIT = 250;

let waiting = 0;
let lists = null;

async function read() {
  const response = await fetch(location.href, { headers: { "HX-Request": "true" } }).catch(() => null);
  return response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

/** Whether somebody is in the middle of writing down what came of a call. */
function writing(now) {
  const kept = now.querySelector("form[data-keep]");
  if (!kept) return false;
  return kept.contains(document.activeElement) || [...kept.querySelectorAll("input[name=topic], textarea")].some((field) => field.value);
}

function showNow(fresh) {
  const now = document.getElementById("call-now");
  const same = now.dataset.call === fresh.dataset.call && now.dataset.state === fresh.dataset.state;
  if (same && writing(now)) return;
  const offered = fresh.dataset.state === "offered" && !(now.dataset.call === fresh.dataset.call && now.dataset.state === "offered");
  if (now.outerHTML !== fresh.outerHTML) {
    const inside = now.contains(document.activeElement);
    now.replaceWith(fresh);
    putBack();
    if (inside) stand(fresh);
  }
  if (!offered) return;
  news.textContent = news.dataset.offered;
  if (settings.sound) chime();
}

/** Nothing moves under the pointer: while somebody points at a list or is in it, news is only announced. */
function showLists(fresh) {
  const old = document.getElementById("call-lists");
  if (old.outerHTML === fresh.outerHTML) return;
  if (old.matches(":hover, :focus-within")) {
    lists = fresh;
    refresh.hidden = false;
  } else {
    putLists(fresh);
  }
}

function putLists(fresh) {
  document.getElementById("call-lists").replaceWith(fresh);
  if (document.activeElement === refresh) stand(document.getElementById("call-now"));
  refresh.hidden = true;
  lists = null;
  refreshTimes(fresh);
}

async function renew() {
  const page = await read();
  const now = page?.getElementById("call-now");
  if (!now) return;
  showNow(now);
  showLists(page.getElementById("call-lists"));
}

// --- what is written down during a call ---------------------------------------------------------------------------

// The other buttons of a call lead to a new page: what somebody wrote meanwhile goes along.
const KEPT = "centrala-call-note";
const WRITTEN = ["topic", "outcome", "note"];

document.addEventListener("input", ({ target }) => {
  const form = target.closest("form[data-keep]");
  if (!form) return;
  const written = Object.fromEntries(WRITTEN.map((name) => [name, form.elements.namedItem(name).value]));
  sessionStorage.setItem(KEPT, JSON.stringify({ call: form.getAttribute("action"), ...written }));
});

function putBack() {
  const form = document.querySelector("form[data-keep]");
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  if (form && kept?.call === form.getAttribute("action")) {
    for (const name of WRITTEN) form.elements.namedItem(name).value = kept[name];
  } else if (calls) sessionStorage.removeItem(KEPT);
}
putBack();

// Every button of a call is answered by a redirect: whoever pressed one goes on at the call, not at the top of the page.
if (performance.getEntriesByType("navigation")[0]?.redirectCount) {
  const call = document.getElementById("call-now") ?? document.querySelector(".call");
  if (call) stand(call);
}

function soon() {
  if (!calls) return;
  clearTimeout(waiting);
  waiting = setTimeout(renew, WAIT);
}

refresh?.addEventListener("click", () => { if (lists) putLists(lists); });
document.addEventListener("centrala:callback", soon);
document.addEventListener("centrala:presence", soon);
document.addEventListener("centrala:reset", soon);

calls?.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-dials]");
  if (!link) return;
  const body = new URLSearchParams({ version: link.dataset.version });
  send(`/callbacks/${link.dataset.dials}/dial`, { body }).then(renew, renew);
});
