// How long a text is to a channel: in UTF-16 units, in bytes of UTF-8, as X counts a public post, or in SMS. What a
// channel takes comes with its address from the server, which refuses what is longer.

import { segments } from "./sms.js";

// As connectors/_weight.py counts, which has the last word: a link 23, an emoji 2, letters of most scripts 1, others 2.
const BASE = "[\\u2194-\\u21aa\\u231a-\\u23ff\\u24c2\\u25aa-\\u25fe\\u2600-\\u27bf\\u2934\\u2935\\u2b05-\\u2b55\\u3030\\u303d\\u3297\\u3299\\u{1f000}-\\u{1faff}]";
const PART = `(?:${BASE}[\\ufe0f\\u{1f3fb}-\\u{1f3ff}]?|[\\u00a9\\u00ae\\u203c\\u2049\\u2122\\u2139]\\ufe0f)`;
const EMOJI = new RegExp(`[\\u{1f1e6}-\\u{1f1ff}]{2}|[0-9#*]\\ufe0f?\\u20e3|${PART}[\\u{e0020}-\\u{e007f}]*(?:\\u200d${PART})*`, "gu");
const LINKS = /https?:\/\/[^\s<>]+[^\s<>.,;:!?)\]}'"]|(?<![@\w.-])(?:[a-z0-9-]+\.)+(?:pl|eu|com|org|net|info|gov|edu|ua|de|io)\b(?:\/[^\s<>]*[^\s<>.,;:!?)\]}'"])?/gi;
const ONE = [[0, 0x10ff], [0x2000, 0x200d], [0x2010, 0x201f], [0x2032, 0x2037]];

/** The weighted length of a text. */
export function weighted(text) {
  let count = 0;
  const rest = text.normalize("NFC").replace(LINKS, () => { count += 23; return ""; }).replace(EMOJI, () => { count += 2; return ""; });
  for (const letter of rest) count += ONE.some(([first, last]) => first <= letter.codePointAt(0) && letter.codePointAt(0) <= last) ? 1 : 2;
  return count;
}

const COUNTS = {
  utf16: (text) => text.length,
  utf8: (text) => new TextEncoder().encode(text).length,
  weighted,
};

/**
 * How much of a channel's room a text takes, in words. `way` is what the server told of the channel (longest, counts,
 * splits, segments, cost), `words` has the sentences "parts" and "over". `over`: by how much it is too long; `dear`: it
 * takes more SMS because of its letters.
 */
export function measured(text, way, words) {
  const longest = Number(way.longest) || 0;
  const length = COUNTS[way.counts || "utf16"](text);
  const splits = way.splits === "1";
  const parts = longest && splits ? Math.ceil(length / longest) : 1;
  const over = longest && !splits ? Math.max(0, length - longest) : 0;
  const more = parts > 1 ? ` · ${words.parts.replace("{n}", parts)}` : over ? ` · ${words.over.replace("{n}", over)}` : "";
  if (!way.segments) return { said: longest ? `${length} / ${longest}${more}` : "", over, dear: false };
  const sms = segments(text);
  const price = sms.count * Number(way.cost) / 100;
  const costs = price > 0 ? ` · ${price.toLocaleString(document.documentElement.lang, { minimumFractionDigits: 2 })} zł` : "";
  return { said: `${sms.length} / ${sms.room} · ${sms.count} SMS${costs}${more}`, over, dear: Boolean(text) && !sms.gsm };
}

/** Show it beside a field: what is too long is said in words and marked at the field. */
export function tell(place, field, { said, over }) {
  place.textContent = said;
  place.classList.toggle("field__error", over > 0);
  if (over) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
