/**
 * Makes what a log line carries safe to keep: nothing under a name that says it is a secret, no password inside a URL or
 * a connection text, no bytes, and a bound on depth, entries and length. Not a parser: where a text is ambiguous it
 * hides too much. The result is plain data (text, numbers, booleans, arrays, records), so that writing it cannot fail.
 */
import { Problem } from "../problem/problem.ts";
export const REDACTED = "[redacted]";

/** Limits of what one line may carry; what is beyond is cut and says so. */
const DEPTH_MAX = 4;
const ENTRIES_MAX = 64;
const TEXT_MAX = 4_096;

const SECRET_NAME = /passw|passphrase|token|secret|authorization|cookie|credential|private_?key|api_?key/i;

/** `scheme://user:password@`, up to the last @ of the word; not `scheme://host:port/`. */
const URL_PASSWORD = /(\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s:@/?#]{0,256}):(?!\d{1,5}(?:[/?#\s]|$))\S*@/gi;
/** `password=…` as in a query or a libpq connection text. */
const PAIR = /((?:password|passwd|token|secret)\s?=\s?)(?:"[^"]*"|'[^']*'|[^\s&,;'"]+)/gi;
const HEADER = /\b((?:proxy-)?authorization|(?:set-)?cookie)\s?[:=][^\r\n]+/gi;
const BEARER = /\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi;

/**
 * Of what an error carries only these names: a database's error also carries the statement, its parameters and the row
 * that clashed, and those are the client's.
 */
const ERROR_NAMES = [
  "code",
  "errno",
  "syscall",
  "path",
  "address",
  "port",
  "side",
  "retry",
  "cause",
  "errors",
  "stack",
];

export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [name: string]: Plain };

export type PlainFields = { readonly [name: string]: Plain };

export function redactFields(fields: { readonly [name: string]: unknown }): PlainFields {
  return record(fields, DEPTH_MAX);
}

export function redactText(text: string): string {
  const cut = text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX)}… (${text.length} characters)` : text;
  return cut
    .replace(URL_PASSWORD, `$1:${REDACTED}@`)
    .replace(PAIR, `$1${REDACTED}`)
    .replace(HEADER, `$1: ${REDACTED}`)
    .replace(BEARER, `$1 ${REDACTED}`);
}

function record(from: object, depth: number): PlainFields {
  const to: { [name: string]: Plain } = {};
  const entries = Object.entries(from);
  for (const [name, value] of entries.slice(0, ENTRIES_MAX)) {
    if (value === undefined || typeof value === "function") continue;
    // `__proto__` as a plain assignment would set the prototype and lose the field.
    Object.defineProperty(to, name, { value: field(name, value, depth), enumerable: true, configurable: true });
  }
  if (entries.length > ENTRIES_MAX) to["…"] = `${entries.length - ENTRIES_MAX} more`;
  return to;
}

function field(name: string, value: unknown, depth: number): Plain {
  return SECRET_NAME.test(name) && value !== null ? REDACTED : plain(value, depth);
}

function plain(value: unknown, depth: number): Plain {
  switch (typeof value) {
    case "string":
      return redactText(value);
    case "number":
      return Number.isFinite(value) ? value : String(value);
    case "boolean":
      return value;
    case "object":
      return value === null ? null : structure(value, depth - 1);
    case "bigint":
    case "symbol":
    case "function":
    case "undefined":
      return String(value);
  }
}

function structure(value: object, depth: number): Plain {
  if (value instanceof URL) return redactText(value.href);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth < 0) return Array.isArray(value) ? `[${value.length} items]` : "[object]";
  if (value instanceof Error) return fault(value, depth);
  if (value instanceof Map) return record(Object.fromEntries(value), depth);
  if (value instanceof Set || Array.isArray(value)) return list([...value], depth);
  return record(value, depth);
}

function list(items: readonly unknown[], depth: number): Plain {
  const kept = items.slice(0, ENTRIES_MAX).map((item) => plain(item, depth));
  return items.length > ENTRIES_MAX ? [...kept, `${items.length - ENTRIES_MAX} more`] : kept;
}

function fault(error: Error, depth: number): Plain {
  const said = Object.fromEntries(ERROR_NAMES.map((name) => [name, Reflect.get(error, name)]));
  return record({ type: error.name, message: error.message, ...said }, depth);
}

/** The same problem for people's eyes: a program's own message may hold a URL with a password. */
export function redactProblem({ code, parts }: Problem): Problem {
  const { what, where, why, fix } = parts;
  return new Problem(code, {
    ...parts,
    what: redactText(what),
    ...(why === undefined ? {} : { why: redactText(why) }),
    ...(fix === undefined ? {} : { fix: redactText(fix) }),
    ...(where?.text === undefined ? {} : { where: { ...where, text: redactText(where.text) } }),
  });
}
