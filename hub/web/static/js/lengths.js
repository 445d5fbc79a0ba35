// How long a text is to a channel: in UTF-16 units, in bytes of UTF-8, or as X counts a public post.

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

export const COUNTS = {
  utf16: (text) => text.length,
  utf8: (text) => new TextEncoder().encode(text).length,
  weighted,
};
