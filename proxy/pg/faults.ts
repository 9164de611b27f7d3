/**
 * How Postgres' tongue says why a conversation or exchange ended: for each code of a Fault the SQLSTATE and the words that
 * the client gets. What the Fault says itself is for the log: here is nothing of addresses, of SQL or of other clients.
 * Invariant: every code has a row (a new one does not compile without), and a driver that knows SQLSTATEs decides right:
 * 57P01 and 57P03 may be tried again, 08006 may have acted.
 */
import type { Fault, FaultCode } from "../base/fault.ts";
import type { NoticeWords } from "./notice.ts";
import { SQLSTATE, type SqlState } from "./sqlstate.ts";

interface FaultWords {
  readonly code: SqlState;
  readonly message: string;
  readonly hint?: string;
}

const WORDS = {
  CLIENT_GONE: { code: SQLSTATE.connectionFailure, message: "the client closed the connection" },
  CLIENT_SLOW: { code: SQLSTATE.idleSessionTimeout, message: "the client took too long" },
  CLIENT_PROTOCOL: { code: SQLSTATE.protocolViolation, message: "the client sent what the protocol does not allow" },
  CLIENT_TOO_LARGE: { code: SQLSTATE.programLimitExceeded, message: "the client sent more than is allowed" },
  CLIENT_LOGIN: { code: SQLSTATE.invalidPassword, message: "the login failed" },
  SERVER_UNREACHABLE: {
    code: SQLSTATE.cannotConnectNow,
    message: "the database server cannot be reached",
    hint: "Nothing was executed. Try again later.",
  },
  SERVER_DIAL_SLOW: {
    code: SQLSTATE.cannotConnectNow,
    message: "the database server did not let us in in time",
    hint: "Nothing was executed. Try again later.",
  },
  SERVER_LOGIN: {
    code: SQLSTATE.invalidAuthorization,
    message: "the database server refused the proxy's login",
    hint: "The credentials that the proxy has for this database are in its own configuration.",
  },
  SERVER_GONE: {
    code: SQLSTATE.connectionFailure,
    message: "the database server closed the connection before it had answered",
    hint: "The statement may or may not have been executed.",
  },
  SERVER_SLOW: {
    code: SQLSTATE.connectionFailure,
    message: "the database server took too long to answer",
    hint: "The statement may or may not have been executed.",
  },
  SERVER_PROTOCOL: {
    code: SQLSTATE.connectionFailure,
    message: "the database server sent what the protocol does not allow",
    hint: "The statement may or may not have been executed.",
  },
  NO_TARGET: {
    code: SQLSTATE.cannotConnectNow,
    message: "no database server is available",
    hint: "Nothing was executed. Try again later.",
  },
  OVERLOADED: {
    code: SQLSTATE.tooManyConnections,
    message: "the proxy has no room for this now",
    hint: "Nothing was executed. Try again later, or raise the limits of the proxy.",
  },
  DRAINING: {
    code: SQLSTATE.adminShutdown,
    message: "the proxy is shutting down",
    hint: "Connect again.",
  },
  BUG: { code: SQLSTATE.internalError, message: "the proxy has met an error of its own" },
} as const satisfies Record<FaultCode, FaultWords>;

/** What the client is told. FATAL says that the connection closes behind it, which it then must. */
export function wordsOf(fault: Pick<Fault, "code" | "scope">): NoticeWords {
  return { severity: fault.scope === "conversation" ? "FATAL" : "ERROR", ...WORDS[fault.code] };
}
