/**
 * One plain value against the shape of its knob: the value for the typed tree, or what is wrong with it. Not tables, lists
 * and maps (`resolve.ts`). Invariant: a hidden value is in no message.
 */
import { isAbsolute, resolve } from "node:path";
import {
  type AddressFlaw,
  formatAddress,
  PORT_MAX,
  parseAddress,
  UNIX_PATH_BYTES_MAX,
} from "../../proxy/base/address.ts";
import type {
  AddressShape,
  NumberShape,
  PathShape,
  Shape,
  SpanShape,
  TextShape,
  UrlShape,
} from "../../proxy/base/schema.ts";
import { TEXT_LENGTH_MAX } from "../../proxy/base/schema.ts";
import { describe } from "./describe.ts";
import type { Flaw } from "./interpolate.ts";
import { maskUrls } from "./mask-url.ts";
import { formatBytes, formatDuration, meantDuration, parseBytes, parseDuration } from "./measure.ts";
import type { Scalar } from "./node.ts";
import { didYouMean } from "./did-you-mean.ts";
import { parseUrl } from "./url.ts";

export interface Given {
  readonly node: Scalar;
  /** The text after references were looked up; undefined when the value is not a text. */
  readonly text: string | undefined;
  /** Came from the environment, a flag or a reference, and so may stand for any kind of value. */
  readonly free: boolean;
  readonly hidden: boolean;
  /** The last word of the knob's path. */
  readonly name: string;
  /** What relative paths are relative to. */
  readonly folder: string;
}

export type Outcome = { readonly value: unknown; readonly flaw?: undefined } | { readonly flaw: Flaw };

export type LeafShape = Exclude<Shape, { readonly kind: "table" | "map" | "list" | "either" }>;

export function readLeaf(shape: LeafShape, given: Given): Outcome {
  switch (shape.kind) {
    case "integer":
    case "number":
      return readNumber(shape, given);
    case "flag":
      return readFlag(shape, given);
    case "address":
      if (given.node.kind === "integer") return readAddress(shape, given, String(given.node.value));
      break;
  }
  if (given.text === undefined) return wrongType(shape, given);
  switch (shape.kind) {
    case "text":
      return readText(shape, given, given.text);
    case "duration":
    case "bytes":
      return readSpan(shape, given, given.text);
    case "choice":
      return readChoice(shape.of, given, given.text);
    case "address":
      return readAddress(shape, given, given.text);
    case "url":
      return readUrl(shape, given.text);
    case "path":
      return readPath(shape, given, given.text);
  }
}

export const HIDDEN_SUBJECT = "its value";

/** The value as a message may say it. */
export function subject(given: Given): string {
  if (given.hidden) return HIDDEN_SUBJECT;
  const text = given.text === undefined ? String(given.node.value) : JSON.stringify(maskUrls(given.text));
  return text.length > 64 ? `${text.slice(0, 60)}…` : text;
}

/** What kind of thing somebody wrote. */
export function kindOf(node: Scalar): string {
  switch (node.kind) {
    case "text":
    case "words":
      return "a text";
    case "integer":
    case "float":
      return "a number";
    case "flag":
      return "a flag";
    case "date":
      return "a date";
  }
}

function flawed(
  code: Flaw["code"],
  reason: string,
  more: { readonly why?: string; readonly fix?: string } = {},
): Outcome {
  return { flaw: { code, reason, ...more } };
}

function wrongType(shape: Shape, given: Given): Outcome {
  const isWords = given.free && given.text !== undefined;
  const what = isWords
    ? `${subject(given)} is not ${describe(shape)}`
    : `${subject(given)} is ${kindOf(given.node)}, wanted ${describe(shape)}`;
  const fix = quotesFix(shape, given);
  return flawed("CONFIG_TYPE", what, fix === undefined ? {} : { fix });
}

function quotesFix(shape: Shape, given: Given): string | undefined {
  if (given.hidden) return undefined;
  const { name, text, node } = given;
  if (shape.kind === "duration" && node.kind === "integer") return `Write it with a unit: ${name} = "${node.value}s"`;
  if (shape.kind === "bytes" && node.kind === "integer") return `Write it with a unit: ${name} = "512MB"`;
  const isNumber = shape.kind === "integer" || shape.kind === "number";
  if (isNumber && text !== undefined && /^[0-9]+$/.test(text)) return `Write it without quotes: ${name} = ${text}`;
  if (shape.kind === "flag" && /^(true|false)$/i.test(text ?? "")) {
    return `Write it without quotes: ${name} = ${(text ?? "").toLowerCase()}`;
  }
  const isPlain = shape.kind === "text" || shape.kind === "path" || shape.kind === "url";
  return isPlain && text === undefined ? `Put it in quotes: ${name} = "${node.value}"` : undefined;
}

function readNumber(shape: NumberShape, given: Given): Outcome {
  const value = numberOf(shape, given);
  if (value === undefined) return wrongType(shape, given);
  if (value >= shape.min && value <= shape.max) return { value };
  const limit = value < shape.min ? `less than ${shape.min}` : `more than ${shape.max}`;
  return flawed("CONFIG_RANGE", `${subject(given)} is ${limit}`, { fix: `Set it to ${describe(shape)}` });
}

