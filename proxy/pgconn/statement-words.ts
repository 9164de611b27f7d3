/**
 * Messages about statements as a pool says them: under the name that a statement has on links, and such that are meant to
 * fail, so that it is the server that ends the transaction and skips the rest. The words of the error are then ours.
 */
import type { NoticeWords } from "../pg/notice.ts";
import { writeBind, writeQuery } from "../pg/frontend-writer.ts";
import { STATEMENT } from "../pg/frontend.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { FRONTEND } from "../pg/tag.ts";
import type { Writer } from "../pg/writer.ts";
import type { Note } from "./replies.ts";
import { LINK_PREFIX, type Statement } from "./statements.ts";

export const NO_NAME = new Uint8Array(0);

/** `body` is what stands behind the name, `length` bytes of it. */
export function writeParseOf(writer: Writer, name: Uint8Array, body: Uint8Array, length: number): void {
  writer.begin(FRONTEND.parse).textBytes(name, 0, name.length).raw(body, 0, length).close();
}

export function writeCloseOf(writer: Writer, name: Uint8Array): void {
  writer.begin(FRONTEND.close).byte(STATEMENT).textBytes(name, 0, name.length).close();
}

export function deallocateText({ id }: Statement): string {
  return `DEALLOCATE ${LINK_PREFIX}${id}`;
}

export function writeCloseUnnamed(writer: Writer): void {
  writeCloseOf(writer, NO_NAME);
}

/** A message of the extended protocol that the server refuses: there is no statement of that name. */
export function writeDoomed(writer: Writer): void {
  writeBind(writer, "", LINK_PREFIX);
}

/** The same as a simple query. */
export function writeDoomedQuery(writer: Writer): void {
  writeQuery(writer, `EXECUTE ${LINK_PREFIX}`);
}

/** Has the client hear `words` where the server says that code; another error of the server is passed on as it is. */
export function insteadOf(of: string, words: NoticeWords): Note {
  return { answered: nothing, undone: nothing, instead: { of, words } };
}

export function duplicateStatement(name: string): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.duplicateStatement,
    message: `prepared statement "${name}" already exists`,
  };
}

export function unknownStatement(name: string): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.invalidStatementName,
    message: `prepared statement "${name}" does not exist`,
  };
}

export function tooManyStatements(): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.limitExceeded,
    message: "too many prepared statements",
    hint: "The pool keeps no more for one client. Close those that are not needed.",
  };
}

export function statementTooLong(): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.programLimitExceeded,
    message: "the statement is too long to be prepared",
    hint: "Send it as a simple query, or its data as parameters.",
  };
}

/** Word for word what Postgres says. */
export function stalePlan(): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.featureNotSupported,
    message: "cached plan must not change result type",
    hint: "Prepare the statement again.",
  };
}

export function sessionOnly(what: string): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.featureNotSupported,
    message: "the pool does not let a client keep its server connection",
    detail: `The statement leaves something in the session: ${what}.`,
    hint: "Use a database of the pool whose mode is session, or connect to the server itself.",
  };
}

/** What hangs on an answer that nothing hangs on. */
export function nothing(): void {
  return undefined;
}
