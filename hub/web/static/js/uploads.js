// The files of a text that is being written: chosen, pasted or dropped, and taken out again. They belong to its draft.

import { send } from "./app.js";

export class Uploads {
  /** `saved()` gives the id of the draft that they go to; `remove` is how the button that takes {name} out is called. */
  constructor(form, text, { saved, remove }) {
    this.form = form;
    this.text = text;
    this.saved = saved;
    this.remove = remove;
    this.place = form.querySelector("[data-files]");
    this.field = form.querySelector("[data-upload]");
    text.addEventListener("paste", (event) => this.paste(event));
    for (const name of ["dragover", "dragleave", "drop"]) text.addEventListener(name, (event) => this.drag(event));
    this.field?.addEventListener("change", () => {
      this.upload([...this.field.files]);
      this.field.value = "";
    });
    this.place?.addEventListener("click", (event) => {
      const button = event.target.closest("[data-removes]");
      if (button) this.takeOut(button.dataset.removes);
    });
  }

  get held() { return Boolean(this.place?.querySelector("[data-file]")); }

  paste(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length || !this.field) return;
    event.preventDefault();
    this.upload(files);
  }

  drag(event) {
    if (!event.dataTransfer?.types.includes("Files") || !this.field) return;
    event.preventDefault();
    this.text.classList.toggle("is-over", event.type === "dragover");
    if (event.type === "drop") this.upload([...event.dataTransfer.files]);
  }

  async upload(files) {
    if (!files.length) return;
    const draft = await this.saved();
    if (!draft) return;
    const body = new FormData();
    for (const file of files) body.append("file", file, file.name);
    try {
      this.show((await (await send(`/drafts/${draft}/files`, { body })).json()).files);
    } catch { /* the toast has said it */ }
  }

  show(found) { this.place?.append(...found.map((file) => item(file, this.remove.replace("{name}", file.name)))); }
  clear() { this.place?.replaceChildren(); }

  async takeOut(id) {
    await send(`/files/${id}/remove`);
    const gone = this.place.querySelector(`[data-file="${CSS.escape(id)}"]`);
    const focused = gone?.contains(document.activeElement);
    gone?.remove();
    if (focused) this.text.focus(); // else it would be at the top of the page
  }
}

function item(file, remove) {
  const made = document.createElement("li");
  made.className = "file";
  made.dataset.file = file.id;
  if (file.picture) {
    const picture = document.createElement("img");
    picture.src = file.picture;
    picture.alt = "";
    made.append(picture);
  }
  const link = document.createElement("a");
  link.href = `/files/${file.id}`;
  link.download = file.name;
  link.textContent = file.name;
  const off = document.createElement("button");
  off.type = "button";
  off.className = "button button--quiet button--icon button--small";
  off.dataset.removes = file.id;
  off.ariaLabel = remove;
  off.textContent = "×";
  made.append(link, off);
  return made;
}
