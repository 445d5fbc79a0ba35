// What is offered while somebody types: canned responses by /, colleagues by @.

/** A list under a text. `trigger` finds what was asked before the caret in its second group; `find` gives the choices. */
export class Completion {
  constructor({ list, kind, trigger, find, none }) {
    Object.assign(this, { list, kind, trigger, find, none, open: false, writing: null, found: [], at: 0, start: 0, moved: false });
    list?.addEventListener("mousedown", (event) => event.preventDefault()); // who scrolls it goes on writing
  }

  /** After each key: is something asked for before the caret? */
  async look(writing) {
    const { value, selectionStart } = writing.text;
    const typed = this.trigger.exec(value.slice(0, selectionStart));
    if (!typed || !this.list || writing.kind !== this.kind) { this.close(); return; }
    this.moved = false;
    const found = await this.find(typed[2]);
    if (!found || writing.text.selectionStart !== selectionStart) return;
    // Who chose among what was there before this answer keeps what they chose.
    const chosen = this.moved ? this.found[this.at]?.name : null;
    const at = Math.max(0, found.findIndex(({ name }) => name === chosen));
    Object.assign(this, { writing, found, at, open: true, start: selectionStart - typed[2].length - 1 });
    if (!found.length && !this.none) this.close();
    else this.show();
  }

  show() {
    this.list.hidden = false;
    this.list.replaceChildren(...this.found.map((choice, index) => {
      const option = document.createElement("div");
      option.role = "option";
      option.id = `${this.list.id}-${index}`;
      option.ariaSelected = String(index === this.at);
      const name = document.createElement("strong");
      name.textContent = `${choice.name} `;
      option.append(name, choice.title);
      option.addEventListener("mousedown", () => this.insert(index));
      return option;
    }));
    if (!this.found.length) {
      const none = document.createElement("p");
      none.textContent = this.none;
      this.list.append(none);
    }
    this.list.children[this.at]?.scrollIntoView({ block: "nearest" });
    this.writing.text.setAttribute("aria-controls", this.list.id);
    this.writing.text.setAttribute("aria-activedescendant", this.found.length ? `${this.list.id}-${this.at}` : "");
  }

  keys(event) {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      this.moved = true;
      this.at = Math.max(0, Math.min(this.found.length - 1, this.at + (event.key === "ArrowDown" ? 1 : -1)));
      this.show();
    } else if ((event.key === "Enter" && !event.ctrlKey) || event.key === "Tab") {
      if (!this.found.length) return false;
      this.insert(this.at);
    } else if (event.key === "Escape") {
      this.close();
    } else {
      return false;
    }
    event.preventDefault();
    return true;
  }

  insert(index) {
    const { writing } = this;
    writing.text.setRangeText(this.found[index].text, this.start, writing.text.selectionStart, "end");
    this.close();
    writing.changed();
    writing.text.focus();
  }

  close() {
    if (!this.open) return;
    this.open = false;
    this.list.hidden = true;
    this.writing?.text.removeAttribute("aria-activedescendant");
  }
}

export async function findTexts(conversation, asked) {
  const response = await fetch(`/conversations/${conversation}/texts?q=${encodeURIComponent(asked)}`).catch(() => null);
  if (!response?.ok) return null;
  return (await response.json()).texts.map(({ shortcut, title, text }) => ({ name: `/${shortcut}`, title, text }));
}

/** A text as people compare it: without capitals and diacritics. */
export const plainly = (word) => word.toLocaleLowerCase().replaceAll("ł", "l").normalize("NFKD").replace(/\p{M}/gu, "");
const MOST_PEOPLE = 8;

/** Colleagues whose login begins so, or a word of whose name does. */
export function findPeople(asked) {
  const wanted = plainly(asked);
  const people = [...(document.getElementById("colleagues")?.content.children ?? [])].map(({ dataset }) => dataset);
  return people
    .filter(({ login, name }) => [login, ...name.split(/\s+/)].some((word) => plainly(word).startsWith(wanted)))
    .slice(0, MOST_PEOPLE)
    .map(({ login, name }) => ({ name: `@${login}`, title: name, text: `@${login} ` }));
}
