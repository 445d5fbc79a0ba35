// Inside a widget's page: tells the page around it how high it is, and keeps a form from being sent twice.
// Everything works without this file.

const framed = window.parent !== window;

function tellHeight() {
  const height = Math.ceil(document.documentElement.getBoundingClientRect().height);
  // Only a number goes out, so any page around may have it.
  window.parent.postMessage({ centrala: "height", height }, "*");
}

if (framed) {
  new ResizeObserver(tellHeight).observe(document.documentElement);
  tellHeight();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  // A page that comes back from the browser's cache must be usable again.
  window.addEventListener("pageshow", () => delete form.dataset.sent, { once: true });
});

// After an error the first thing to know is what was wrong.
document.querySelector(".problems")?.focus();
