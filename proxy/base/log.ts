/**
 * What a process says while it runs. An event is a snake_case constant, everything else goes into fields.
 * error = wake someone; warn = a peer or a limit; info = lifecycle; debug = one conversation.
 * Never SQL text, parameters, credentials, bodies, cookies or authorization headers.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

export type LogFields = { readonly [name: string]: unknown };

export interface Log {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
  /** The same log with `fields` on every line. */
  with(fields: LogFields): Log;
}
