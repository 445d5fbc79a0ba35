// The form of a rule and its text, in step both ways; what it would catch, advice and tests while one types; nothing typed
// is lost: the form's text is kept in the browser until it is saved.

import { send, toast } from "./app.js";
import { goToLine, keeper } from "./rules-text.js";

const form = document.getElementById("rule-form");
const area = document.getElementById("text");
const before = form.elements.before;
const said = document.getElementById("form-said");
let turn = 0;
let pressed = 0; // the turn of the button that was pressed last

// --- in step --------------------------------------------------------------------------------------------------------

/** Ask the server for the other side. `act` is a button of the form; `side` is what was typed in. */
async function step(side, act = "") {
  // What was typed into the text and is not in the form yet comes first: the form would write over it.
  if (area.value !== before.value) [side, act] = ["text", ""];
  const mine = ++turn;
  if (act) pressed = mine;
  const body = new FormData(form);
  body.set("act", act);
  let answer;
  try {
    answer = await (await send(`${form.dataset.address}/form`, { body, quiet: !act })).json();
  } catch {
    return;
  }
  if (mine !== turn) {
    // What was typed meanwhile is not in the answer: the button is pressed again on the form as it is now.
    if (act && mine === pressed) step(side, act);
    return;
  }
  document.getElementById("problems").innerHTML = answer.problems;
  if (answer.refused) {
    panels(); // what they said is of a text that stands here no more
    return;
  }
  before.value = answer.text;
  if (side === "form") area.value = answer.text;
  area.rows = Math.min(answer.text.split("\n").length, 24);
  if (act || side === "text") show(answer, act);
  if (side === "text") fillHead(answer.head);
  keep();
  panels();
}

function show(answer, act) {
  const fields = document.getElementById("rule-fields");
  const open = [...fields.querySelectorAll("details.how[open]")].map((one) => one.closest("[data-part]")?.id);
  const elsewhere = document.activeElement !== document.body && !fields.contains(document.activeElement);
  fields.innerHTML = answer.fields;
  for (const id of open) document.getElementById(id)?.querySelector("details.how")?.setAttribute("open", "");
  dress(fields);
  if (!act) return;
  const part = document.getElementById(answer.focus);
  const control = act.startsWith("add") ? part?.querySelector(".part__value :is(input:not([type=hidden]), select, textarea), .adder select") : null;
  if (!elsewhere) (control ?? part)?.focus(); // who has gone on to write the name stays there
  said.textContent = form.dataset.added;
  setTimeout(() => (said.textContent = ""), 3000);
}

/** Name, note, events and dates stand outside the part that is drawn anew. */
function fillHead(head) {
  for (const [name, value] of Object.entries(head)) {
    for (const control of form.querySelectorAll(`[name="${name}"]`)) {
      if (control.type === "checkbox") control.checked = Array.isArray(value) ? value.includes(control.value) : value;
      else control.value = value;
    }
  }
}

let waiting;
const soon = (side) => {
  clearTimeout(waiting);
  turn += 1;
  waiting = setTimeout(() => step(side), 350);
};

area.addEventListener("input", () => {
  soon("text");
  keep();
});
form.addEventListener("input", (event) => {
  if (event.target.name && !event.target.name.endsWith(":new")) soon("form");
  dress(event.target.closest("[data-part]") ?? form);
  keep();
});
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (button?.name !== "act") {
    clearTimeout(waiting);
    return;
  }
  event.preventDefault();
  delete form.dataset.sent;
  clearTimeout(waiting);
  if (button.value.startsWith("add ") && !document.getElementsByName(`${button.value.slice(4)}:new`)[0]?.value) return;
  step("form", button.value);
});
// Choosing what to add is enough; by keyboard the list is walked through first, so Enter or the button adds.
form.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || !event.target.name?.endsWith(":new")) return;
  event.preventDefault();
  event.target.closest(".adder").querySelector("button").click();
});

// --- small helps ------------------------------------------------------------------------------------------------------

/** What belongs to a choice is shown only with it; the last empty line of a list grows another. */
function dress(within) {
  for (const range of within.querySelectorAll(".range")) {
    range.dataset.range = range.querySelector("select").value;
  }
  for (const holder of within.querySelectorAll("[data-when]")) {
    const on = holder.querySelector("select").value === holder.dataset.when;
    for (const part of holder.querySelectorAll(":scope .only")) part.hidden = !on;
  }
  for (const holder of [...within.querySelectorAll("[data-grows], [data-rows]"), within.closest?.("[data-grows], [data-rows]")].filter(Boolean)) grow(holder);
  for (const part of within.querySelectorAll("textarea.lines")) fit(part);
}

function grow(holder) {
  const last = holder.lastElementChild;
  const first = last?.matches("input, select") ? last : last?.querySelector("input, select");
  if (!first?.value) return;
  const next = last.cloneNode(true);
  for (const one of [next, ...next.querySelectorAll("input, select, textarea")]) {
    if ("value" in one && one.type !== "hidden") one.value = one.matches("select") ? one.options[0].value : "";
    one.removeAttribute("id");
  }
  holder.append(next);
}

const fit = (part) => (part.rows = Math.max(part.value.split("\n").length, Number(part.dataset.least ??= part.rows > 1 ? 2 : 1)));

document.getElementById("problems").addEventListener("click", (event) => {
  const line = event.target.closest("[data-line]")?.dataset.line;
  if (line) goToLine(area, Number(line));
});

// --- beside it --------------------------------------------------------------------------------------------------------

/** What the rule would catch, advice and tests, for the text as it is now. */
let asked;
function panels() {
  clearTimeout(asked);
  asked = setTimeout(() => {
    for (const panel of document.querySelectorAll("[data-panel]")) fill(panel);
  }, 250);
}

async function fill(panel) {
  const body = new FormData();
  const { text = "text", name = "rule", more = "kind" } = panel.dataset;
  body.set(text, area.value);
  body.set(name, form.dataset.store.split(".").slice(4).join("."));
  body.set(more, more === "after" ? (form.elements.after?.value ?? "") : "rule");
  if (more === "after") body.set("section", form.elements.section?.value ?? "");
  const mine = (panel.dataset.turn = String(Number(panel.dataset.turn ?? 0) + 1));
  panel.setAttribute("aria-busy", "true");
  try {
    const response = await send(panel.dataset.panel, { body, quiet: true, headers: { "HX-Request": "true", Accept: "text/html" } });
    const html = await response.text();
    if (panel.dataset.turn === mine) {
      panel.closest("section").hidden = false;
      panel.innerHTML = html;
      globalThis.htmx?.process?.(panel);
    }
  } catch {
    if (!panel.textContent.trim() || panel.querySelector("[data-waiting]")) panel.closest("section").hidden = true; // saving does not depend on it
  } finally {
    panel.removeAttribute("aria-busy");
  }
}

// --- nothing is lost --------------------------------------------------------------------------------------------------

const clashed = document.querySelector(".clash") !== null;
const keep = keeper(form, area, (text) => {
  area.value = text;
  step("text");
  toast(form.dataset.restored);
}, clashed);
document.querySelector("[data-forget]")?.addEventListener("click", () => localStorage.removeItem(form.dataset.store));

dress(form);
panels();
