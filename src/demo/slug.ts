/**
 * The short name of a link: made by chance, or chosen by a person. A slug is one path segment that needs no escaping
 * anywhere (URL, HTML, header), and none of the words the demo's own pages need.
 */
import { Refusal } from "./refusal.ts";

/** No 0 O o 1 l I i: a slug is read aloud and typed from paper. */
const LETTERS = "23456789abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ";
/** 54⁷ ≈ 1.3 × 10¹² names; a name that is taken all the same is drawn again (`links.ts`). */
const LENGTH = 7;
/** Bytes from here on would make the first letters likelier than the last. */
const FAIR = 256 - (256 % LETTERS.length);

const SHAPE = /^[A-Za-z0-9][A-Za-z0-9_-]{1,39}$/;

const RESERVED: ReadonlySet<string> = new Set([
  ...[
    "links",
    "users",
    "clicks",
    "stats",
    "new",
    "about",
    "help",
    "login",
    "logout",
    "admin",
    "api",
    "static",
    "assets",
  ],
  ...["healthz", "livez", "readyz", "metrics", "status", "favicon", "robots", "sitemap", "index", "well-known"],
]);

export function makeSlug(fill: (bytes: Uint8Array) => void = (bytes) => crypto.getRandomValues(bytes)): string {
  const bytes = new Uint8Array(LENGTH * 2);
  let slug = "";
  while (slug.length < LENGTH) {
    fill(bytes);
    for (const byte of bytes) {
      if (byte < FAIR && slug.length < LENGTH) slug += LETTERS[byte % LETTERS.length];
    }
  }
  return slug;
}

/** Whether there can be a link of that name at all; asked before the database is. */
export function isSlug(text: string): boolean {
  return SHAPE.test(text) && !RESERVED.has(text.toLowerCase());
}

/** A slug that a person chose. */
export function chosenSlug(value: unknown): string | Refusal {
  if (typeof value !== "string" || !SHAPE.test(value)) {
    return new Refusal(
      "bad_slug",
      "The ending must be 2 to 40 letters, digits, - or _, and start with a letter or digit.",
    );
  }
  if (isSlug(value)) return value;
  return new Refusal("slug_reserved", `"${value}" is kept for the site itself. Choose another ending.`);
}
