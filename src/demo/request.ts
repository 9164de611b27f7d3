/**
 * What a request to the demo says, read strictly: the body of `POST /links` as JSON or as a form, the limit of a list, the
 * kind of answer that is wanted. Pure: text in, a value or a `Refusal` out.
 */
import { checkDestination, completeDestination } from "./destination.ts";
import type { NewLink } from "./links.ts";
import { Refusal } from "./refusal.ts";
import { chosenSlug } from "./slug.ts";

/** A URL of 2048 characters, escaped three bytes for one, and room for the rest. */
export const BODY_BYTES_MAX = 16 * 1024;
export const REFERRER_LENGTH_MAX = 512;

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;
const OWNER = /^[\p{L}\p{N}][\p{L}\p{N} ._@-]{0,63}$/u;
/** A host as a browser sends it; what else a Host header can hold is not shown to anyone. */
const HOST = /^[\w.-]{1,253}(:\d{1,5})?$|^\[[\da-fA-F:.]{2,45}\](:\d{1,5})?$/;

/** JSON unless it says it is a form and does not look like JSON (`curl -d '{…}'` says so of everything). */
export function readNewLink(type: string | undefined, body: string): NewLink | Refusal {
  const form = type?.toLowerCase().includes("application/x-www-form-urlencoded") === true;
  if (form && !body.trimStart().startsWith("{")) return fromForm(new URLSearchParams(body));
  const value = parseJson(body);
  return value instanceof Refusal ? value : fromJson(value);
}

/** What a person typed, to show it again. */
export function readTyped(body: string): { readonly url: string; readonly slug: string } {
  const fields = new URLSearchParams(body);
  return { url: fields.get("url") ?? "", slug: fields.get("slug") ?? "" };
}

export function readLimit(value: unknown): number | Refusal {
  if (value === undefined) return LIMIT_DEFAULT;
  const limit = typeof value === "string" && /^\d{1,3}$/.test(value) ? Number(value) : 0;
  if (limit >= 1 && limit <= LIMIT_MAX) return limit;
  return new Refusal("bad_limit", `The limit must be a number from 1 to ${LIMIT_MAX}.`);
}

export function readSite(host: string | undefined): string {
  return host !== undefined && HOST.test(host) ? host : "";
}

function parseJson(body: string): object | Refusal {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return new Refusal("bad_json", 'The body must be a JSON object, like {"url": "https://example.com/"}.');
}

function fromForm(fields: URLSearchParams): NewLink | Refusal {
  return check({
    url: completeDestination(fields.get("url") ?? ""),
    slug: fields.get("slug")?.trim() || undefined,
    owner: fields.get("owner")?.trim() || undefined,
  });
}

function fromJson(value: { url?: unknown; slug?: unknown; owner?: unknown }): NewLink | Refusal {
  return check({ url: value.url, slug: value.slug ?? undefined, owner: value.owner ?? undefined });
}

function check(wanted: { url: unknown; slug: unknown; owner: unknown }): NewLink | Refusal {
  const url = checkDestination(wanted.url);
  if (url instanceof Refusal) return url;
  const slug = wanted.slug === undefined ? undefined : chosenSlug(wanted.slug);
  if (slug instanceof Refusal) return slug;
  const owner = checkOwner(wanted.owner);
  if (owner instanceof Refusal) return owner;
  return { url, ...(slug === undefined ? {} : { slug }), ...(owner === undefined ? {} : { owner }) };
}

function checkOwner(value: unknown): string | undefined | Refusal {
  if (value === undefined) return undefined;
  if (typeof value === "string" && OWNER.test(value)) return value;
  return new Refusal(
    "bad_owner",
    "An owner is at most 64 letters, digits, spaces or . _ @ -, and starts with a letter or digit.",
  );
}
