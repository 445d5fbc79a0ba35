// One text that is being written: never lost (drafts.js) and never sent twice. A sending has an id of its own that outlives
// a reload, so repeating it is harmless.

import { afterwards, send, toast } from "./app.js";
import { approved } from "./approved.js";
import { box, Draft, kept, SAVE_AFTER } from "./drafts.js";
import { store, typedSince } from "./kept.js";
import { measured, tell } from "./lengths.js";
import { withoutDiacritics } from "./sms.js";
import { Uploads } from "./uploads.js";

const TRY_AFTER = 5000; // milliseconds, where the hub can store nothing

/** One thing that is being written: a reply, a note, a new conversation. */
export class Writing extends Draft {
  /** `around`: what stands about it, by `stopped(numbers, text)`, `resolves(writing)` and `completes(writing, event)`. */
  constructor(form, around) {
    super(form);
    this.around = around;
    this.error = form.querySelector("[role=alert]");
    this.hereafter = null;
    this.text.setSelectionRange(this.text.value.length, this.text.value.length); // who comes back goes on at the end
    form.addEventListener("input", () => this.changed());
    form.addEventListener("submit", (event) => this.submit(event));
    this.text.addEventListener("keydown", (event) => this.keys(event));
    this.uploads = new Uploads(form, this.text, { remove: box.dataset.remove, saved: () => this.saved() });
    form.addEventListener("click", (event) => this.click(event));
    this.approved = approved(form, () => this.way(), () => this.changed());
    form.querySelector("[name=way]")?.addEventListener("change", () => this.switched());
    this.offer();
    this.measure();
  }

  /** An earlier text was taken under this id, though its answer was lost: what stands here now is another message. */
  another(said) {
    this.field("client_id").value = crypto.randomUUID();
    this.forget();
    this.changed();
    this.say(said);
    document.dispatchEvent(new CustomEvent("centrala:refresh"));
    document.dispatchEvent(new CustomEvent("centrala:sent"));
  }

  say(problem, refused = true) {
    this.hereafter = null;
    this.error.textContent = problem;
    this.error.hidden = !problem;
    if (problem && refused && this.field("to")) this.form.querySelector(".composer__to")?.setAttribute("open", "");
    if (problem) this.error.scrollIntoView({ block: "nearest" }); // on a phone a long text stands between it and the button
  }

  /** The hub answers again: where nobody knows whether it took what was being sent, it never takes that twice. */
  answers() {
    if (this.hereafter !== null) {
      this.error.textContent = this.hereafter;
      this.error.hidden = !this.hereafter;
    }
    this.hereafter = null;
    if (this.dirty) this.save();
  }

  /** The hub can store nothing. The draft is what finds out when it can again. */
  unable() {
    this.dirty = true;
    this.saveLater(TRY_AFTER);
  }

  async submit(event, more = {}) {
    event?.preventDefault();
    const after = more.after ?? event?.submitter?.dataset.send;
    if (this.sending) return;
    let repeat = false;
    this.sending = true;
    this.say("");
    for (const button of this.form.querySelectorAll("[data-send], [data-send-resolve]")) button.disabled = true;
    try {
      if (this.saving) await this.saving;
      clearTimeout(this.timer);
      const body = new FormData(this.form);
      const text = this.text.value;
      body.set("client_id", this.value("client_id"));
      if (this.kind === "reply") body.set("after", after || "open");
      if (more.topic !== undefined) body.set("topic", more.topic);
      this.keep();
      const done = await (await send(this.form.action, { body, quiet: true })).json();
      this.sent(done, text);
      // Who put the matter away writes nothing more here: the next key is one of the desk's, not a letter.
      const away = after && after !== "open" && this.form.contains(document.activeElement);
      if (away) document.getElementById("stream")?.focus({ preventScroll: true });
    } catch (problem) {
      if (problem.status === 409 && problem.problem?.new) this.around.stopped(problem.problem.new, problem.message);
      else if (problem.problem?.again) this.another(problem.message);
      else if (problem.status === 404 && this.id && this.isSent()) {
        toast(box.dataset.sentElsewhere);
        this.gone(this.text.value);
      } else if (problem.status === 404 && this.id && this.forget()) repeat = true;
      else {
        this.say(problem.message, problem.status === 409 || problem.status === 422);
        this.hereafter = afterwards(problem, box.dataset.sendAgain);
      }
    } finally {
      this.sending = false;
      if (this.dirty) this.saveLater(this.hereafter === "" ? TRY_AFTER : SAVE_AFTER);
      for (const button of this.form.querySelectorAll("[data-send], [data-send-resolve]")) button.disabled = false;
    }
    if (repeat) await this.submit(null, { ...more, after });
  }

