// Keys that are pressed while a page can be seen and its scripts are still on their way. keys.js looks at them first.
window.earlyKeys = [];
document.addEventListener("keydown", (event) => {
  if (!event.repeat) window.earlyKeys?.push(event);
});
