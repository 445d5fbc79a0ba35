// The bench by keys: one comment is the present one, its buttons carry the keys; decisions are sent without leaving
// the list and the next comment becomes the present one. Without this file every button is a form that works.

import { countChecked, send, settings, stand, toast } from "./app.js";
import { measured, tell } from "./lengths.js";

const bench = document.getElementById("bench");
const list = () => document.getElementById("bench-items");
const posts = () => [...(list()?.querySelectorAll(":scope > .post") ?? [])];
const present = () => list()?.querySelector(':scope > .post[aria-current="true"]') ?? null;
const CLAIM_AFTER = 400;
let claimed = null;
let claiming = 0;
let busy = false;

// --- the present comment -----------------------------------------------------------------------------------------

/** `claim`: the moderator went there; what becomes the present one by itself is left to whoever comes first. */
function choose(post, { focus = true, claim = true } = {}) {
  for (const other of posts()) {
    const chosen = other === post;
    other.toggleAttribute("aria-current", false);
    if (chosen) other.setAttribute("aria-current", "true");
    for (const element of other.querySelectorAll("[data-own-key]")) {
      if (chosen) element.dataset.key = element.dataset.ownKey;
      else delete element.dataset.key;
    }
  }
  giveKeys();
  if (post && focus) {
    post.focus({ preventScroll: true });
    post.scrollIntoView({ block: "nearest" });
  }
  if (claim) claimSoon(post?.matches("[data-not-mine]") ? null : post);
}

/** While something is selected, p, d and h are the bar's and mean all that is selected. */
function giveKeys() {
  const many = Boolean(list()?.querySelector('input[name="choice"]:checked'));
  for (const element of bench.querySelectorAll("[data-bulk-key]")) {
    if (many) element.dataset.key = element.dataset.bulkKey;
    else delete element.dataset.key;
  }
  for (const element of present()?.querySelectorAll("[data-own-key]") ?? []) {
    const taken = many && "pdh".includes(element.dataset.ownKey);
    if (taken) delete element.dataset.key;
    else element.dataset.key = element.dataset.ownKey;
  }
}

function move(by) {
  const all = posts();
  const at = all.indexOf(present());
  const next = all[at < 0 ? 0 : Math.max(0, Math.min(all.length - 1, at + by))];
  if (next) choose(next);
  if (at >= all.length - 5) more();
}

bench?.addEventListener("click", (event) => {
  const step = event.target.closest("[data-move]");
  if (step) move(Number(step.dataset.move));
  const post = event.target.closest(".post");
  if (post && post !== present()) choose(post, { focus: false });
});
bench?.addEventListener("focusin", (event) => {
  const post = event.target.closest(".post");
  if (post && post !== present()) choose(post, { focus: false });
});
bench?.addEventListener("change", (event) => {
  if (event.target.matches('input[type="checkbox"]')) queueMicrotask(giveKeys);
});

// Whoever opens an answer wants to write it, by mouse as by key.
bench?.addEventListener("toggle", (event) => {
  const { target } = event;
  if (target.matches("details.answer[open]:not([data-carried])")) target.querySelector("textarea").focus();
  delete target.dataset.carried;
}, true);

/** How much of what its platform takes an answer has used up. */
function measure(field) {
  tell(document.getElementById(field.getAttribute("aria-describedby")), field, measured(field.value, field.dataset, field.dataset));
}

// An answer that is not sent yet outlives the page, in this tab.
const keptAs = (field) => `centrala ${settings.user} ${field.id}`;

bench?.addEventListener("input", ({ target }) => {
  if (!target.matches(".answer textarea")) return;
  measure(target);
  if (target.value.trim()) sessionStorage.setItem(keptAs(target), target.value);
  else sessionStorage.removeItem(keptAs(target));
});

function putBack() {
  for (const field of bench?.querySelectorAll(".answer:not([open]) textarea") ?? []) {
    const text = sessionStorage.getItem(keptAs(field));
    if (!text) continue;
    field.value = text;
    field.closest("details").dataset.carried = "";
    field.closest("details").open = true;
    measure(field);
  }
}

bench?.addEventListener("keydown", (event) => {
  if (!event.target.matches(".answer textarea") || event.isComposing) return;
  if (event.key === "Escape") {
    // As in the composer, the keys of the bench act again; what was written stays in sight.
    if (!event.target.value.trim()) event.target.closest("details.answer").removeAttribute("open");
    event.target.closest(".post").focus({ preventScroll: true });
  } else if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
    event.preventDefault();
    event.target.form.requestSubmit();
  }
});

// --- claims ------------------------------------------------------------------------------------------------------

function claimSoon(post) {
  clearTimeout(claiming);
  const id = post?.dataset.post ?? null;
  if (id === claimed) return;
  claiming = setTimeout(() => {
    if (claimed) release(claimed);
    claimed = id;
    if (id) send(`/moderation/${id}/claim`, { quiet: true }).catch(() => { if (claimed === id) claimed = null; });
  }, CLAIM_AFTER);
}

