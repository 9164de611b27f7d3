/**
 * Every fault in HTTP's tongue: which status tells a client of it, and the whole answer. A new FaultCode does not compile
 * until it has a row here. Nothing of what the peer sent, and nothing of the cause, is in an answer: only the stable code.
 */
import { type Fault, type FaultCode, FAULTS } from "../base/fault.ts";
import { type Answer, makeAnswer } from "./answer.ts";
import { HttpFault } from "./flaws.ts";

interface Row {
  /** For the log too, where 499 is a client that went away (as nginx has it). */
  readonly status: number;
  /** There is nobody left to tell. */
  readonly silent?: true;
}

export const FAULT_STATUS = {
  CLIENT_GONE: { status: 499, silent: true },
  CLIENT_SLOW: { status: 408 },
  CLIENT_PROTOCOL: { status: 400 },
  CLIENT_TOO_LARGE: { status: 413 },
  CLIENT_LOGIN: { status: 401 },
  SERVER_UNREACHABLE: { status: 502 },
  SERVER_DIAL_SLOW: { status: 504 },
  SERVER_LOGIN: { status: 502 },
  SERVER_GONE: { status: 502 },
  SERVER_SLOW: { status: 504 },
  SERVER_PROTOCOL: { status: 502 },
  NO_TARGET: { status: 503 },
  OVERLOADED: { status: 503 },
  DRAINING: { status: 503 },
  BUG: { status: 500 },
} as const satisfies Record<FaultCode, Row>;

const RETRY_AFTER_S = "1";
const answers = new Map<string, Answer>();

export function statusOf(fault: Fault): number {
  return fault instanceof HttpFault ? fault.status : FAULT_STATUS[fault.code].status;
}

/** What the client is told, or undefined where nobody hears it. */
export function answerOf(fault: Fault): Answer | undefined {
  const row: Row = FAULT_STATUS[fault.code];
  if (row.silent === true) return undefined;
  const status = statusOf(fault);
  const key = `${status} ${fault.code}`;
  const known = answers.get(key);
  if (known !== undefined) return known;
  const answer = makeAnswer(status, fieldsOf(status, fault.code), `${key}\n`);
  answers.set(key, answer);
  return answer;
}

function fieldsOf(status: number, code: FaultCode): Record<string, string> {
  const fields: Record<string, string> = { "Content-Type": "text/plain; charset=utf-8", "X-Scale-Fault": code };
  if (status === 405) fields["Allow"] = "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS";
  if (status === 503 && FAULTS[code].retry !== "never") fields["Retry-After"] = RETRY_AFTER_S;
  return fields;
}
