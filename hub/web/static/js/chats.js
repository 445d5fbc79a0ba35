// An agent's chats beside whatever they do: the strip is asked for anew when something changed, a notice without sound
// tells of somebody new who waits, and where a citizen types it says so for a few seconds.

const strip = document.getElementById("chats");
const said = document.getElementById("chats-said");
const current = document.querySelector("[data-conversation-open]")?.dataset.conversationOpen ?? "";
const ids = () => [...strip.querySelectorAll("li")].map((item) => item.id);
const waiting = () => new Set([...strip.querySelectorAll(".chats__one--unread")].map((link) => link.closest("li").id));

// --- the strip ----------------------------------------------------------------------------------------------------

const free = () => Number(strip.querySelector("[data-free]")?.dataset.free ?? 0);

async function refresh() {
  const before = waiting();
  const wanted = free();
  await window.htmx.ajax("GET", `/chats?current=${current}`, { source: "#chats", target: "#chats", swap: "innerMorph" });
  strip.hidden = !ids().length && !free();
  if (free() > wanted && !wanted) said.textContent = strip.querySelector("[data-free]").textContent;
  const fresh = [...waiting()].filter((id) => !before.has(id) && id !== `chat${current}`);
  if (!fresh.length) return;
  const names = fresh.map((id) => document.querySelector(`#${id} .clip`).textContent).join(", ");
  said.textContent = strip.dataset.new.replace("{names}", names);
}

/** One's own chats are looked at almost at once; what may be a new visitor in a queue, every other second. */
const MINE = 300;
const OTHERS = 2000;
const isMine = ({ conversation }) => document.getElementById(`chat${conversation}`) !== null;
const concerns = ({ kind }) => kind === "conversation" || kind === "message";

let asking = 0;
let due = 0;
function ask(wait) {
  if (asking && due <= Date.now() + wait) return;
  clearTimeout(asking);
  due = Date.now() + wait;
  asking = setTimeout(() => { asking = 0; refresh(); }, wait);
}

if (strip) {
  document.addEventListener("centrala:changes", ({ detail }) => {
    const found = detail.filter(concerns);
    if (found.length) ask(found.some((change) => isMine(change) || change.actor) ? MINE : OTHERS);
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
