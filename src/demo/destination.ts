/**
 * Where a link may lead: an http or https URL of at most 2048 characters that is safe to put in a Location header and in
 * an attribute. What is plain is kept as it was written; what is not is kept as the URL standard writes it
 * (https://url.spec.whatwg.org), or refused.
 */
import { Refusal } from "./refusal.ts";

export const URL_LENGTH_MAX = 2048;

/** ASCII without spaces, controls, and the characters that URL parsers disagree on. */
const PLAIN = /^[!#-;=?-[\]_a-z~]+$/;
/** C0 controls and DEL. The URL parser drops tab, CR and LF silently; a header would not. */
const CONTROL = /[\u0000-\u001f\u007f]/;
/** `example.com/x` or `example.com:8080`, as people type it; never `javascript:…`, which has no dot before its colon. */
const BARE_HOST = /^[\w-]+(\.[\w-]+)+(:\d+)?([/?#]|$)/;

export function checkDestination(value: unknown): string | Refusal {
  if (typeof value !== "string" || value.trim() === "") return bad("Enter a link to shorten.");
  const text = value.trim();
  if (text.length > URL_LENGTH_MAX) return bad(`A link may have at most ${URL_LENGTH_MAX} characters.`);
  if (CONTROL.test(text)) return bad("A link cannot contain line breaks or control characters.");
  const url = URL.parse(text);
  if (url === null) return bad("That is not a link. It should look like https://example.com/page.");
  if (url.protocol !== "http:" && url.protocol !== "https:") return bad("Only http and https links can be shortened.");
  if (!/^https?:\/\/[^/\\]/i.test(text))
    return bad("That is not a link. It should look like https://example.com/page.");
  if (url.username !== "" || url.password !== "") return bad("A link cannot carry a user name or password.");
  const kept = PLAIN.test(text) ? text : url.href;
  if (kept.length > URL_LENGTH_MAX) return bad(`A link may have at most ${URL_LENGTH_MAX} characters.`);
  return kept;
}

/** What a person typed into the form: `example.com` is meant to be `https://example.com`. */
export function completeDestination(text: string): string {
  const trimmed = text.trim();
  return BARE_HOST.test(trimmed) ? `https://${trimmed}` : trimmed;
}

function bad(message: string): Refusal {
  return new Refusal("bad_url", message);
}
