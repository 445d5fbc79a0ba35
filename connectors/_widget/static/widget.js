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

const bytes = (form) => [...form.querySelectorAll("input[type=file]")]
  .flatMap(({ files }) => [...files]).reduce((sum, file) => sum + file.size, 0);

/** What is wrong with the files of a form. A refusal in the middle of too many bytes would show no page at all. */
function tooLarge(form) {
  for (const { files, dataset } of form.querySelectorAll("input[type=file][data-size]")) {
    const large = [...files].find((file) => file.size > Number(dataset.size));
    if (large) return dataset.large.replace("{name}", large.name);
    if (bytes(form) > Number(dataset.together)) return dataset.much;
  }
  return "";
}

function complain(form, text) {
  form.querySelector(".problems")?.remove();
  const box = document.createElement("div");
  box.className = "problems";
  box.tabIndex = -1;
  box.setAttribute("role", "alert");
  box.textContent = text;
  form.prepend(box);
  box.focus();
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  const problem = tooLarge(form);
  if (problem) complain(form, problem);
  if (problem || form.dataset.sent) {
    event.preventDefault();
    return;
  }
  form.dataset.sent = "yes";
  const usable = () => delete form.dataset.sent;
  // A page that comes back from the browser's cache must be usable again, and one whose sending was stopped. Files get
  // the time that a slow network takes (50 kB/s): a second press would send them from the beginning.
  window.addEventListener("pageshow", usable, { once: true });
  setTimeout(usable, 5000 + bytes(form) / 50);
});

// What was wrong, or what was done, is the first thing to know.
const told = document.querySelector(".problems, .news[tabindex]");
told?.focus();

// In a frame as high as its page only the page around can scroll: to where a link or a form of ours led, once the frame
// has its new height. Never on its own, when the page around opens.
if (framed && document.referrer.startsWith(`${location.origin}/`)) {
  setTimeout(() => (told ?? document.querySelector(":target"))?.scrollIntoView(), 300);
}
