// An agent's chats beside whatever they do: the strip is asked for anew when something changed, a notice without sound
// tells of somebody new who waits, and where a citizen types it says so for a few seconds.

const strip = document.getElementById("chats");
const said = document.getElementById("chats-said");
const current = document.querySelector("[data-conversation-open]")?.dataset.conversationOpen ?? "";
const ids = () => [...strip.querySelectorAll("li")].map((item) => item.id);
const waiting = () => new Set([...strip.querySelectorAll(".chats__one--unread")].map((link) => link.closest("li").id));

// --- the strip ----------------------------------------------------------------------------------------------------

let asking = 0;
async function refresh() {
  const before = waiting();
  await window.htmx.ajax("GET", `/chats?current=${current}`, { source: "#chats", target: "#chats", swap: "innerMorph" });
  strip.hidden = !ids().length;
  const fresh = [...waiting()].filter((id) => !before.has(id) && id !== `chat${current}`);
  if (!fresh.length) return;
  const names = fresh.map((id) => document.querySelector(`#${id} .clip`).textContent).join(", ");
  said.textContent = strip.dataset.new.replace("{names}", names);
}

function concerns({ kind, conversation }) {
  if (kind === "conversation") return true;
  return kind === "message" && document.getElementById(`chat${conversation}`);
}

if (strip) {
  document.addEventListener("centrala:changes", ({ detail }) => {
    if (!detail.some(concerns) || asking) return;
    asking = setTimeout(() => { asking = 0; refresh(); }, 300);
  });
  document.addEventListener("centrala:reset", refresh);
}

// --- who types ----------------------------------------------------------------------------------------------------

const LASTS = 6000;
const ends = new Map();

function show(conversation, typing) {
  clearTimeout(ends.get(conversation));
  for (const place of document.querySelectorAll(`[data-typing="${conversation}"]`)) {
    place.textContent = typing ? place.dataset.typingText : "";
    place.hidden = !typing;
  }
  if (typing) ends.set(conversation, setTimeout(() => show(conversation, false), LASTS));
}

document.addEventListener("centrala:typing", ({ detail }) => {
  for (const [conversation, what] of Object.entries(detail)) show(conversation, what === "typing");
});
// The words that somebody typed have come: they no longer type.
document.addEventListener("centrala:message", ({ detail }) => show(String(detail.conversation), false));
