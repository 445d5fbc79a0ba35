// Texts that a provider approved: one is chosen, its places are filled in, and the composer shows what will be sent.

const filled = (text, values) => text.replace(/\{(\d+)\}/g, (place, n) => values[n - 1]?.trim() || place);

/** Ties a form's approved texts to its text field; null where no channel of the conversation has any. */
export function approved(form, way, changed) {
  const part = form.querySelector("[data-approved]");
  if (!part) return null;
  const choice = part.querySelector("[name=template]");
  const values = part.querySelector("[name=parameters]");
  const text = form.querySelector("textarea[name=text]");
  let own = "";

  function show() {
    const chosen = choice.selectedOptions[0].dataset;
    const was = text.readOnly;
    text.readOnly = Boolean(choice.value);
    values.closest("[data-values]").hidden = !Number(chosen.parameters);
    if (choice.value) {
      if (!was) own = text.value;
      text.value = filled(chosen.text, values.value.split("\n"));
    } else if (was) {
      text.value = own;
    }
  }

  part.addEventListener("input", () => { show(); changed(); });
  show();
  return {
    /** Another channel: only its texts can be chosen. */
    switched() {
      const key = way().way;
      for (const option of choice.options) option.hidden = option.disabled = Boolean(option.value) && option.dataset.way !== key;
      part.hidden = ![...choice.options].some((option) => option.value && !option.disabled);
      part.open ||= way().closed === "1";
      if (choice.selectedOptions[0].disabled) choice.value = "";
      show();
    },
    clear() {
      choice.value = "";
      values.value = "";
      own = "";
      show();
    },
  };
}
