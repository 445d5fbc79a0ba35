// A text of rules: line numbers, what is wrong by line, and what was typed kept in the browser until it is saved.

import { SENT, send, toast } from "./app.js";
import { store } from "./kept.js";

/** Put the cursor at the start of a line and the line into sight. */
export function goToLine(area, line) {
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1] ?? "").length);
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

/**
 * Keep what is typed in this browser. What was left there by a page that was never saved comes back through `restore`,
 * if it was made from the text that is stored now. Returns the function that keeps.
 */
export function keeper(form, area, restore, fresh = false) {
  const name = form.dataset.store;
  const stored = area.value;
  const kept = store.read(name);
  if (kept && !fresh && kept.text !== stored && kept.from === stored) restore(kept.text);
  else if (kept && !fresh) store.drop(name);
  let sent = false;
  form.addEventListener("submit", (event) => {
    if (event.submitter?.name === "act" || event.defaultPrevented) return;
    sent = true;
    sessionStorage.setItem(SENT, JSON.stringify({ name, path: location.pathname }));
  });
  return () => {
    if (sent) return;
    if (area.value === stored) store.drop(name);
    else store.write(name, { from: stored, text: area.value });
  };
}

// --- the whole file -----------------------------------------------------------------------------------------------

const form = document.getElementById("text-form");
if (form) {
  const area = document.getElementById("text");
  const lines = document.getElementById("lines");
  const problems = document.getElementById("problems");
  let wrong = [];
  let waiting;

  const number = () => {
    const count = area.value.split("\n").length;
    if (count === lines.childElementCount) return;
    while (lines.childElementCount > count) lines.lastElementChild.remove();
    const more = Array.from({ length: count - lines.childElementCount }, (_, at) => {
      const line = document.createElement("span");
      line.textContent = lines.childElementCount + at + 1;
      return line;
    });
    lines.append(...more);
    lines.scrollTop = area.scrollTop;
  };
  const mark = () => {
    number();
    for (const line of lines.querySelectorAll(".is-wrong")) line.className = "";
    for (const at of wrong) lines.children[at - 1]?.classList.add("is-wrong");
  };
  const keep = keeper(form, area, (text) => {
    area.value = text;
    toast(form.dataset.restored);
  }, document.querySelector(".clash") !== null);
  const check = async () => {
    const body = new FormData();
    body.set("text", area.value);
    try {
      const answer = await (await send(form.dataset.check, { body, quiet: true })).json();
      problems.innerHTML = answer.problems;
      wrong = answer.lines;
      mark();
    } catch {
      // The next keystroke asks again.
    }
  };
  area.addEventListener("input", () => {
    number();
    keep();
    clearTimeout(waiting);
    waiting = setTimeout(check, 500);
  });
  area.addEventListener("scroll", () => (lines.scrollTop = area.scrollTop));
  problems.addEventListener("click", (event) => {
    const line = event.target.closest("[data-line]")?.dataset.line;
    if (line) goToLine(area, Number(line));
  });
  wrong = [...problems.querySelectorAll("[data-line]")].map((one) => Number(one.dataset.line));
  mark();
  // A finding elsewhere leads to its line.
  const wanted = /^#line-(\d+)$/.exec(location.hash);
  if (wanted) goToLine(area, Number(wanted[1]));
}
