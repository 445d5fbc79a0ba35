// The frame's own behaviour on every page: CSRF for htmx, menus, dialogs, toasts, relative times, forms that submit
// themselves, one pane at a time on a phone. Screens add modules of their own; they import from here.

import { dropSaved } from "./kept.js";

const root = document.documentElement;

/** The token that every unsafe request must carry. */
export const csrf = () => document.querySelector('meta[name="csrf"]')?.content ?? "";

let failing = false;

/**
 * fetch() for our own addresses, with the CSRF token; a non-2xx answer is told in a toast and thrown. centrala:unable
 * tells that the hub can store nothing, centrala:answers that something was taken again.
 */
export async function send(url, { method = "POST", body, json, headers = {}, quiet = false, keepalive = false } = {}) {
  const options = { method, body, keepalive, headers: { "X-CSRF": csrf(), Accept: "application/json", ...headers } };
  if (json !== undefined) {
    options.body = JSON.stringify(json);
    options.headers["Content-Type"] = "application/json";
  }
  const response = await fetch(url, options).catch(() => null);
  if (response?.ok) {
    if (failing && method !== "GET") {
      failing = false;
      document.dispatchEvent(new CustomEvent("centrala:answers"));
    }
    return response;
  }
  // What is no answer of the hub (no connection, a proxy's page) is told in words of ours, never in the browser's.
  const problem = (await response?.json().catch(() => null)) ?? {};
  failing ||= !response || response.status > 501;
  if (response?.status === 503 && problem.detail) document.dispatchEvent(new CustomEvent("centrala:unable"));
  const said = problem.detail ?? document.getElementById("toasts")?.dataset.offline ?? "";
  if (!quiet) toast(said, { danger: true });
  throw Object.assign(new Error(said), { status: response?.status ?? 0, problem });
}

/** What the sentence about a sending that failed becomes when the hub works again; null where it stays. */
export function afterwards({ status, problem }, sendAgain) {
  if (!problem?.detail) return sendAgain; // nobody knows whether it was taken
  return status === 503 ? "" : null;
}

/** Say something in the corner. `undo`: an address to POST to when the person takes it back. */
export function toast(text, { danger = false, undo = null, undoLabel = null, seconds = 8 } = {}) {
  const box = document.getElementById("toasts");
  if (!box || !text) return null;
  const inside = danger && [...document.querySelectorAll("dialog[open] .dialog__body")].at(-1);
  if (inside) return sayInside(inside, text);
  const item = document.createElement("div");
  item.className = danger ? "toast toast--danger" : "toast";
  item.append(text);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = undoLabel ?? box.dataset.undo;
    button.dataset.key = "u";
    button.dataset.keyLabel = button.textContent;
    let before = null; // where its person was before they went to the button
    item.addEventListener("focusin", ({ relatedTarget }) => { if (!item.contains(relatedTarget)) before = relatedTarget; });
    button.addEventListener("click", async () => {
      const back = document.activeElement === button;
      button.disabled = true;
      try {
        await (typeof undo === "function" ? undo() : send(undo));
      } catch (problem) {
        if (problem.status && problem.status < 500) item.remove(); // refused; else it can be tried again
        button.disabled = false;
        return;
      }
      item.remove();
      if (back && document.activeElement === document.body) stand(before?.isConnected ? before : document.getElementById("main"));
      document.dispatchEvent(new CustomEvent("centrala:undone", { detail: undo }));
    });
    item.append(button);
  }
  box.append(item);
  const timer = () => setTimeout(() => (item.matches(":hover, :focus-within") ? timer() : item.remove()), seconds * 1000);
  timer();
  while (box.children.length > 4) box.firstElementChild.remove();
  return item;
}

/** What went wrong is said in the dialog that is open: behind it, it would be dim, and unheard by a screen reader. */
function sayInside(body, text) {
  body.querySelector("[data-said]")?.remove();
  const said = document.createElement("p");
  said.className = "field__error";
  said.role = "alert";
  said.dataset.said = "";
  said.append(text);
  body.prepend(said);
  said.scrollIntoView({ block: "nearest" });
  return said;
}
document.addEventListener("close", ({ target }) => target.querySelector?.("[data-said]")?.remove(), true);
document.addEventListener("submit", ({ target }) => target.querySelector("[data-said]")?.remove(), true);

// htmx: the token, and errors as toasts. The server answers errors with HX-Retarget, so nothing is swapped wrongly.
document.addEventListener("htmx:config:request", (event) => {
  event.detail.ctx.request.headers["X-CSRF"] = csrf();
});
document.addEventListener("htmx:error", () => toast(document.getElementById("toasts")?.dataset.offline, { danger: true }));
// The server announces toasts with HX-Trigger: {"centrala:toast": {"text": …, "undo": …}}.
document.addEventListener("centrala:toast", (event) => {
  const { text, ...rest } = event.detail ?? {};
  toast(text, rest);
});

