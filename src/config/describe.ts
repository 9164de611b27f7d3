/** What a value may be, in words: for messages, explanations and the reference. Pure. */
import type { Row, Shape, Written } from "../../proxy/base/schema.ts";

/** As in "wanted a whole number from 1 to 256". */
export function describe(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      if (shape.looksLike !== undefined) return shape.looksLike;
      return shape.names === undefined ? "a text" : `the name of a [${shape.names}.NAME]`;
    case "integer":
      return `a whole number from ${shape.min} to ${shape.max}`;
    case "number":
      return `a number from ${shape.min} to ${shape.max}`;
    case "flag":
      return "true or false";
    case "duration":
      return `a duration from ${shape.min} to ${shape.max}, such as "30s"`;
    case "bytes":
      return `a size from ${shape.min} to ${shape.max}, such as "512MB"`;
    case "choice":
      return words(shape.of.map((word) => JSON.stringify(word)));
    case "address":
      return shape.use === "listen"
        ? 'an address such as "127.0.0.1:3000", a port, or "unix:PATH"'
        : 'an address such as "app1:3000" or "unix:PATH"';
    case "url":
      return `a URL that begins with ${words(shape.schemes.map((scheme) => `${scheme}://`))}`;
    case "path":
      return shape.orPem === true ? "a path, or the PEM text itself" : "a path";
    case "list":
      return `a list, each ${describe(shape.of)}`;
    case "map":
      return shape.of.kind === "table" ? "a table of tables" : `a table, each value ${describe(shape.of)}`;
    case "table":
      return shape.short === undefined ? "a table" : `a table, or for short ${describeShort(shape.rows[shape.short])}`;
    case "either":
      return words(shape.of.map(describe));
  }
}

/** One or two words, for tables of knobs. */
export function kindName(shape: Shape): string {
  switch (shape.kind) {
    case "text":
      return shape.names === undefined ? "text" : `name of a [${shape.names}.NAME]`;
    case "integer":
      return `whole number ${shape.min}…${shape.max}`;
    case "number":
      return `number ${shape.min}…${shape.max}`;
    case "flag":
      return "true or false";
    case "duration":
      return `duration ${shape.min}…${shape.max}`;
    case "bytes":
      return `size ${shape.min}…${shape.max}`;
    case "choice":
      return words(shape.of.map((word) => JSON.stringify(word)));
    case "address":
      return "address";
    case "url":
      return "URL";
    case "path":
      return "path";
    case "list":
      return `list of ${kindName(shape.of)}`;
    case "map":
      return `table of ${kindName(shape.of)}`;
    case "table":
      return "table";
    case "either":
      return words(shape.of.map(kindName));
  }
}

/** "a, b or c". */
export function words(all: readonly string[]): string {
  const last = all.at(-1) ?? "";
  return all.length < 2 ? last : `${all.slice(0, -1).join(", ")} or ${last}`;
}

/** What the knob is when nobody sets it; undefined when it is then absent. */
export function defaultOf(row: Row): string | undefined {
  if (row.defaultText !== undefined) return row.defaultText;
  return row.default === undefined ? undefined : writeToml(row.default);
}

/** A value as TOML would say it on one line. */
export function writeToml(value: Written): string {
  if (typeof value === "string") return JSON.stringify(value).replaceAll("\u007f", "\\u007F");
  if (typeof value !== "object") return String(value);
  if (Array.isArray(value)) return `[${value.map((item: Written) => writeToml(item)).join(", ")}]`;
  const parts = Object.entries(value).map(([name, part]) => `${writeKey(name)} = ${writeToml(part)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}

export function writeKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name);
}

/** The path of a knob as TOML would say it, with [0] for the items of a list. */
export function writePath(path: readonly (string | number)[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? writeKey(part) : `.${writeKey(part)}`;
  }
  return text;
}

function describeShort(row: Row | undefined): string {
  return row === undefined ? "a text" : describe(row);
}
