// How many SMS a text takes: 160 characters of GSM 03.38, 70 of anything else; less in each part when there are several.

const GSM = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
const GSM_TWICE = "^{}\\[~]|€";

export function segments(text) {
  const gsm = [...text].every((c) => GSM.includes(c) || GSM_TWICE.includes(c));
  const length = gsm ? [...text].reduce((sum, c) => sum + (GSM_TWICE.includes(c) ? 2 : 1), 0) : text.length;
  const [one, part] = gsm ? [160, 153] : [70, 67];
  const count = length <= one ? Math.min(1, length) : Math.ceil(length / part);
  return { gsm, count, length, room: count > 1 ? count * part : one };
}

export const withoutDiacritics = (text) => text.replaceAll("ł", "l").replaceAll("Ł", "L").normalize("NFKD").replace(/\p{M}/gu, "")
  .replace(/[„”“]/g, '"').replace(/[’‘]/g, "'").replace(/[–—]/g, "-").replaceAll("…", "...");