  sent(done, text) {
    const further = this.text.readOnly ? "" : typedSince(text, this.text.value);
    clearTimeout(this.timer);
    this.dirty = false;
    store.drop(this.key);
    this.clear();
    if (further) this.goOn(further);
    this.form.querySelector("[data-once]")?.remove();
    toast(done.said, { undo: done.undo, seconds: Math.max(8, done.seconds ?? 0) });
    document.dispatchEvent(new CustomEvent("centrala:sent", { detail: done }));
    document.dispatchEvent(new CustomEvent("centrala:refresh"));
    if (this.kind === "new") location.assign(`/conversations/${done.conversation}`);
  }

  /** What was typed while the message was on its way begins the next one. */
  goOn(text) {
    this.text.value = text;
    this.changed();
  }

  /** Another window of this browser sent the text: what stands here as well is not sent twice. */
  gone(text) {
    if (this.text.value === text) {
      clearTimeout(this.timer);
      this.dirty = false;
      this.clear();
    } else {
      this.field("client_id").value = crypto.randomUUID();
      this.forget();
    }
  }

  /** Another device sent it: it stands above, newer than what this text was begun on. */
  isSent() {
    const text = this.text.value.trim();
    const based = Number(this.value("based_on"));
    return [...document.querySelectorAll("#stream article.entry--outbound")].some((entry) =>
      Number(entry.dataset.number) > based && entry.querySelector(".entry__text")?.textContent.trim().startsWith(text));
  }

  clear() {
    this.say("");
    this.other = null;
    this.twice.hidden = true;
    this.approved?.clear();
    if (this.field("choices")) this.field("choices").value = "";
    this.text.value = "";
    this.id = "";
    this.revision = 0;
    this.begun = false;
    this.field("draft").value = "";
    this.field("client_id").value = crypto.randomUUID();
    this.uploads.clear();
    if (kept) kept.textContent = "";
    this.measure();
  }

  /** A sending was taken back: its words stand before what was written since. */
  takeBack(draft) {
    if (draft.id === this.id && draft.revision === this.revision) return;
    if (draft.text.includes(this.text.value.trim())) this.take(draft);
    else this.collide(draft);
  }

  take(draft) {
    this.text.value = draft.text;
    this.id = draft.id;
    this.revision = draft.revision;
    this.field("draft").value = draft.id;
    for (const name of ["to", "cc", "bcc"]) if (this.field(name) && draft.to) this.field(name).value = draft[name];
    if (this.field("subject") && draft.subject) this.field("subject").value = draft.subject;
    this.base();
    this.uploads.clear();
    this.uploads.show(draft.files);
    this.measure();
  }

  // --- keys --------------------------------------------------------------------------------------

  keys(event) {
    if (this.around.completes(this, event)) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter") {
      event.preventDefault();
      if (event.shiftKey && this.kind === "reply") this.around.resolves(this);
      else this.form.requestSubmit(this.form.querySelector("[data-send]"));
    } else if (event.key === "Escape") {
      this.text.blur();
    }
  }

  click(event) {
    const adds = event.target.closest("[data-adds]");
    if (adds) {
      const line = this.field("cc");
      line.value = line.value ? `${line.value}, ${adds.dataset.adds}` : adds.dataset.adds;
      adds.remove();
      line.focus();
      this.changed();
    }
    if (event.target.closest("[data-send-resolve]")) this.around.resolves(this);
    if (event.target.closest("[data-plain]")) this.plain();
    if (event.target.closest("[data-twice-swap]")) this.swap();
    if (event.target.closest("[data-twice-keep]")) this.settle();
  }

  // --- channel and length -----------------------------------------------------------------------------------------

  way() {
    const way = this.field("way");
    if (!way) return {};
    return (way.selectedOptions ? way.selectedOptions[0] : way).dataset;
  }

  switched() {
    const way = this.way();
    const to = this.form.querySelector("[data-to-shown]");
    if (to && way.address) to.textContent = way.address;
    for (const name of ["to", "cc", "bcc", "subject"]) {
      const field = this.field(name);
      if (!field) continue;
      const usable = name === "subject" ? way.subject === "1" : way.copies === "1";
      field.disabled = !usable;
      if (name === "to" && usable && way.address) field.value = way.address;
    }
    this.offer();
    this.changed();
  }

  /** What only some channels have: approved texts, buttons. */
  offer() {
    const way = this.way();
    const choices = this.form.querySelector(".composer__choices");
    if (choices) choices.hidden = !(Number(way.choices) > 0);
    if (choices?.hidden) this.field("choices").value = "";
    this.approved?.switched();
  }

  measure() {
    const place = this.form.querySelector("[data-length]");
    if (!place) return;
    const way = this.way();
    const found = measured(this.text.value, way, box.dataset);
    tell(place, this.text, found);
    const said = found.over ? box.dataset.tooLong : "";
    const status = this.form.querySelector("[data-too-long-said]");
    if (status.textContent !== said) status.textContent = said;
    const plain = this.form.querySelector("[data-plain]");
    if (plain) plain.hidden = !found.dear;
  }

  plain() {
    this.text.value = withoutDiacritics(this.text.value);
    this.text.focus(); // the button goes away
    this.changed();
  }
}
