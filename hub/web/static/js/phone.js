// The telephone on every page: the form of a call opens over it, finds the person while a number is typed and is saved by
// one click; a call that rings at this person's telephone shows in the corner. Without this file both are pages.

import { send, settings, toast } from "./app.js";
import { chime } from "./notify.js";

const dialog = document.getElementById("phone-dialog");
const corner = document.getElementById("telephone");
const RINGS = "centrala-telephone";
const HIDDEN = "centrala-telephone-hidden";
const RANG = "centrala-rang";

async function part(path) {
  const response = await fetch(path, { headers: { "HX-Request": "true" } }).catch(() => null);
  return response?.ok ? response.text() : null;
}

// --- the form -----------------------------------------------------------------------------------------------------

/** The address of the form; from an open conversation it begins with that one's person. */
function formPath(link) {
  const path = new URL(link.href);
  const open = document.querySelector("[data-conversation-open]")?.dataset.conversationOpen;
  if (open && !path.searchParams.has("call")) path.searchParams.set("conversation", open);
  return path.pathname + path.search;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-logs-call]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || dialog.open) return;
  event.preventDefault();
  const html = await part(formPath(link));
  if (html === null) { location.assign(link.href); return; }
  if (dialog.open) return; // pressed twice: somebody writes in it
  dialog.innerHTML = html;
  dialog.showModal();
  dialog.querySelector("[autofocus]")?.focus();
});

let asking = 0;
document.addEventListener("input", (event) => {
  const field = event.target;
  if (field.id !== "phone-number") return;
  clearTimeout(asking);
  asking = setTimeout(() => whose(field), 200);
});

async function whose(field) {
  const typed = field.value;
  const form = field.form;
  const name = form.elements.name?.value ?? "";
  const answer = await send("/phone/who", { body: new URLSearchParams({ number: typed }), quiet: true }).catch(() => null);
  const html = await answer?.text();
  if (html === undefined || field.value !== typed) return;
  form.querySelector("#phone-who").outerHTML = html;
  if (form.elements.name && name) form.elements.name.value = name;
}

document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "phone-form" || !dialog.contains(form)) return;
  event.preventDefault();
  const error = form.querySelector("[role=alert]");
  const body = new URLSearchParams(new FormData(form, event.submitter));
  try {
    const done = await (await send("/phone/log", { body, quiet: true })).json();
    dialog.close();
    toast(done.said, { undo: done.undo });
    renew();
  } catch (problem) {
    error.textContent = problem.message;
    error.hidden = false;
    delete form.dataset.sent;
  }
});

dialog.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    event.target.form?.requestSubmit(dialog.querySelector("[data-primary]"));
  } else if (event.key === "Enter" && event.target.matches("input")) {
    event.preventDefault(); // a number or a topic ends with Enter; only an outcome saves the call
  }
});

// --- what rings ---------------------------------------------------------------------------------------------------

const hidden = () => new Set((sessionStorage.getItem(HIDDEN) ?? "").split(" "));

let shown = "";
async function renew() {
  const html = await part("/phone/now");
  if (html === null) return;
  const before = new Set([...corner.querySelectorAll("[data-state=ringing]")].map((call) => call.dataset.call));
  const page = new DOMParser().parseFromString(html, "text/html");
  const put = hidden();
  const calls = [...page.querySelectorAll("[data-call]")].filter((call) => !put.has(`${call.dataset.call}:${call.dataset.state}`)
    && !(call.dataset.state === "ended" && document.querySelector(`[data-to-note="${call.dataset.call}"]`)));
  const now = calls.map((call) => call.outerHTML).join("");
  if (now !== shown) corner.replaceChildren(...calls);
  shown = now;
  corner.hidden = !calls.length;
  if (calls.length) sessionStorage.setItem(RINGS, "on");
  else sessionStorage.removeItem(RINGS);
  const ringing = calls.find((call) => call.dataset.state === "ringing" && !before.has(call.dataset.call));
  if (ringing) tell(ringing);
}

/** A telephone that rings is heard once in a browser, in whichever tab learns of it first. */
function tell(call) {
  if (localStorage.getItem(RANG) === call.dataset.call) return;
  localStorage.setItem(RANG, call.dataset.call);
  if (settings.sound) chime();
  if (settings.desktop && document.hidden && window.Notification?.permission === "granted") {
    const words = (part) => call.querySelector(part).textContent.trim().replace(/\s+/g, " ");
    const shown = new Notification(words(".telephone__what"), { body: words(".telephone__who"), tag: `call-${call.dataset.call}` });
    shown.addEventListener("click", () => { window.focus(); location.assign(call.querySelector("a").href); });
  }
}

corner.addEventListener("click", (event) => {
  const button = event.target.closest("[data-hides]");
  if (!button) return;
  const call = button.closest("[data-call]");
  sessionStorage.setItem(HIDDEN, [...hidden(), `${call.dataset.call}:${call.dataset.state}`].slice(-40).join(" "));
  renew();
});

document.addEventListener("centrala:ring", ({ detail }) => {
  if (String(detail.actor) === settings.user) renew();
});
document.addEventListener("centrala:reset", renew);
// A call that rang or went on when this tab left its last page still does; a new tab asks once.
if (sessionStorage.getItem(RINGS) !== null || sessionStorage.getItem(HIDDEN) === null) {
  if (sessionStorage.getItem(HIDDEN) === null) sessionStorage.setItem(HIDDEN, "");
  renew();
}
