// Telling a person of news when they look elsewhere: a notification of the system, a quiet sound; both if wanted.

import { settings } from "./app.js";

/** Two soft notes, made here: no file to load, nothing that plays by itself before the person touched the page. */
export function chime() {
  const Context = window.AudioContext;
  if (!Context) return;
  const audio = new Context();
  const start = audio.currentTime;
  [[587.33, 0], [880, 0.12]].forEach(([pitch, delay]) => {
    const tone = audio.createOscillator();
    const volume = audio.createGain();
    tone.frequency.value = pitch;
    volume.gain.setValueAtTime(0, start + delay);
    volume.gain.linearRampToValueAtTime(0.08, start + delay + 0.02);
    volume.gain.exponentialRampToValueAtTime(0.0001, start + delay + 0.5);
    tone.connect(volume).connect(audio.destination);
    tone.start(start + delay);
    tone.stop(start + delay + 0.55);
  });
  setTimeout(() => audio.close(), 1500);
}

/** Something is for this person: say so once in a browser, whichever tab hears of it first. */
export async function tell() {
  if (!settings.desktop && !settings.sound) return;
  const response = await fetch("/notifications/newest", { headers: { Accept: "application/json" } }).catch(() => null);
  const newest = response?.ok ? (await response.json()).newest : null;
  if (!newest || localStorage.getItem("centrala-told") === newest.id) return;
  localStorage.setItem("centrala-told", newest.id);
  if (settings.sound) chime();
  if (settings.desktop && document.hidden && window.Notification?.permission === "granted") {
    const shown = new Notification(newest.text, { body: [newest.reference, newest.because].filter(Boolean).join(" · "), tag: newest.id });
    shown.addEventListener("click", () => { window.focus(); location.assign("/notifications"); });
  }
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-ask-notifications]") && event.target.checked) window.Notification?.requestPermission();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-try-sound]")) chime();
});