function numberOf(shape: NumberShape, { node, text, free }: Given): number | undefined {
  if (node.kind === "integer") return Number(node.value);
  if (node.kind === "float") return shape.kind === "number" && !Number.isNaN(node.value) ? node.value : undefined;
  if (!free || text === undefined) return undefined;
  const pattern = shape.kind === "integer" ? /^[-+]?[0-9]{1,18}$/ : /^[-+]?[0-9]{1,18}(\.[0-9]{1,18})?$/;
  return pattern.test(text.trim()) ? Number(text) : undefined;
}

function readFlag(shape: Shape, given: Given): Outcome {
  if (given.node.kind === "flag") return { value: given.node.value };
  const word = given.free ? (given.text ?? "").trim().toLowerCase() : "";
  if (["true", "yes", "on", "1"].includes(word)) return { value: true };
  if (["false", "no", "off", "0"].includes(word)) return { value: false };
  return wrongType(shape, given);
}

function readText(shape: TextShape, given: Given, text: string): Outcome {
  const limit = shape.lengthMax ?? TEXT_LENGTH_MAX;
  if (text.length > limit) return flawed("CONFIG_TEXT", `it has ${text.length} characters, more than ${limit}`);
  if (text.includes("\0")) return flawed("CONFIG_TEXT", "there is a zero byte in it");
  if (shape.names !== undefined && text === "") return flawed("CONFIG_TEXT", `it is empty, wanted ${describe(shape)}`);
  if (shape.pattern === undefined || new RegExp(shape.pattern).test(text)) return { value: text };
  return flawed("CONFIG_TEXT", `${subject(given)} is not ${describe(shape)}`);
}

function readSpan(shape: SpanShape, given: Given, text: string): Outcome {
  const isDuration = shape.kind === "duration";
  const [parse, format] = isDuration ? [parseDuration, formatDuration] : [parseBytes, formatBytes];
  const value = parse(text.trim());
  const min = parse(shape.min) ?? 0;
  const max = parse(shape.max) ?? Number.MAX_SAFE_INTEGER;
  if (value === undefined) {
    const meant = isDuration && !given.hidden ? meantDuration(text) : undefined;
    const fix = meant === undefined ? `Write ${describe(shape)}` : `Write ${given.name} = "${meant}"`;
    const why = isDuration
      ? "The units are ms, s, m, h and d."
      : "The units are B, KB, MB, GB and TB; 1KB is 1024 bytes.";
    return flawed(
      isDuration ? "CONFIG_DURATION" : "CONFIG_BYTES",
      `${subject(given)} is not a ${isDuration ? "duration" : "size"}`,
      { why, fix },
    );
  }
  if (value >= min && value <= max) return { value };
  const limit = value < min ? `less than ${format(min)}` : `more than ${format(max)}`;
  return flawed("CONFIG_RANGE", `${subject(given)} is ${limit}`, { fix: `Set it to ${describe(shape)}` });
}

function readChoice(of: readonly string[], given: Given, text: string): Outcome {
  if (of.includes(text)) return { value: text };
  const meant = given.hidden ? undefined : didYouMean(text, of);
  const reason = `${subject(given)} is not ${describe({ kind: "choice", of })}`;
  return flawed("CONFIG_CHOICE", meant === undefined ? reason : `${reason}, did you mean "${meant}"`, {
    ...(meant === undefined ? {} : { fix: `Write ${given.name} = "${meant}"` }),
  });
}

const addressFlaws = {
  empty: "is empty",
  url: "is a URL, not an address",
  "no host": "has no host before the port",
  "no port": "has no port",
  "bad port": `has a port that is not from 0 to ${PORT_MAX}`,
  "bad host": "has a host that is not a name or an IP address",
  "no path": "has no path behind unix:",
  "long path": `has a path longer than the ${UNIX_PATH_BYTES_MAX} bytes that a unix socket may have`,
} as const satisfies Record<AddressFlaw, string>;

function readAddress(shape: AddressShape, given: Given, text: string): Outcome {
  const address = parseAddress(text.trim());
  const wanted = { fix: `Write ${describe(shape)}` };
  if (typeof address === "string") {
    const fix =
      address === "bad host" && text.includes("::") ? { fix: 'Put an IPv6 address in brackets: "[::1]:3000"' } : wanted;
    return flawed("CONFIG_ADDRESS", `${subject(given)} ${addressFlaws[address]}`, fix);
  }
  if (address.path !== undefined) return { value: `unix:${absolute(address.path, given.folder)}` };
  if (shape.use === "dial" && address.port === 0)
    return flawed("CONFIG_ADDRESS", `${subject(given)} has port 0, which nobody can dial`, wanted);
  return { value: formatAddress(address) };
}

function readUrl(shape: UrlShape, text: string): Outcome {
  const url = parseUrl(text, shape.schemes);
  if (typeof url !== "string") return { value: text };
  return flawed("CONFIG_URL", url);
}

function readPath(shape: PathShape, given: Given, text: string): Outcome {
  if (shape.orPem === true && text.startsWith("-----BEGIN")) return { value: text };
  if (text === "") return flawed("CONFIG_TEXT", "it is empty, wanted a path");
  if (text.includes("\0")) return flawed("CONFIG_TEXT", "there is a zero byte in it");
  return { value: absolute(text, given.folder) };
}

function absolute(path: string, folder: string): string {
  return isAbsolute(path) ? path : resolve(folder, path);
}
