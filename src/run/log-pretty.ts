/**
 * A log line for a person at a terminal: `12:03:04 info  app/1         worker_ready  pid=4242`. Not for machines, which
 * get JSON. Nothing in a field can move the cursor or colour the screen: control characters are written out.
 */
import type { LogLevel } from "../../proxy/base/log.ts";
import type { Plain, PlainFields } from "./log-redact.ts";

const WHO_WIDTH = 12;
const EVENT_WIDTH = 22;
const BARE = /^[\w./:@+%,\[\]-]+$/;
/** C0 (but the line feed), delete, C1, and the marks that turn text around. */
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

const COLOURS = { debug: "2", info: "32", warn: "33", error: "31" } as const satisfies Record<LogLevel, string>;
const DIM = "2";

export interface PrettyLine {
  readonly wallMs: number;
  readonly level: LogLevel;
  /** `app/1`, `app/keeper`. */
  readonly who: string;
  readonly event: string;
  readonly fields: PlainFields;
}

/** One line, or more when an error brings its stack; ends in a line feed. */
export function prettyLine(line: PrettyLine, coloured: boolean): string {
  const paint = (code: string, text: string) => (coloured ? `\u001b[${code}m${text}\u001b[0m` : text);
  const stacks: string[] = [];
  const pairs = Object.entries(line.fields).map(([name, value]) => {
    const [short, stack] = withoutStack(value);
    if (stack !== undefined) stacks.push(stack);
    return ` ${paint(DIM, `${visible(name)}=`)}${show(short)}`;
  });
  const event = visible(line.event);
  const head = [
    paint(DIM, timeOfDay(line.wallMs)),
    paint(COLOURS[line.level], line.level.padEnd(5)),
    visible(line.who).padEnd(WHO_WIDTH),
    pairs.length === 0 ? event : event.padEnd(EVENT_WIDTH),
  ].join(" ");
  return `${[head + pairs.join(""), ...stacks.map(indented)].join("\n")}\n`;
}

/** Colours only where a person will see them: on a terminal that can, unless NO_COLOR (no-color.org) is set. */
export function wantsColour(tty: boolean, env: { readonly [name: string]: string | undefined }): boolean {
  return tty && (env["NO_COLOR"] ?? "") === "" && env["TERM"] !== "dumb";
}

function timeOfDay(wallMs: number): string {
  const at = new Date(wallMs);
  return [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
}

/** An error is shown by its message; its stack goes below the line. */
function withoutStack(value: Plain): [Plain, string | undefined] {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [value, undefined];
  const { stack, ...rest } = value as PlainFields;
  return typeof stack === "string" ? [rest, stack] : [value, undefined];
}

function show(value: Plain): string {
  if (typeof value !== "string") return visible(JSON.stringify(value));
  return BARE.test(value) ? value : visible(JSON.stringify(value));
}

function visible(text: string): string {
  return text
    .replace(CONTROL, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .replaceAll("\n", "\\n");
}

function indented(stack: string): string {
  return stack
    .split("\n")
    .map((line) => `    ${visible(line.trimEnd())}`)
    .join("\n");
}