// A menu closes when focus or a click goes elsewhere, and on Escape, which gives focus back to its button.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest?.("details.menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
document.addEventListener("focusin", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// What a menu offers is in sight, also of one at the lower edge, or of one that opens to the left at the left edge.
const EDGE = 8;
document.addEventListener("toggle", ({ target }) => {
  const panel = target.matches("details.menu[open]") ? target.querySelector(".menu__panel") : null;
  if (!panel) return;
  panel.style.translate = "";
  const { left } = panel.getBoundingClientRect();
  if (left < EDGE) panel.style.translate = `${EDGE - left}px`;
  panel.scrollIntoView({ block: "nearest" });
}, true);

// A part that keeps itself fresh ([data-calm]) waits while somebody reads something that they opened in it.
document.addEventListener("htmx:before:request", (event) => {
  const part = event.detail.ctx?.sourceElement;
  if (part?.matches?.("[data-calm]") && part.querySelector("details[open]")) event.preventDefault();
});

/** Where a button goes away once it was pressed, its person stands at what it showed, not at the top of the page. */
export function stand(place) {
  if (place.tabIndex < 0) place.tabIndex = -1;
  place.focus({ preventScroll: true });
}

const places = new Map(); // on a phone all panes scroll with the window: where each was left

function showPane(name) {
  const panes = document.querySelector(".panes");
  if (!panes) return;
  places.set(panes.dataset.show, window.scrollY);
  panes.dataset.show = name;
  window.scrollTo({ top: places.get(name) ?? 0 });
  const pane = panes.querySelector(`:scope > .pane--${CSS.escape(name)}`);
  if (pane) stand(pane);
}

// [data-opens="id"] opens a dialog; [data-closes] closes the one it is in. Forms with data-auto submit on change.
document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-opens]");
  if (opener) document.getElementById(opener.dataset.opens)?.showModal();
  event.target.closest("[data-closes]")?.closest("dialog")?.close();
  const pane = event.target.closest("[data-pane]");
  if (pane) showPane(pane.dataset.pane);
  if (event.target.closest("[data-print]")) window.print();
  const copy = event.target.closest("[data-copy]");
  if (copy) navigator.clipboard?.writeText(copy.dataset.copy).then(() => toast(copy.dataset.copied));
});
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-auto]");
  if (form) form.requestSubmit();
  const all = event.target.closest("[data-checks]");
  if (all) {
    for (const box of document.querySelectorAll(`input[name="${CSS.escape(all.dataset.checks)}"]`)) box.checked = all.checked;
  }
  if (event.target.matches('input[type="checkbox"]')) countChecked();
});

/**
 * Elements [data-checked="name"] show how many boxes of that name are ticked, and hide while none is; the box
 * [data-checks="name"] is ticked where all are.
 */
export function countChecked() {
  for (const place of document.querySelectorAll("[data-checked]")) {
    const name = CSS.escape(place.dataset.checked);
    const number = document.querySelectorAll(`input[name="${name}"]:checked`).length;
    for (const figure of place.querySelectorAll("[data-number]")) figure.textContent = number;
    place.hidden = number === 0;
  }
  for (const all of document.querySelectorAll("[data-checks]")) {
    const boxes = [...document.querySelectorAll(`input[name="${CSS.escape(all.dataset.checks)}"]`)];
    all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  }
}

// What a page [data-undone] shows is read anew when it was undone; other screens put it in place themselves.
document.addEventListener("centrala:undone", () => { if (document.querySelector("[data-undone]")) location.reload(); });

// A form that would lose nothing by being sent twice is still sent once. htmx would send the second click of two behind
// the first, and its person would read that somebody else was faster; only fields that send themselves are queued.
document.addEventListener("submit", (event) => {
  const form = event.target;
  const question = (event.submitter ?? form).dataset.confirm ?? form.dataset.confirm;
  if (question && !window.confirm(question)) {
    event.preventDefault();
    event.stopImmediatePropagation();
    return;
  }
  const htmx = form.hasAttribute("hx-post");
  if (form.method !== "post" || (htmx && form.hasAttribute("data-auto"))) return;
  if (!form.dataset.sent || Date.now() - Number(form.dataset.sent) >= 5000) form.dataset.sent = String(Date.now());
  else {
    event.preventDefault();
    if (htmx) event.stopImmediatePropagation();
  }
}, true);
document.addEventListener("htmx:finally:request", ({ detail }) => {
  delete detail.ctx?.sourceElement?.closest?.("form")?.dataset.sent;
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});

/**
 * What a form that keeps its text in this browser was sent as: which text, from which page. The page that comes after it
 * says whether it was saved: only then does a redirect lead from that page to another one of ours. Where a refusal, the
 * log-in or nothing at all came, the text stays.
 */
export const SENT = "centrala.rules.sent";
const sentAs = JSON.parse(sessionStorage.getItem(SENT) ?? "null");
sessionStorage.removeItem(SENT);
if (sentAs && location.pathname !== sentAs.path && document.referrer && new URL(document.referrer).pathname === sentAs.path) {
  localStorage.removeItem(sentAs.name);
}

// Relative times move on without the server.
const relative = new Intl.RelativeTimeFormat(root.lang || "pl", { numeric: "always", style: "short" });
const STEPS = [["minute", 60, 3600], ["hour", 3600, 86400], ["day", 86400, 604800]];
export function refreshTimes(within = document) {
  const now = Date.now();
  for (const time of within.querySelectorAll("time[data-relative]")) {
    const seconds = (Date.parse(time.dateTime) - now) / 1000;
    const step = STEPS.find(([, , limit]) => Math.abs(seconds) < limit);
    if (!step || Math.abs(seconds) < 60) continue;
    const text = relative.format(Math.trunc(seconds / step[1]), step[0]);
    if (time.textContent !== text) time.textContent = text;
  }
}
setInterval(refreshTimes, 60_000);

export const settings = Object.freeze({
  user: root.dataset.user ?? "",
  keys: root.dataset.keys !== "off",
  sound: root.dataset.sound === "on",
  desktop: root.dataset.desktop === "on",
});

document.addEventListener("submit", ({ target }) => {
  if (target.getAttribute("action") === "/logout") dropSaved(settings.user);
});

// Toasts that the server put into the page (after a redirect) become real ones.
for (const message of document.querySelectorAll("#toasts > template")) {
  const { text, danger, undo } = message.dataset;
  message.remove();
  toast(text, { danger: danger !== undefined, undo: undo || null });
}
countChecked();
