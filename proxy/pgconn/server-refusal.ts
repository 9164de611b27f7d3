/**
 * An ErrorResponse by which a server refuses us, as a Fault; and what of it a client is told. What the server says of our
 * login names our user, our address and its own files, so a client hears the SQLSTATE, and the server's words only where
 * they are about the server itself.
 */
import { Fault, type FaultCode } from "../base/fault.ts";
import { wordsOf } from "../pg/faults.ts";
import type { Notice, NoticeWords } from "../pg/notice.ts";
import { SQLSTATE, type SqlState } from "../pg/sqlstate.ts";

/** The cause of such a Fault. */
export class ServerRefusal extends Error {
  /** A SQLSTATE; empty when the server gave none. */
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "ServerRefusal";
    this.code = code;
  }
}

/** It may let us in a little later, so who waits for a link goes on waiting. */
const PASSING: ReadonlySet<string> = new Set([
  SQLSTATE.cannotConnectNow,
  SQLSTATE.adminShutdown,
  SQLSTATE.crashShutdown,
  SQLSTATE.tooManyConnections,
]);

/** Of these the server's own words name nothing that is ours. */
const TELLING: ReadonlySet<string> = new Set([...PASSING, SQLSTATE.invalidDatabaseName]);

const KNOWN: ReadonlySet<string> = new Set<string>(Object.values(SQLSTATE));

const TEXT_LENGTH_MAX = 500;

/** Of a login: SERVER_LOGIN is for good, SERVER_UNREACHABLE for now. */
export function refusedLogin(notice: Notice): Fault {
  const code = notice.text("code");
  return refusal(PASSING.has(code) ? "SERVER_UNREACHABLE" : "SERVER_LOGIN", "Cannot log in", notice);
}

/** Of a link that was idle: the server ends it. */
export function endedLink(notice: Notice): Fault {
  return refusal("SERVER_GONE", "Cannot keep a link", notice);
}

export function refusalOf(fault: Fault): ServerRefusal | undefined {
  return fault.cause instanceof ServerRefusal ? fault.cause : undefined;
}

/** What a client is told when a Fault, which may come of a server's refusal, ends its wait. */
export function refusalWords(fault: Fault): NoticeWords {
  const words = wordsOf(fault);
  const cause = refusalOf(fault);
  if (cause === undefined || !isKnown(cause.code)) return words;
  if (TELLING.has(cause.code)) return { ...words, code: cause.code, message: cause.message };
  if (cause.code !== SQLSTATE.invalidPassword) return { ...words, code: cause.code };
  return { ...words, code: cause.code, message: "the database server refused the proxy's password" };
}

function refusal(faultCode: FaultCode, doing: string, notice: Notice): Fault {
  const code = notice.text("code");
  const message = notice.text("message").slice(0, TEXT_LENGTH_MAX);
  return new Fault(faultCode, `${doing}: the server says ${code} "${message}"`, {
    cause: new ServerRefusal(code, message),
  });
}

function isKnown(code: string): code is SqlState {
  return KNOWN.has(code);
}
