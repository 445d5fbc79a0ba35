// News as it happens. One browser keeps one event stream, however many tabs are open: the tab that holds a lock reads
// it and passes everything on. Screens listen on document for centrala:changes (all), centrala:KIND (each) and
// centrala:reset (read the page again), and put [data-count="…"], [data-marks="ID"], [data-conversation-open="ID"].

import { send, settings } from "./app.js";
import { tell } from "./notify.js";

const channel = new BroadcastChannel("centrala-live");
const LONG_LOST = 4000; // milliseconds: a restart of the stream alone is not worth a word
const NAMES = ["changes", "reset", "marks", "typing"];
const RECENT = 200; // events that the reading tab keeps for one that is being opened
const tab = crypto.randomUUID();
let place = document.documentElement.dataset.place ?? "";
let leads = false;
const recent = [];
const marks = new Map();

const lost = document.getElementById("lost");

/**
 * A line at the top, in every tab, from the moment that the hub does not answer until it does again. `there` is "ended"
 * when it answers, but to nobody who is logged in: that does not pass by itself.
 */
function showConnection(there) {
  if (there === true) document.dispatchEvent(new CustomEvent("centrala:answers"));
  if (!lost || (lost.dataset.state ?? "true") === String(there)) return;
  lost.dataset.state = String(there);
  lost.replaceChildren();
  if (there === false) lost.append(lost.dataset.text);
  if (there === "ended") {
    const said = document.createElement("span");
    const link = document.createElement("a");
    link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    link.textContent = lost.dataset.logIn;
    said.append(`${lost.dataset.ended} `, link);
    lost.append(said);
  }
  document.documentElement.toggleAttribute("data-lost", there !== true);
}

document.addEventListener("centrala:ended", () => tellConnection("ended"));

/** Why the stream was closed: another request tells it, for an event stream does not. */
async function hasEnded() {
  const response = await fetch("/live/counts", { headers: { Accept: "application/json" } }).catch(() => null);
  return response?.status === 401;
}

function tellConnection(there) {
  channel.postMessage({ name: "connection", data: there });
  showConnection(there);
}

function deliver(name, data) {
  if (name === "connection") showConnection(data);
  else if (name === "changes") {
    document.dispatchEvent(new CustomEvent("centrala:changes", { detail: data }));
    for (const change of data) document.dispatchEvent(new CustomEvent(`centrala:${change.kind}`, { detail: change }));
    changed(data);
  } else if (name === "unmark") for (const conversation of marks.keys()) showMark(conversation, "");
  else {
    document.dispatchEvent(new CustomEvent(`centrala:${name}`, { detail: data }));
  }
}

/** A tab is told what came after its page was made and before it listened, and who is where. */
function catchUp({ tab: to, place: after }) {
  const missed = recent.filter((message) => Number(message.place) > Number(after));
  if (missed.length === RECENT) channel.postMessage({ name: "reset", data: {}, to });
  else for (const message of missed) channel.postMessage({ ...message, to });
  for (const [conversation, text] of marks) channel.postMessage({ name: "marks", data: { conversation, text }, to });
}

/** Once every script of the page listens. What was told before would be heard by nobody, and is kept for it so long. */
const listening = new Promise((resolve) => {
  if (document.readyState === "complete") resolve();
  else document.addEventListener("DOMContentLoaded", resolve, { once: true });
});

listening.then(() => {
  channel.addEventListener("message", ({ data: said }) => {
    if (said.name === "opened") { if (leads) catchUp(said.data); return; }
    if (said.to && said.to !== tab) return;
    place = said.place || place;
    deliver(said.name, said.data);
  });
  channel.postMessage({ name: "opened", data: { tab, place } });
});