function release(id, keepalive = false) {
  send(`/moderation/${id}/release`, { quiet: true, keepalive }).catch(() => {});
}

window.addEventListener("pagehide", () => { if (claimed) release(claimed, true); });

// --- decisions ---------------------------------------------------------------------------------------------------

bench?.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-deed]");
  if (!form) return;
  event.preventDefault();
  if (busy) return;
  const data = new FormData(form, event.submitter);
  if (form.id === "bulk-refuse") {
    for (const box of list().querySelectorAll('input[name="choice"]:checked')) data.append("choice", box.value);
  }
  if (form.matches("[data-mask]")) data.set("part", selectedIn(form.closest(".post")));
  busy = true;
  try {
    const response = await send(form.getAttribute("action"), { body: new URLSearchParams(data) });
    const outcome = await response.json();
    if (outcome.done.length) {
      for (const field of form.querySelectorAll("textarea")) sessionStorage.removeItem(keptAs(field));
      form.reset();
    }
    settle(outcome, form);
  } catch (problem) {
    if (problem.status === 409) refresh(form.closest(".post"));
  } finally {
    busy = false;
    delete form.dataset.sent;
  }
}, false);

/** The words that are marked inside a comment's text, or nothing. */
function selectedIn(post) {
  const marked = window.getSelection();
  const text = marked?.toString().trim() ?? "";
  return text && post?.querySelector(".post__text")?.contains(marked.anchorNode) ? text.slice(0, 200) : "";
}

function settle(outcome, form) {
  const undone = [...document.querySelectorAll("#toasts .toast:has(button)")].at(-1);
  toast(outcome.said, { undo: outcome.undo, danger: outcome.done.length === 0 && outcome.failed.length > 0 });
  for (const box of bench.querySelectorAll("[data-checks]")) box.checked = false;
  for (const id of outcome.failed) refresh(document.getElementById(`post-${id}`));
  const done = outcome.done.map((id) => document.getElementById(`post-${id}`)).filter(Boolean);
  if (form.getAttribute("action").startsWith("/moderation/undo")) {
    undone?.remove(); // what was taken back is not offered a second time
    reread();
  }
  else if (form.matches("[data-again]") || bench.dataset.show !== "waiting") {
    // Who answered goes on at the comment: another answer is not what they write next.
    const answer = form.closest("details.answer");
    if (answer?.contains(document.activeElement)) answer.closest(".post").focus({ preventScroll: true });
    answer?.removeAttribute("open");
    done.forEach((post) => refresh(post));
  }
  else leave(done);
}

/** Take decided comments out of the list; the one behind them becomes the present one. */
function leave(decided) {
  const all = posts();
  const done = [...decided, ...all.filter((post) => post.matches(".is-leaving"))];
  const last = Math.max(...done.map((post) => all.indexOf(post)), -1);
  const next = all.slice(last + 1).find((post) => !done.includes(post)) ?? all.findLast((post) => !done.includes(post));
  if (done.some((post) => post.dataset.post === claimed)) claimed = null;
  const inside = done.some((post) => post.contains(document.activeElement));
  for (const post of done) post.remove();
  if (posts().length === 0) {
    if (inside) stand(document.getElementById("main"));
    reread();
  }
  else {
    choose(next ?? posts()[0]);
    if (posts().length < 8) more();
  }
  countChecked();
  readFilters();
}

/** What somebody began to write goes along into what replaces it. Where it has no place any more, it is shown. */
function carry(from, to) {
  for (const field of from?.querySelectorAll("textarea") ?? []) {
    const begun = field.value.trim();
    if (!begun && field !== document.activeElement) continue;
    const place = to.querySelector(`#${CSS.escape(field.id)}`);
    if (place) {
      place.value = field.value;
      const details = place.closest("details");
      details.dataset.carried = "";
      details.open = field.closest("details").open;
    } else if (begun) {
      const kept = document.createElement("p");
      kept.className = "notice notice--warn pre";
      kept.textContent = `${bench.dataset.kept}\n${field.value}`;
      to.prepend(kept);
    }
  }
}

/** Put something new in the place of something; whoever is or writes in it goes on there, and no letter becomes a key. */
function exchange(swap) {
  const was = document.activeElement;
  const post = was.closest(".post");
  swap();
  if (was.isConnected) return;
  const field = was.matches("textarea") && document.getElementById(was.id);
  (field || document.getElementById(post?.id ?? ""))?.focus({ preventScroll: true });
  if (field) field.setSelectionRange(was.selectionStart, was.selectionEnd);
}

