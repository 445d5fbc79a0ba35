// The list of rules: filtered while one types; in a draft moved by the pointer or by Shift and the arrow keys, switched,
// copied and deleted in place. The server renders the list anew after every change; this keeps the focus and says aloud
// what happened.

import { send, toast } from "./app.js";

// --- filter -------------------------------------------------------------------------------------------------------

const fold = (text) => text.toLowerCase().replaceAll("ł", "l").normalize("NFKD").replace(/\p{M}/gu, "");
const field = document.querySelector("#rule-filter[data-filter]"); // of many rules the server looks for words
field?.form.addEventListener("submit", (event) => event.preventDefault());

function filter() {
  const words = fold(field?.value ?? "").split(/\s+/).filter(Boolean);
  const rows = [...document.querySelectorAll("#rule-list > [data-find]")];
  const shown = rows.filter((row) => {
    const text = fold(row.dataset.find);
    row.hidden = words.length > 0 && (!row.dataset.find || !words.every((word) => text.includes(word)));
    return !row.hidden;
  });
  for (const head of rows.filter((row) => row.dataset.sectionHead)) {
    if (shown.some((row) => row.dataset.section === head.dataset.sectionHead)) head.hidden = false;
  }
  const none = document.getElementById("filter-none");
  if (none) none.hidden = shown.length > 0;
  const said = document.getElementById("filter-said");
  if (said) said.textContent = words.length ? said.dataset.some.replace("%", shown.length) : "";
}
field?.addEventListener("input", filter);
if (field?.value) filter(); // typed before this was there

// --- changes in place ---------------------------------------------------------------------------------------------

const box = document.getElementById("rule-list-box");
const said = document.getElementById("list-said");
const rowOf = (id) => document.getElementById(`rule-${id}`);
const rules = () => [...document.querySelectorAll("#rule-list > [data-rule]:not([hidden])")];
let busy = false;

/** Send a change and put the list that comes back in place; `focus` is asked for what shall have the focus then. Says
 * whether it was made. */
async function change(action, body, focus) {
  if (busy) return false;
  busy = true;
  try {
    const response = await send(action + location.search, { body, headers: { "HX-Request": "true" } });
    box.innerHTML = await response.text();
    globalThis.htmx?.process?.(box);
    filter();
    focus?.()?.focus({ preventScroll: true });
    const trigger = JSON.parse(response.headers.get("HX-Trigger") ?? "{}")["centrala:toast"];
    if (trigger) toast(trigger.text, { undo: trigger.undo });
    return true;
  } catch {
    return false; // send() has told why; nothing was changed.
  } finally {
    busy = false;
  }
}

function fields(rule, more) {
  const body = new FormData();
  for (const [name, value] of Object.entries({ rule, revision: document.getElementById("rule-list").dataset.revision, ...more })) body.set(name, value);
  return body;
}

async function move(row, to) {
  const { rule, name } = row.dataset;
  const made = await change(`${box.dataset.home}/move`, fields(rule, { to }), () => rowOf(rule)?.querySelector("[data-grip]"));
  const moved = rowOf(rule);
  if (!made || !moved) return made;
  moved.scrollIntoView({ block: "nearest" });
  moved.classList.add("rule-row--moved");
  const { count } = document.getElementById("rule-list").dataset;
  said.textContent = box.dataset.moved.replace("%r", name).replace("%n", moved.dataset.number).replace("%a", count);
  return true;
}

box?.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-quick]");
  if (!form || event.defaultPrevented) return;
  event.preventDefault();
  const id = form.elements.rule?.value;
  const next = rowOf(id)?.nextElementSibling?.dataset.rule;
  const what = new URL(form.action).pathname.split("/").pop();
  form.closest("dialog")?.close();
  const row = rowOf(id);
  if (what === "move" && row) {
    move(row, form.elements.to.value);
    return;
  }
  const selector = what === "switch" ? ".switch" : "[data-grip]";
  change(form.action, new FormData(form), () => (rowOf(id) ?? rowOf(next) ?? document.querySelector(`#section-${CSS.escape(id ?? "")}`))?.querySelector(selector));
});
box?.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-move-to]");
  if (!opener) return;
  const dialog = document.getElementById("move-dialog");
  dialog.querySelector('[name="rule"]').value = opener.dataset.moveTo;
  document.getElementById("move-name").textContent = opener.dataset.moveName;
  opener.closest("details").open = false;
  dialog.showModal();
});
document.addEventListener("centrala:undone", () => box && location.reload());

// --- keys ---------------------------------------------------------------------------------------------------------

const steps = []; // pressed and not yet made: each waits for the list that the one before it brings

async function step(rule, by) {
  if (steps.push({ rule, by }) > 1) return;
  while (steps.length) {
    const [next] = steps;
    const all = rules();
    const row = rowOf(next.rule);
    const other = all[all.indexOf(row) + next.by];
    const made = row && other && (await move(row, `${next.by < 0 ? "before" : "after"} ${other.dataset.rule}`));
    if (made) steps.shift();
    else steps.length = 0;
  }
}

box?.addEventListener("keydown", (event) => {
  const row = event.target.closest?.("[data-rule]");
  if (!row || !event.target.matches("[data-grip], a, .rule-row")) return;
  if (event.key !== "ArrowUp" && event.key !== "ArrowDown") return;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const by = event.key === "ArrowUp" ? -1 : 1;
  const all = rules();
  const other = all[all.indexOf(row) + by];
  event.preventDefault();
  if (!event.shiftKey) other?.querySelector("[data-grip]").focus();
  else if (!event.repeat || !steps.length) step(row.dataset.rule, by); // a key held down stops when it is let go
});

// --- dragging -----------------------------------------------------------------------------------------------------

let dragged = null;
let place = null;

function aim(y) {
  place?.row.classList.remove("is-before", "is-after");
  const rows = rules().filter((row) => row !== dragged);
  const row = rows.find((one) => y < one.getBoundingClientRect().bottom) ?? rows.at(-1);
  if (!row) return;
  const { top, height } = row.getBoundingClientRect();
  place = { row, to: y < top + height / 2 ? "before" : "after" };
  row.classList.add(place.to === "before" ? "is-before" : "is-after");
}

function drop(cancelled) {
  const row = dragged;
  const aimed = place;
  aimed?.row.classList.remove("is-before", "is-after");
  row?.classList.remove("is-dragged");
  dragged = place = null;
  if (row && aimed && !cancelled) move(row, `${aimed.to} ${aimed.row.dataset.rule}`);
}

box?.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest("[data-grip]");
  if (!grip || event.button !== 0) return;
  grip.setPointerCapture(event.pointerId);
  dragged = grip.closest("[data-rule]");
});
box?.addEventListener("pointermove", (event) => {
  if (!dragged) return;
  dragged.classList.add("is-dragged");
  aim(event.clientY);
  const edge = 60;
  if (event.clientY < edge + 48) window.scrollBy(0, -12);
  else if (event.clientY > window.innerHeight - edge) window.scrollBy(0, 12);
});
box?.addEventListener("pointerup", () => drop(false));
box?.addEventListener("pointercancel", () => drop(true));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && dragged) drop(true);
});
