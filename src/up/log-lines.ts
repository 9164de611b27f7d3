/**
 * Lines of a box's log for a person: those of scale are JSON in the file, and are shown as they look on a terminal; what the
 * program wrote itself stays as it is, but for what would move the cursor.
 */
import type { LogLevel } from "../../proxy/base/log.ts";
import { prettyLine } from "../run/log-pretty.ts";
import type { PlainFields } from "../run/log-redact.ts";

export interface LogLine {
  /** Without line feed at the end. */
  readonly text: string;
  /** Absent of what the program wrote itself. */
  readonly level?: LogLevel;
}

const LEVELS: readonly string[] = ["debug", "info", "warn", "error"];
/** Those stand in the beginning of a shown line, or say the same in every line. */
const SHOWN_APART = new Set(["level", "time", "box", "role", "process", "index", "pid", "event"]);
const COLOUR = /\u001b\[[0-9;]*m/g;
/** C0 but tab and escape (colours of the program), delete, C1. */
const CONTROL = /[\u0000-\u0008\u000b-\u001a\u001c-\u001f\u007f-\u009f]/g;
/** What begins with an escape and is no colour. */
const CURSOR = /\u001b(?!\[[0-9;]*m)/g;

export function readLine(text: string, coloured: boolean): LogLine {
  const line = text.startsWith("{") ? parse(text) : undefined;
  if (line === undefined) {
    const plain = coloured ? text : text.replace(COLOUR, "");
    return { text: plain.replace(CONTROL, "").replace(CURSOR, "") };
  }
  const fields = Object.fromEntries(Object.entries(line.fields).filter(([name]) => !SHOWN_APART.has(name)));
  const shown = prettyLine({ ...line, fields: fields as PlainFields }, coloured);
  return { text: shown.trimEnd(), level: line.level };
}

interface Parsed {
  readonly wallMs: number;
  readonly level: LogLevel;
  readonly who: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A line of ours; a program may write JSON of its own. */
function parse(text: string): Parsed | undefined {
  const fields = jsonOf(text);
  if (fields === undefined) return undefined;
  const { level, time, role, process, index, event } = fields;
  if (typeof level !== "string" || !LEVELS.includes(level) || typeof event !== "string") return undefined;
  if (typeof time !== "string" || typeof process !== "string") return undefined;
  const who = `${String(role)}/${process === "worker" ? String(index) : process}`;
  return { wallMs: Date.parse(time), level: level as LogLevel, who, event, fields };
}

function jsonOf(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