/** Read the stream until this tab closes; the lock then goes to another tab, which goes on from the present. */
navigator.locks?.request("centrala-live", () => new Promise(() => {
  let source;
  let lostAt = 0;
  leads = true;
  const open = () => {
    source = new EventSource(place ? `/live?after=${place}` : "/live");
    for (const name of NAMES) {
      source.addEventListener(name, (event) => {
        place = event.lastEventId || place;
        const message = { name, data: JSON.parse(event.data), place };
        if (name === "changes" && recent.push(message) > RECENT) recent.shift();
        channel.postMessage(message);
        deliver(message.name, message.data);
      });
    }
    source.addEventListener("open", () => {
      if (lostAt) refreshCounts();
      lostAt = 0;
      tellConnection(true);
      channel.postMessage({ name: "unmark" }); // a new stream begins with whoever is there now
      deliver("unmark");
    });
    source.addEventListener("error", () => {
      lostAt ||= Date.now();
      setTimeout(async () => { if (lostAt) tellConnection(await hasEnded() ? "ended" : false); }, LONG_LOST);
      // A closed stream is not tried again by the browser: the session may have ended, or the hub answers 503.
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 5000 + Math.random() * 5000);
    });
  };
  listening.then(open);
  window.addEventListener("pagehide", () => source?.close());
}));

// --- counts -------------------------------------------------------------------------------------------------------

let counting = 0;
function refreshCounts() {
  if (counting) return;
  counting = setTimeout(async () => {
    counting = 0;
    if (document.hidden && !settings.desktop && !settings.sound && Math.random() < 0.5) return;
    const response = await fetch("/live/counts", { headers: { Accept: "application/json" } }).catch(() => null);
    if (!response?.ok) return;
    showConnection(true);
    showCounts((await response.json()).counts);
  }, 800 + Math.random() * 700);
}

const title = document.title;
function showCounts(counts) {
  for (const place of document.querySelectorAll("[data-count]")) {
    const number = counts[place.dataset.count];
    if (number === undefined) continue;
    place.textContent = number > 999 ? "999+" : String(number);
    place.toggleAttribute("data-zero", number === 0);
  }
  const waiting = (counts.unread ?? 0) + (counts.mine ?? 0);
  document.title = waiting ? `(${waiting}) ${title}` : title;
  document.dispatchEvent(new CustomEvent("centrala:counts", { detail: counts }));
}

function changed(changes) {
  refreshCounts();
  const me = Number(settings.user);
  if (changes.some((change) => change.kind === "notification" && change.actor === me)) tell();
  if (changes.some((change) => change.kind === "presence" && change.actor === me)) refreshPresence();
}

async function refreshPresence() {
  const menu = document.querySelector("details[data-presence]");
  if (!menu || menu.open) return;
  const response = await fetch("/presence", { headers: { "HX-Request": "true" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("details[data-presence]");
  if (!fresh) return;
  fresh.querySelector('[name="next"]').value = menu.querySelector('[name="next"]').value;
  menu.replaceWith(fresh);
}

// --- who is here --------------------------------------------------------------------------------------------------

document.addEventListener("centrala:marks", ({ detail }) => showMark(detail.conversation, detail.text));

function showMark(conversation, text) {
  if (text) marks.set(String(conversation), text);
  else marks.delete(String(conversation));
  for (const place of document.querySelectorAll(`[data-marks="${conversation}"]`)) {
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  }
}

// The server draws rows without marks.
document.addEventListener("htmx:after:swap", () => { for (const [conversation, text] of marks) showMark(conversation, text); });

let writing = 0;
const opened = () => document.querySelector("[data-conversation-open]")?.dataset.conversationOpen;

async function say(what, conversation = opened()) {
  if (!conversation) return;
  const body = { conversation: Number(conversation), what };
  const response = await send("/live/here", { json: body, quiet: true, keepalive: what === "gone" }).catch(() => null);
  if (response && what !== "gone") showMark(conversation, (await response.json()).text);
}

let shown = null;
function lookAround() {
  const now = document.hidden ? null : (opened() ?? null);
  if (shown && shown !== now) say("gone", shown);
  if (now) say("looking", now);
  shown = now;
}
lookAround();
setInterval(lookAround, 15_000);
document.addEventListener("visibilitychange", lookAround);
document.addEventListener("htmx:after:swap", () => { if ((opened() ?? null) !== shown) lookAround(); });
window.addEventListener("pagehide", () => { if (shown) say("gone", shown); });
document.addEventListener("input", (event) => {
  if (!event.target.closest?.("[data-composer]") || Date.now() - writing < 3000) return;
  writing = Date.now();
  say(event.target.closest("form")?.dataset.kind === "reply" ? "replying" : "writing");
});
document.addEventListener("centrala:sent", () => { writing = 0; say("stopped"); });

window.addEventListener("offline", () => showConnection(false));
window.addEventListener("online", refreshCounts);
refreshCounts();
