// What this browser keeps of a text that is being written, beside what the hub keeps of it.

export const store = {
  keys() { try { return Object.keys(localStorage); } catch { return []; } },
  read(key) { try { return JSON.parse(localStorage.getItem(key) ?? "null"); } catch { return null; } },
  write(key, value) { try { localStorage.setItem(key, JSON.stringify(value)); } catch { /* full: what is saved on the server stays */ } },
  drop(key) { try { localStorage.removeItem(key); } catch { /* nothing was kept */ } },
};

/** What the hub has too goes when its writer logs out: others use this browser after them. */
export function dropSaved(user) {
  for (const key of store.keys().filter((name) => name.startsWith(`draft ${user} `))) {
    const local = store.read(key);
    if (local?.saved && !local.other) store.drop(key);
  }
}

/**
 * Which text a page begins with: "server" (the draft that came with it), "mine" (what this browser could not save any
 * more, and went on with from what the hub has, though it may not have heard that the hub has it), or "both", where another device went on with the draft that this browser could not save. What was saved and is
 * not the hub's any more was sent, thrown away or written further elsewhere.
 */
export function begins(local, text, revision) {
  if (!local?.text || local.saved || local.text === text) return "server";
  if (local.revision >= revision || local.underway?.includes(text)) return "mine";
  return text.includes(local.text) ? "server" : "both";
}

/** What was typed behind a text while it was on its way; all of it where the text itself was changed. */
export const typedSince = (sent, now) => (now.startsWith(sent) ? now.slice(sent.length).trimStart() : now);
