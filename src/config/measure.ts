/** Durations ("30s", "1m30s", "1.5h") and sizes ("512MB") between text and number. Pure. */

const DURATION_UNITS: { readonly [unit: string]: number } = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** As Postgres and systemd count: a kilobyte is 1024 bytes, with or without the i. */
const SIZE_UNITS: { readonly [unit: string]: number } = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Milliseconds, or undefined when it is not a duration. */
export function parseDuration(text: string): number | undefined {
  const part = /(\d{1,15}(?:\.\d{1,9})?)\s?(ms|s|m|h|d)/g;
  if (!/^(\d{1,15}(\.\d{1,9})?\s?(ms|s|m|h|d)\s?){1,5}$/.test(text)) return undefined;
  let ms = 0;
  for (const [, count, unit] of text.matchAll(part)) ms += Number(count) * (DURATION_UNITS[unit ?? ""] ?? 0);
  return Math.round(ms);
}

/** Bytes, or undefined when it is not a size. */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d{1,15}(?:\.\d{1,9})?)\s?(?:([kmgt])(?:i?b)?|b)$/i.exec(text);
  if (match === null) return undefined;
  const [, count, unit] = match;
  return Math.round(Number(count) * (SIZE_UNITS[(unit ?? "b").toLowerCase()] ?? 1));
}

export function formatDuration(ms: number): string {
  if (ms === 0) return "0s";
  let rest = ms;
  let text = "";
  for (const [unit, size] of Object.entries(DURATION_UNITS).reverse()) {
    const count = Math.floor(rest / size);
    if (count === 0 || (unit === "d" && count < 3)) continue;
    text += `${count}${unit}`;
    rest -= count * size;
  }
  return text === "" ? "0s" : text;
}

export function formatBytes(bytes: number): string {
  for (const [unit, size] of Object.entries(SIZE_UNITS).reverse()) {
    if (size > 1 && bytes >= size && bytes % size === 0) return `${bytes / size}${unit.toUpperCase()}B`;
  }
  return `${bytes}B`;
}

/** What somebody may have meant by a duration with no unit or a wrong one; undefined when there is no telling. */
export function meantDuration(text: string): string | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-zA-Z]*)\.?\s*$/.exec(text);
  if (match === null) return undefined;
  const [, count, word] = match;
  const name = (word ?? "").toLowerCase();
  const unit = Object.hasOwn(DURATION_WORDS, name) ? DURATION_WORDS[name] : undefined;
  return unit === undefined ? undefined : `${count}${unit}`;
}

const DURATION_WORDS: { readonly [word: string]: string } = {
  "": "s",
  s: "s",
  sec: "s",
  secs: "s",
  second: "s",
  seconds: "s",
  m: "m",
  min: "m",
  mins: "m",
  minute: "m",
  minutes: "m",
  h: "h",
  hr: "h",
  hour: "h",
  hours: "h",
  d: "d",
  day: "d",
  days: "d",
  ms: "ms",
  msec: "ms",
  millisecond: "ms",
  milliseconds: "ms",
};
