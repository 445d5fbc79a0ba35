// Put into a site's page: <script src="…/static/embed.js" data-title="…" data-article="…" defer></script>
// Makes a frame with the widget where the script stands and keeps it as high as its content.
// Every data- attribute becomes a parameter of the widget's address. A plain <iframe> does the same without this.

(() => {
  const script = document.currentScript;
  const source = new URL(script.src);
  const address = new URL(source.pathname.replace(/\/static\/embed\.js$/, ""), source.origin);
  for (const [name, value] of Object.entries(script.dataset)) address.searchParams.set(name, value);
  if (!address.searchParams.has("url")) address.searchParams.set("url", location.origin + location.pathname);
  if (!address.searchParams.has("lang")) address.searchParams.set("lang", document.documentElement.lang.slice(0, 2));

  const frame = document.createElement("iframe");
  frame.src = address.href;
  frame.title = script.dataset.label || script.dataset.title || document.title;
  frame.width = "100%";
  frame.height = "600";
  frame.referrerPolicy = "origin";
  frame.style.border = "0";
  script.after(frame);

  window.addEventListener("message", (event) => {
    if (event.source !== frame.contentWindow || event.origin !== source.origin) return;
    const height = Number(event.data?.height);
    if (event.data?.centrala === "height" && height > 0 && height < 100000) frame.height = String(height);
  });
})();
