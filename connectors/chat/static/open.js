// Put into a site's page: <script src="…/static/open.js" defer></script>. Makes a button that opens the chat in a frame.
// An <a data-centrala-chat href="…"> of the page, for readers without a script, becomes that button.
//
// What this page must remember for the visitor (that the chat is open; the token, where the browser gives the frame no
// cookie of its own) stays in this tab alone. The token reaches the frame in the fragment, which no server sees.

(() => {
  const script = document.currentScript;
  const source = new URL(script.src);
  const address = new URL(source.pathname.replace(/\/static\/open\.js$/, ""), source.origin);
  const polish = (script.dataset.lang || document.documentElement.lang).slice(0, 2) !== "en";
  address.searchParams.set("lang", polish ? "pl" : "en");
  const words = polish
    ? { open: "Czat z konsultantem", close: "Zamknij czat", frame: "Czat", unread: "nowe wiadomości" }
    : { open: "Chat with a consultant", close: "Close the chat", frame: "Chat", unread: "new messages" };
  const key = `centrala ${address.pathname}`;
  const kept = (name) => { try { return sessionStorage.getItem(`${key} ${name}`); } catch { return null; } };
  const keep = (name, value) => { try { sessionStorage.setItem(`${key} ${name}`, value); } catch { /* private mode */ } };

  const style = (node, rules) => Object.assign(node.style, rules);
  const link = document.querySelector("a[data-centrala-chat]");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = script.dataset.label || link?.textContent || words.open;
  button.className = "centrala-chat-button";
  button.setAttribute("aria-expanded", "false");
  const place = { position: "fixed", right: "16px", bottom: "16px", zIndex: "2147483000" };
  style(button, { ...place, padding: "12px 20px", minHeight: "44px", border: "2px solid #fff", borderRadius: "24px",
    background: script.dataset.accent || "#0b5cad", color: script.dataset.accentText || "#fff", font: "600 16px/1.2 system-ui, sans-serif", cursor: "pointer" });

  let panel = null;
  let frame = null;
  let loaded = false;
  let unread = 0;

  function build() {
    panel = document.createElement("div");
    panel.id = "centrala-chat";
    panel.setAttribute("role", "dialog");
    panel.setAttribute("aria-label", button.dataset.name);
    style(panel, { ...place, width: "400px", maxWidth: "100vw", height: "640px", maxHeight: "100dvh", display: "flex", flexDirection: "column",
      border: "1px solid #8a94a3", borderRadius: "8px", overflow: "hidden", background: "Canvas", boxShadow: "0 8px 32px rgb(0 0 0 / 30%)" });
    if (innerWidth < 480) style(panel, { inset: "0", width: "100vw", height: "100dvh", borderRadius: "0" });
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = `✕ ${words.close}`;
    style(close, { alignSelf: "stretch", minHeight: "44px", padding: "8px 16px", border: "0", textAlign: "end",
      background: button.style.background, color: button.style.color, font: button.style.font, cursor: "pointer" });
    close.addEventListener("click", hide);
    frame = document.createElement("iframe");
    frame.title = words.frame;
    frame.referrerPolicy = "origin";
    style(frame, { flex: "1", width: "100%", border: "0" });
    const me = kept("me");
    frame.addEventListener("load", () => { loaded = true; if (panel.hidden) say("hidden"); });
    frame.src = address.href + (me ? `#me=${me}` : "");
    panel.append(close, frame);
    panel.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
    document.body.append(panel);
  }

  function show(focus) {
    if (!panel) build();
    panel.hidden = false;
    panel.style.display = "flex";
    button.setAttribute("aria-expanded", "true");
    button.style.visibility = "hidden";
    keep("open", "yes");
    count(0);
    if (focus) frame.focus();
    say("shown");
  }

  function hide() {
    panel.hidden = true;
    panel.style.display = "none";
    button.setAttribute("aria-expanded", "false");
    button.style.visibility = "visible";
    keep("open", "");
    button.focus();
    say("hidden");
  }

  /** Once the frame is loaded; until then it takes itself for shown. */
  function say(what) {
    if (loaded) frame.contentWindow.postMessage({ centrala: what }, source.origin);
  }

  function count(number) {
    unread = number;
    button.textContent = number ? `${button.dataset.name} (${words.unread}: ${number})` : button.dataset.name;
  }

  button.dataset.name = button.textContent;
  button.addEventListener("click", () => show(true));
  if (link) link.replaceWith(button); else document.body.append(button);
  if (kept("open")) show(false);

  addEventListener("message", ({ source: from, origin, data }) => {
    if (!frame || from !== frame.contentWindow || origin !== source.origin) return;
    if (data?.centrala === "me" && /^[0-9a-z]{20,100}$/.test(data.me)) keep("me", data.me);
    if (data?.centrala === "close" && !panel.hidden) hide();
    if (data?.centrala === "unread" && panel.hidden) count(unread + 1);
  });
})();