/** What is selected stays so, unless it is not any more what its moderator read. */
function keepTick(from, to) {
  const [was, now] = [from, to].map((post) => post.querySelector('input[name="choice"]'));
  if (now) now.checked = Boolean(was?.checked) && was.value === now.value;
}

const looks = new Map(); // by comment: the newest look at it

async function refresh(shown) {
  if (!shown) return;
  const look = Symbol("one look");
  looks.set(shown.id, look);
  const response = await part(`/moderation/${shown.dataset.post}`);
  const post = document.getElementById(shown.id); // another look may have drawn it anew meanwhile
  if (!post || looks.get(shown.id) !== look) return; // a newer look sees at least as much
  looks.delete(shown.id);
  if (response === GONE) leave([post]);
  const fresh = response?.querySelector?.(".post");
  if (!fresh) return; // nobody answered: what stands here is still to be decided
  const here = post === present();
  if (bench.dataset.show === "waiting" && !fresh.matches("[data-waiting]")) {
    // Decided by somebody else: it stays in its place, so that nothing moves under the pointer, and goes with the next.
    fresh.classList.add("is-leaving");
    fresh.querySelector('input[name="choice"]')?.remove();
  }
  carry(post, fresh);
  keepTick(post, fresh);
  exchange(() => post.replaceWith(fresh));
  countChecked();
  if (here) choose(fresh, { focus: false, claim: false });
}

// --- reading again -----------------------------------------------------------------------------------------------

const GONE = Symbol("what was asked for is not there any more");

async function part(address) {
  const response = await fetch(address, { headers: { "HX-Request": "true" } }).catch(() => null);
  if (response?.status === 404) return GONE;
  return response?.ok ? new DOMParser().parseFromString(await response.text(), "text/html") : null;
}

let wholes = 0;

async function reread() {
  const look = ++wholes;
  const fresh = await part(location.href);
  if (!fresh?.body || look !== wholes) return; // a newer look sees at least as much
  const was = present()?.dataset.post;
  const place = document.getElementById("bench-list");
  carry(place, fresh.body);
  exchange(() => place?.replaceChildren(...fresh.body.childNodes));
  const asked = announcement !== null && document.activeElement === announcement;
  announcement?.remove();
  announcement = null;
  const again = was ? document.getElementById(`post-${was}`) : null;
  choose(again ?? posts()[0] ?? null, { focus: false, claim: false });
  if (asked) stand(present() ?? document.getElementById("main"));
  countChecked();
  readFilters();
}

let reading = false;
async function more() {
  const link = bench.querySelector("[data-more]");
  if (!link || reading) return;
  reading = true;
  const fresh = await part(link.href);
  reading = false;
  if (!fresh?.body) return; // nobody answered: there is still more
  const known = new Set(posts().map((post) => post.id));
  const added = [...fresh.querySelectorAll(".post")].filter((post) => !known.has(post.id));
  const next = fresh.querySelector("[data-more]");
  if (next) link.replaceWith(next);
  else link.parentElement.remove();
  list()?.append(...added);
  putBack();
}
bench?.addEventListener("click", (event) => {
  if (event.target.closest("[data-more]")) {
    event.preventDefault();
    more();
  }
});

let filtering = 0;
function readFilters() {
  clearTimeout(filtering);
  filtering = setTimeout(async () => {
    const response = await fetch(location.href).catch(() => null);
    if (!response?.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const place of ["nav.tabs", ".bench__reasons"]) {
      const fresh = page.querySelector(`#bench ${place}`);
      const old = bench.querySelector(place);
      if (fresh && old) old.replaceWith(fresh);
      else if (old && !fresh) old.remove();
    }
  }, 700);
}

// --- news --------------------------------------------------------------------------------------------------------

let announcement = null;

document.addEventListener("centrala:post", ({ detail }) => {
  if (!bench || String(detail.actor ?? "") === settings.user) return;
  const post = document.getElementById(`post-${detail.message}`);
  if (post && !post.contains(document.activeElement?.closest("textarea"))) refresh(post);
  else if (!post && bench.dataset.show === "waiting") announce();
});
document.addEventListener("centrala:reset", () => { if (bench?.dataset.show !== "one") announce(); });
document.addEventListener("centrala:undone", () => { if (bench) reread(); });

/** New comments wait behind a button: nothing moves under the pointer. An empty list simply fills. */
function announce() {
  if (posts().length === 0) {
    reread();
    return;
  }
  if (announcement) return;
  announcement = document.createElement("button");
  announcement.type = "button";
  announcement.className = "news";
  announcement.dataset.key = ".";
  announcement.textContent = bench.dataset.newOne;
  announcement.addEventListener("click", () => reread());
  document.getElementById("bench-list")?.before(announcement);
}

bench?.querySelector(".bench__moves")?.classList.add("is-live");
putBack();
if (bench && posts().length) choose(posts()[0], { focus: false, claim: false });
