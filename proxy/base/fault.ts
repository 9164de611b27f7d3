/**
 * Why a conversation, or one exchange of it, ended other than well: whose doing it was, and whether the same may be tried
 * again. Thrown where it is found, caught by the one guard of its conversation, told to the peer in the peer's tongue. Not
 * for expected answers (pool full: return a union), and not for people's mistakes (`Problem`, src/problem).
 * Invariant: the codes are a closed set; the tables that turn them into SQLSTATEs and HTTP statuses are
 * `satisfies Record<FaultCode, …>`, so a new code does not compile until both tongues can say it.
 */
import { Bug } from "./assert.ts";

export interface FaultDefaults {
  /** Who caused it: the one who dialled us, the one we dialled, or we. */
  readonly side: "client" | "server" | "self";
  /**
   * Whether trying again is safe and useful: "same" target, "elsewhere" (another target), or "never". Where it depends on
   * how much was already sent, the row says what holds when something was, and the thrower who knows better says so.
   */
  readonly retry: "never" | "same" | "elsewhere";
  /** What is over: this request and its response, or the client's whole conversation. */
  readonly scope: "exchange" | "conversation";
}

export const FAULTS = {
  /** The client closed or reset in the middle of something. */
  CLIENT_GONE: { side: "client", retry: "never", scope: "conversation" },
  /** The client took longer than a named limit to send or to take what it had to. */
  CLIENT_SLOW: { side: "client", retry: "never", scope: "conversation" },
  /** What the client sent cannot be framed, or is not allowed at this place of the protocol. */
  CLIENT_PROTOCOL: { side: "client", retry: "never", scope: "conversation" },
  /** A head, frame or body of the client is larger than a named limit. */
  CLIENT_TOO_LARGE: { side: "client", retry: "never", scope: "conversation" },
  /** The client is not who it must be. */
  CLIENT_LOGIN: { side: "client", retry: "never", scope: "conversation" },
  /** The server's address refused, reset or is unknown: nothing was sent. */
  SERVER_UNREACHABLE: { side: "server", retry: "elsewhere", scope: "exchange" },
  /** Dialling, TLS or login did not end in time: nothing of the client's was sent. */
  SERVER_DIAL_SLOW: { side: "server", retry: "elsewhere", scope: "exchange" },
  /** The server refused our login or our TLS. */
  SERVER_LOGIN: { side: "server", retry: "elsewhere", scope: "exchange" },
  /** The server closed or reset while it owed an answer: it may have acted. */
  SERVER_GONE: { side: "server", retry: "never", scope: "exchange" },
  /** The server owes an answer for longer than a named limit: it may still act. */
  SERVER_SLOW: { side: "server", retry: "never", scope: "exchange" },
  /** What the server sent cannot be framed, or answers nothing that was asked. */
  SERVER_PROTOCOL: { side: "server", retry: "never", scope: "exchange" },
  /** There is no target that may be used. */
  NO_TARGET: { side: "server", retry: "same", scope: "exchange" },
  /** A limit of ours is reached (places, memory, rate); nothing was done. */
  OVERLOADED: { side: "self", retry: "same", scope: "exchange" },
  /** This process is draining and starts nothing new. */
  DRAINING: { side: "self", retry: "elsewhere", scope: "conversation" },
  /** Our code is wrong. */
  BUG: { side: "self", retry: "never", scope: "conversation" },
} as const satisfies Record<string, FaultDefaults>;

export type FaultCode = keyof typeof FAULTS;

export interface FaultOptions extends Partial<FaultDefaults> {
  readonly cause?: unknown;
}

export class Fault extends Error {
  readonly code: FaultCode;
  readonly side: FaultDefaults["side"];
  readonly retry: FaultDefaults["retry"];
  readonly scope: FaultDefaults["scope"];

  /** `what` is for the log: `Cannot <verb> <thing>: <what is>`. It never carries SQL, parameters or credentials. */
  constructor(code: FaultCode, what: string, options: FaultOptions = {}) {
    super(what, "cause" in options ? { cause: options.cause } : undefined);
    const row: FaultDefaults = FAULTS[code];
    this.name = "Fault";
    this.code = code;
    this.side = options.side ?? row.side;
    this.retry = options.retry ?? row.retry;
    this.scope = options.scope ?? row.scope;
  }
}

/** For the guard: a Fault as it is, and anything else that was thrown as the bug that it is. */
export function faultOf(thrown: unknown): Fault {
  if (thrown instanceof Fault) return thrown;
  const what = thrown instanceof Error ? thrown.message : String(thrown);
  return new Fault("BUG", thrown instanceof Bug ? what : `Cannot go on: "${what}" was thrown`, { cause: thrown });
}
