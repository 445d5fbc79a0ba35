// Keys without Alt or AltGr: any element with data-key="r" is pressed by that key, "g i" by two in a row. Single keys
// act only outside fields and can be switched off; Ctrl+K opens a command bar over the same elements, ? the list.

import { settings } from "./app.js";

const FIELDS = "input:not([type=checkbox]):not([type=radio]):not([type=button]):not([type=submit]), textarea, select, [contenteditable]";
const ACTS = "button:not([type=button]), input[type=checkbox]";
const PAUSE = 1200;
const FORGOTTEN = 3000;

let first = "";
let firstAt = 0;

const shown = (element) => element.checkVisibility ? element.checkVisibility() : element.offsetParent !== null;
const usable = (element) => shown(element) && !element.disabled && element.getAttribute("aria-disabled") !== "true";

/** Elements that have a key, the innermost dialog's alone while one is open. */
function targets() {
  const open = [...document.querySelectorAll("dialog[open]")].at(-1);
  return [...(open ?? document).querySelectorAll("[data-key]")];
}

function press(element) {
  if (element.matches(FIELDS)) {
    element.focus();
    element.select?.();
  } else if (element.matches("details")) {
    element.open = !element.open;
    element.querySelector("[autofocus], input, textarea, button:not(summary), a")?.focus();
  } else {
    element.click();
  }
}

/** `early`: it was pressed before the page could hear it, so it opens or goes somewhere, but changes nothing. */
function heard(event, early = false) {
  if (event.defaultPrevented || event.isComposing || event.altKey || event.getModifierState?.("AltGraph")) return;
  if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openCommands();
    return;
  }
  if (event.ctrlKey || event.metaKey || !settings.keys) return;
  // For a frame after a dialog was closed its field still has the focus, and nobody can be writing there.
  const field = event.target.closest?.(FIELDS);
  if (field && shown(field)) return;
  if (event.key === "?" && !document.querySelector("dialog[open]")) {
    event.preventDefault();
    openHelp();
    return;
  }
  const now = event.timeStamp;
  const pair = first && now - firstAt < PAUSE ? `${first} ${event.key}` : "";
  const found = targets().filter(usable);
  const match = found.find((e) => pair && e.dataset.key === pair) ?? found.find((e) => e.dataset.key === event.key);
  const begins = found.some((e) => e.dataset.key.startsWith(`${event.key} `));
  first = begins && !pair ? event.key : "";
  firstAt = now;
  if (!match || (begins && !pair) || (early && match.matches(ACTS))) return;
  event.preventDefault();
  press(match);
}
document.addEventListener("keydown", (event) => heard(event));

/** What an element does, in its own words: a menu's by its button, and never with the caps of keys in it. */
function label(element) {
  const given = element.dataset.keyLabel || element.getAttribute("aria-label");
  if (given) return given;
  const words = (element.matches("details") ? element.querySelector("summary") : element).cloneNode(true);
  for (const cap of words.querySelectorAll("kbd, .count")) cap.remove();
  return words.textContent.trim();
}

/** Keys that act now, by the part of the page that they belong to: names of parts to pairs of keys and words. */
function keysByPart(everywhere) {
  const parts = new Map();
  const add = (element, keys, text) => {
    const name = element.closest("[data-key-group]")?.dataset.keyGroup ?? everywhere;
    const part = parts.get(name) ?? parts.set(name, new Map()).get(name);
    if (!part.has(keys)) part.set(keys, text);
  };
  for (const element of document.querySelectorAll("[data-key]")) {
    if (!element.closest("dialog") && usable(element)) add(element, element.dataset.key, label(element));
  }
  for (const item of document.querySelectorAll("[data-more-keys] > li")) add(item, item.dataset.keys, item.textContent);
  const common = parts.get(everywhere);
  parts.delete(everywhere);
  return [...parts, ...(common ? [[everywhere, common]] : [])];
}

function caps(keys) {
  const term = document.createElement("dt");
  for (const key of keys.split(" ")) {
    const cap = document.createElement("kbd");
    cap.textContent = key;
    term.append(term.hasChildNodes() ? " " : "", cap);
  }
  return term;
}

function openHelp() {
  const dialog = document.getElementById("keys-help");
  const place = dialog?.querySelector("[data-keys-list]");
  if (!place) return;
  place.replaceChildren(...keysByPart(place.dataset.everywhere).map(([name, keys]) => {
    const part = document.createElement("section");
    const head = document.createElement("h3");
    head.textContent = name;
    const list = document.createElement("dl");
    list.className = "keys";
    for (const [key, text] of keys) {
      const what = document.createElement("dd");
      what.textContent = text;
      list.append(caps(key), what);
    }
    part.append(head, list);
    return part;
  }));
  if (!dialog.open) dialog.showModal();
}
// The menu's own button opens the same dialog: it is filled there, too.
document.addEventListener("click", (event) => {
  if (event.target.closest('[data-opens="keys-help"]')) openHelp();
});

function commands() {
  const there = [...document.querySelectorAll("[data-key], [data-command], .rail a")].filter(usable);
  // The conversation's own menu is searched too while it is closed; those of rows would not say whose they are.
  const inMenu = document.querySelectorAll("#head .menu__item:not(:disabled)");
  const seen = new Set();
  return [...there, ...inMenu].map((element) => ({ element, text: element.dataset.command || label(element) }))
    .filter(({ text }) => text && !seen.has(text) && seen.add(text));
}

const fold = (text) => text.toLowerCase().replaceAll("ł", "l").normalize("NFKD").replace(/\p{M}/gu, "");

function openCommands() {
  const dialog = document.getElementById("commands");
  if (!dialog || dialog.open) return;
  const input = dialog.querySelector("input");
  const list = dialog.querySelector("[role=listbox]");
  const all = commands();
  let at = 0;

  const choose = (entry) => {
    dialog.close();
    if (entry?.element) press(entry.element);
    else if (input.value.trim()) location.assign(`/search?q=${encodeURIComponent(input.value.trim())}`);
  };
  const show = () => {
    const words = fold(input.value).split(/\s+/).filter(Boolean);
    const found = all.filter(({ text }) => words.every((word) => fold(text).includes(word))).slice(0, 12);
    if (!found.length) found.push({ text: list.dataset.search.replace("{text}", () => input.value.trim()) });
    at = Math.max(0, Math.min(at, found.length - 1));
    list.replaceChildren(...found.map((entry, index) => {
      const option = document.createElement("div");
      option.role = "option";
      option.id = `command-${index}`;
      option.ariaSelected = String(index === at);
      const name = document.createElement("span");
      name.textContent = entry.text;
      option.append(name);
      if (entry.element?.dataset.key) {
        const cap = document.createElement("kbd");
        cap.textContent = entry.element.dataset.key;
        option.append(cap);
      }
      option.addEventListener("click", () => choose(entry));
      return option;
    }));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", found.length ? `command-${at}` : "");
    return found;
  };
  input.value = "";
  input.oninput = () => { at = 0; show(); };
  input.onkeydown = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      at += event.key === "ArrowDown" ? 1 : -1;
      show();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(show()[at]);
    }
  };
  dialog.showModal();
  show();
  input.focus();
}

// Whoever pressed a key and went on to type meant a field: what was typed there is left to it.
for (const event of window.earlyKeys ?? []) {
  if (!document.activeElement?.matches(FIELDS) && performance.now() - event.timeStamp < FORGOTTEN) heard(event, true);
}
window.earlyKeys = null;
