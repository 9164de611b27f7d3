/** A `Log` that keeps what it is told, for tests to look at. Nothing is filtered by level or redacted. */
import type { Log, LogFields, LogLevel } from "../../proxy/base/log.ts";

export interface LogEntry {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: LogFields;
}

export class RecordingLog implements Log {
  /** In the order they were said, by this log and all that came from it by `with`. */
  readonly entries: LogEntry[];
  readonly #fields: LogFields;

  constructor(entries: LogEntry[] = [], fields: LogFields = {}) {
    this.entries = entries;
    this.#fields = fields;
  }

  debug(event: string, fields?: LogFields): void {
    this.#keep("debug", event, fields);
  }

  info(event: string, fields?: LogFields): void {
    this.#keep("info", event, fields);
  }

  warn(event: string, fields?: LogFields): void {
    this.#keep("warn", event, fields);
  }

  error(event: string, fields?: LogFields): void {
    this.#keep("error", event, fields);
  }

  with(fields: LogFields): RecordingLog {
    return new RecordingLog(this.entries, { ...this.#fields, ...fields });
  }

  /** The events of one level, or of all. */
  events(level?: LogLevel): string[] {
    return this.entries.filter((entry) => level === undefined || entry.level === level).map((entry) => entry.event);
  }

  #keep(level: LogLevel, event: string, fields: LogFields = {}): void {
    this.entries.push({ level, event, fields: { ...this.#fields, ...fields } });
  }
}
