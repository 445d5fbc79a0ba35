// The draft of a text that is being written: what is typed goes to this browser at once and to the server a moment later, by
// revision, so that a reload, a crash or another window costs nothing.

import { send, toast } from "./app.js";
import { begins, store } from "./kept.js";

export const box = document.querySelector("[data-composer]");
export const conversation = box.dataset.conversation;
/** Where it says whether the text is saved. */
export const kept = box.querySelector("[data-kept]");
export const SAVE_AFTER = 700;
const OUTLIVES = 15_000; // letters: browsers let 64 KiB outlive a page, and a letter may take four bytes
const LINES = ["to", "cc", "bcc", "subject"];
/** From where a new conversation is begun, and in which queue. */
const PLACE = ["inbox", "queue"];

/** What is typed into a form, kept. Who writes has `uploads`, may be `sending`, and `measure()` is told of each change. */
export class Draft {
  constructor(form) {
    this.form = form;
    this.kind = form.dataset.kind;
    this.text = form.querySelector("textarea");
    this.twice = form.querySelector("[data-twice]");
    this.other = null;
    this.id = form.dataset.draft;
    this.revision = Number(form.dataset.revision);
    this.timer = 0;
    this.saving = null;
    this.underway = []; // texts that were sent to be saved, while nobody knows whether they were
    this.dirty = false;
    this.restore();
  }

  field(name) { return this.form.elements.namedItem(name); }
  value(name) { return this.field(name)?.value ?? ""; }

  /** Where this browser keeps the text. Several new conversations may be begun, each under its draft's own id. */
  get key() {
    return `draft ${document.documentElement.dataset.user} ${conversation || `new ${this.id}`} ${this.kind}`;
  }

  /** What this browser kept and the server does not have yet: a crash, a lost connection, letters that were faster than
   * this script. */
  restore() {
    const local = store.read(this.key);
    const stored = this.text.defaultValue;
    const typed = this.text.value !== stored;
    const shown = begins(local, stored, this.revision);
    if (local?.client_id && (!local.saved || local.text === stored)) this.field("client_id").value = local.client_id;
    if (shown === "mine" && !typed) {
      this.show(local);
      if (local.based_on && this.field("based_on")) this.field("based_on").value = local.based_on;
    } else if (shown !== "server") this.also(local);
    else if (this.kind === "new" && !typed && local?.revision === this.revision && local.text === stored) this.show(local);
    if (local?.other) this.also(local.other);
    if (typed || shown === "mine") this.changed();
    else if (this.other) this.keep();
  }

  show(version) {
    this.text.value = version.text;
    for (const name of LINES) if (version[name] !== undefined && this.field(name)) this.field(name).value = version[name];
    for (const name of PLACE) {
      const chosen = [...(this.field(name)?.options ?? [])].find((option) => option.value === version[name]);
      if (chosen) chosen.selected = true;
    }
  }

  /** The text exists twice. One is shown, the other one is a press away until somebody chooses. */
  also(version) {
    if (!version.text || version.text === this.text.value) return;
    this.other = version;
    this.twice.hidden = false;
  }

  swap() {
    const { other } = this;
    this.other = this.state();
    this.show(other);
    this.changed();
  }

  settle() {
    this.other = null;
    this.twice.hidden = true;
    this.keep();
    this.text.focus();
  }

  state() {
    const names = this.kind === "new" ? [...LINES, ...PLACE] : LINES;
    const lines = Object.fromEntries(names.map((name) => [name, this.value(name)]));
    return { ...lines, text: this.text.value, based_on: Number(this.value("based_on") || 0) };
  }

  keep(saved = false) {
    const { revision, underway, other } = this;
    store.write(this.key, { ...this.state(), revision, underway, client_id: this.value("client_id"), saved, other });
  }

  changed() {
    if (this.kind === "reply" && !this.begun && !this.text.value.trim()) this.base();
    this.begun = Boolean(this.text.value.trim());
    this.dirty = true;
    this.keep();
    if (kept) kept.textContent = box.dataset.unsaved;
    this.saveLater(SAVE_AFTER);
    this.measure();
  }

  /** Before a word is written, everything in sight has been seen. */
  base() {
    const seen = document.querySelector("#head .head")?.dataset.last;
    if (seen && this.field("based_on")) this.field("based_on").value = seen;
  }

  saveLater(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  }

  /** Save on the server; one request at a time. `leaving`: the page goes away, and the request outlives it. */
  async save({ force = false, leaving = false } = {}) {
    clearTimeout(this.timer);
    if (this.saving) await this.saving;
    if (this.sending || (!this.dirty && !force)) return; // what is being sent takes its draft along
    this.dirty = false;
    this.saving = this.put(this.body(), leaving);
    try { await this.saving; } finally { this.saving = null; }
  }

  /** The id of its draft, once what stands here is saved; "" where it cannot be. */
  async saved() {
    await this.save({ force: true });
    return this.id;
  }

  body() {
    const json = { ...this.state(), kind: this.kind, revision: this.revision };
    if (conversation) json.conversation = Number(conversation);
    if (this.id) json.id = Number(this.id);
    return json;
  }

  async put(json, leaving = false) {
    this.underway = [json.text, ...this.underway].slice(0, 3);
    this.keep();
    try {
      const keepalive = leaving && JSON.stringify(json).length < OUTLIVES;
      const answer = await (await send("/drafts", { json, quiet: true, keepalive })).json();
      if (this.kind === "new" && this.id !== answer.id) {
        store.drop(this.key);
        history.replaceState(null, "", `/new?draft=${answer.id}`);
      }
      this.id = answer.id;
      this.revision = answer.revision;
      this.underway = [];
      this.field("draft").value = answer.id;
      this.keep(!this.dirty);
      if (kept && !this.dirty) kept.textContent = box.dataset.saved;
    } catch (problem) {
      if (problem.status === 409 && problem.problem?.text !== undefined) this.collide(problem.problem);
      else if (problem.status === 404 && this.id) {
        this.forget();
        await this.put(this.body());
      } else this.dirty = true;
    }
  }

  /**
   * The draft is gone from the server: sent or thrown away in another window. What stands here becomes another one;
   * whether it is complete, for files went with the old one.
   */
  forget() {
    const { held } = this.uploads;
    this.id = "";
    this.revision = 0;
    this.field("draft").value = "";
    this.uploads.clear();
    if (held) toast(box.dataset.filesGone, { danger: true });
    return !held;
  }

  /** Two windows wrote the same draft: this one's text is shown, the other one is kept beside it. */
  collide({ text, revision }) {
    this.revision = revision;
    if (text && !this.underway.includes(text) && !this.text.value.includes(text)) {
      this.also({ text });
      toast(this.twice.querySelector("span").textContent, { danger: true });
    }
    this.changed();
  }
}
