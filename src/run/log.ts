/**
 * The real `Log` (proxy/base/log.ts): JSON by pino, or lines for a person on a terminal, on stderr. pino is loaded only when
 * JSON is written, so that no command pays for it that logs nothing. Invariants: a log call never throws and never
 * waits; what is secret by its name or its form never gets out (log-redact.ts); one level holds for all children of a log.
 */
import { isatty } from "node:tty";
import type { Clock } from "../../proxy/base/clock.ts";
import type { Log, LogFields, LogLevel } from "../../proxy/base/log.ts";
import { clock as realClock } from "./clock.ts";
import { prettyLine, wantsColour } from "./log-pretty.ts";
import { redactFields, type PlainFields } from "./log-redact.ts";
import { LogSink, STDERR, type LineSink } from "./log-sink.ts";

export type LogFormat = "auto" | "json" | "pretty";
/** "keeper", "steward", "worker", "up", or the role of another crew of a box. */
export type ProcessKind = string;

export interface LogOptions {
  readonly level: LogLevel;
  readonly format: LogFormat;
  readonly box: string;
  readonly role: string;
  readonly process: ProcessKind;
  /** 1 … n for workers, 0 for the others. */
  readonly index: number;
  readonly clock?: Clock;
  /** Where lines go and whether that is a terminal; stderr when absent. */
  readonly sink?: LineSink;
  readonly tty?: boolean;
  readonly env?: { readonly [name: string]: string | undefined };
}

export interface ProcessLog extends Log {
  readonly level: LogLevel;
  /** For a reload; holds for every log made by `with`, too. */
  setLevel(level: LogLevel): void;
  /** Before the process ends. */
  flush(): void;
}

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

/** Names that every line has of its own; a field of such a name is written as `its_NAME`. */
const OWN_NAMES = new Set(["level", "time", "box", "role", "process", "index", "pid", "event"]);

type Render = (level: LogLevel, event: string, fields: PlainFields) => string;

export async function makeLog(options: LogOptions): Promise<ProcessLog> {
  const tty = options.tty ?? isatty(STDERR);
  const clock = options.clock ?? realClock;
  const render =
    logFormat(options.format, tty) === "json" ? await jsonRender(options, clock) : prettyRender(options, clock, tty);
  const lost = (lines: number) => render("warn", "log_lines_dropped", { lines });
  const sink = options.sink ?? new LogSink({ clock, lost });
  return new FieldLog({ level: options.level, render, sink }, {});
}

/** What "auto" means. The keeper asks once and tells its children, whose stderr may be a pipe to it. */
export function logFormat(format: LogFormat, tty: boolean): "json" | "pretty" {
  if (format !== "auto") return format;
  return tty ? "pretty" : "json";
}

/** What all logs of a process share. */
interface Outlet {
  level: LogLevel;
  readonly render: Render;
  readonly sink: LineSink;
}

class FieldLog implements ProcessLog {
  readonly #outlet: Outlet;
  readonly #fields: PlainFields;

  constructor(outlet: Outlet, fields: PlainFields) {
    this.#outlet = outlet;
    this.#fields = fields;
  }

  get level(): LogLevel {
    return this.#outlet.level;
  }

  debug(event: string, fields?: LogFields): void {
    this.#say("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#say("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#say("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#say("error", event, fields);
  }

  with(fields: LogFields): ProcessLog {
    return new FieldLog(this.#outlet, { ...this.#fields, ...cleaned(fields) });
  }

  setLevel(level: LogLevel): void {
    this.#outlet.level = level;
  }

  flush(): void {
    this.#outlet.sink.flush();
  }

  #say(level: LogLevel, event: string, fields: LogFields | undefined): void {
    if (RANK[level] < RANK[this.#outlet.level]) return;
    const all = fields === undefined ? this.#fields : { ...this.#fields, ...cleaned(fields) };
    this.#outlet.sink.write(this.#outlet.render(level, event, all));
  }
}

/** A field's getter may throw; that must not end the conversation that was to be logged. */
function cleaned(fields: LogFields): PlainFields {
  try {
    const plain = redactFields(fields);
    if (!Object.keys(plain).some((name) => OWN_NAMES.has(name))) return plain;
    return Object.fromEntries(
      Object.entries(plain).map(([name, value]) => [OWN_NAMES.has(name) ? `its_${name}` : name, value]),
    );
  } catch (error) {
    return { fields_unreadable: error instanceof Error ? error.name : typeof error };
  }
}

function prettyRender(options: LogOptions, clock: Clock, tty: boolean): Render {
  const coloured = wantsColour(tty, options.env ?? process.env);
  const who = `${options.role}/${options.process === "worker" ? options.index : options.process}`;
  return (level, event, fields) => prettyLine({ wallMs: clock.wall(), level, who, event, fields }, coloured);
}

async function jsonRender(options: LogOptions, clock: Clock): Promise<Render> {
  const { pino } = await import("pino");
  const { box, role, index } = options;
  let line = "";
  const logger = pino(
    {
      level: "debug",
      base: { box, role, process: options.process, index, pid: process.pid },
      timestamp: () => `,"time":"${new Date(clock.wall()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    {
      write(text: string) {
        line = text;
      },
    },
  );
  return (level, event, fields) => {
    logger[level]({ event, ...fields });
    return line;
  };
}
