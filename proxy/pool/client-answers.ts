/**
 * What a server says, on its way to the client that has the link: passed on unread where it answers what the client asked,
 * kept back where it answers what we slipped in, forged where the server was never asked. What it says of the session (where
 * it stands, settings, statements that are gone) is noted here.
 *
 * It owns no wire and decides nothing about links: `client.ts` does. Invariant: no frame reaches the client but as an answer
 * that `Replies` expects of the client's own messages, or as what a server may say alone.
 */
import { Fault } from "../base/fault.ts";
import type { Sent } from "../net/spill.ts";
import {
  writeCloseComplete,
  writeCommandComplete,
  writeErrorResponse,
  writeParseComplete,
  writeReady,
} from "../pg/backend-writer.ts";
import { CommandComplete, ParameterStatus, readReady, serverText, STATUS } from "../pg/backend.ts";
import { BEGIN, END, MORE, NOTHING, WHOLE, type Framer } from "../pg/framer.ts";
import { Notice } from "../pg/notice.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { BACKEND } from "../pg/tag.ts";
import type { Gather, Outlet } from "../pgconn/gather.ts";
import { noteParameter } from "../pgconn/idle-link.ts";
import type { Link } from "../pgconn/link.ts";
import { ALONE, ASK, DROP, EXPECT, FORGE, FORWARD, type Verdict } from "../pgconn/replies.ts";
import type { ClientSession } from "./client-session.ts";
import type { Traffic } from "./traffic.ts";

const notice = new Notice();
const complete = new CommandComplete();
const parameter = new ParameterStatus();
/** DISCARD and DEALLOCATE begin so, and little else. */
const LETTER_D = 0x44;
/** The routine of the server that finds that a plan must not be used any more; not translated, unlike the message. */
const STALE_PLAN_ROUTINE = "RevalidateCachedQuery";

export class Answers {
  /** The server has told the client itself that the session is over. */
  isOver = false;
  /** How much of a frame that the client has begun to hear is still to come: nothing of ours may be said before. */
  rest = 0;
  /** What a query of ours was refused for. */
  refusal: string | undefined;
  /** Whether settings that we restore are told to the client. */
  tellsSettings = true;
  readonly #session: ClientSession;
  readonly #gather: Gather;
  readonly #traffic: Traffic;
  /** What becomes of the other parts of the frame that has begun. */
  #verdict: Verdict = FORWARD;

  constructor({ session, gather, traffic }: AnswersParts) {
    this.#session = session;
    this.#gather = gather;
    this.#traffic = traffic;
  }

  open(outlet: Outlet): void {
    this.#gather.open(outlet);
  }

  flush(): Sent {
    return this.#gather.flush();
  }

  /** All that the framer has been fed. Throws Fault when the link cannot be trusted any more. */
  read(link: Link): void {
    const { framer } = link;
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
      if (shown === MORE || shown === END) this.#part(framer);
      else if (framer.tag === BACKEND.dataRow && shown === WHOLE && link.replies.mode === FORWARD) this.#rows(link);
      else this.#frame(link, shown);
    }
  }

  /** What the server will not be asked for, as far as it is the client's turn to hear it. */
  forge(link: Link): void {
    const { replies } = link;
    // A Close is answered well in any case; a DEALLOCATE is not.
    const isGood = link.status !== STATUS.failed;
    for (let kind = replies.forged(isGood); kind !== EXPECT.none; kind = replies.forged(isGood)) {
      const { writer } = this.#gather;
      if (kind === EXPECT.parse) writeParseComplete(writer);
      else if (kind === EXPECT.close) writeCloseComplete(writer);
      else this.#forgeDeallocate(link);
    }
  }

  /** As many rows as there are, in one range. */
  #rows(link: Link): void {
    link.replies.answer(BACKEND.dataRow);
    const { framer } = link;
    framer.takeAlike();
    this.#pass(framer);
  }

  #part(framer: Framer): void {
    if (this.#verdict === FORWARD || this.#verdict === ALONE) this.#pass(framer);
    else if (this.#verdict === ASK && framer.tag === BACKEND.dataRow) this.#answer(framer);
  }

  #frame(link: Link, shown: number): void {
    const { framer, replies } = link;
    if (framer.tag === BACKEND.error) return this.#error(link);
    const unnamed = endsUnnamed(framer.tag) ? -replies.statement : 0;
    const verdict = replies.answer(framer.tag);
    this.#verdict = verdict;
    if (verdict === ALONE) this.#alone(link, shown);
    else if (verdict === FORWARD) this.#own(link, shown);
    else if (verdict === ASK && framer.tag === BACKEND.dataRow) this.#answer(framer);
    if (framer.tag === BACKEND.ready) this.#ready(link, verdict);
    if (unnamed > 0) this.#session.unnamed.taken(unnamed);
    if (replies.mode === FORGE) this.forge(link);
  }

  /** An answer to the client. */
  #own(link: Link, shown: number): void {
    const { framer } = link;
    this.#pass(framer);
    if (framer.tag !== BACKEND.commandComplete || framer.bytes[framer.start + 5] !== LETTER_D || shown === BEGIN)
      return;
    complete.read(framer);
    if (complete.is("DISCARD ALL")) this.#session.discarded(link);
    else if (complete.is("DEALLOCATE ALL")) this.#session.deallocated(link);
  }

  #ready(link: Link, verdict: Verdict): void {
    const status = readReady(link.framer);
    if (verdict === FORWARD && status === STATUS.idle) this.#traffic.xacts += 1;
    link.status = status;
  }

  /** Notices, notifications and settings. */
  #alone(link: Link, shown: number): void {
    const { framer, replies } = link;
    const isOwn = replies.mode === FORWARD || replies.mode === FORGE;
    if (framer.tag === BACKEND.parameterStatus) {
      if (shown === BEGIN) throw new Fault("SERVER_PROTOCOL", "Cannot read a setting: it is too long");
      this.#setting(link, isOwn);
      if (isOwn || this.tellsSettings) this.#pass(framer);
    } else if (isOwn || framer.tag === BACKEND.notification) {
      this.#pass(framer);
    } else {
      this.#verdict = DROP;
    }
  }

  #setting(link: Link, own: boolean): void {
    const { framer, parameters } = link;
    const { nameStart, nameEnd, valueStart, valueEnd } = parameter.read(framer);
    const name = serverText(framer.bytes, nameStart, nameEnd);
    const value = serverText(framer.bytes, valueStart, valueEnd);
    const before = parameters.get(name);
    noteParameter(link);
    this.#session.reported(link, { name, value, before }, own);
  }

  #error(link: Link): void {
    const { framer, replies } = link;
    const { kind, mode, statement, note } = replies;
    notice.readHead(framer);
    const instead = note?.instead;
    const verdict = replies.error();
    this.#verdict = verdict;
    if (notice.isFatal) this.isOver = true;
    if (verdict === DROP || verdict === ASK) {
      this.refusal = notice.text("message");
      return;
    }
    if (kind >= EXPECT.parse && kind <= EXPECT.execute) {
      if (kind === EXPECT.parse && mode === FORWARD && statement < 0) this.#session.unnamed.refused(-statement);
      this.#skipped(link, kind, statement);
    }
    if (instead !== undefined && notice.text("code") === instead.of) {
      writeErrorResponse(this.#gather.writer, instead.words);
      this.#verdict = DROP;
      return;
    }
    this.#pass(framer);
  }

  /** The server skips what follows, so what we believe it has may not be there. */
  #skipped(link: Link, kind: number, statement: number): void {
    link.statements.setUnnamed(undefined, 0);
    this.#session.unnamed.skipped(link.replies.skippedUnnamed);
    if (statement <= 0) return;
    if (notice.isCode(SQLSTATE.invalidStatementName)) link.statements.doubt();
    const isStale = notice.isCode(SQLSTATE.featureNotSupported) && notice.text("routine") === STALE_PLAN_ROUTINE;
    if (isStale && (kind === EXPECT.bind || kind === EXPECT.describeStatement)) this.#session.retire(statement);
  }

  #forgeDeallocate(link: Link): void {
    const { writer } = this.#gather;
    if (link.status === STATUS.failed) {
      writeErrorResponse(writer, IN_FAILED_TRANSACTION);
    } else {
      writeCommandComplete(writer, "DEALLOCATE");
    }
    writeReady(writer, link.status);
    if (link.status === STATUS.idle) this.#traffic.xacts += 1;
  }

  #answer(framer: Framer): void {
    this.#session.answer.add(framer.bytes, framer.start, framer.end, framer.left);
  }

  /** What the framer has gathered is gone at its next frame. */
  #pass(framer: Framer): void {
    this.#gather.pass(framer);
    this.rest = framer.left;
    if (framer.isHeld) this.#gather.hold();
  }
}

/** Answers of messages that make or end an unnamed statement. */
function endsUnnamed(tag: number): boolean {
  return tag === BACKEND.parseComplete || tag === BACKEND.closeComplete || tag === BACKEND.ready;
}

export interface AnswersParts {
  readonly session: ClientSession;
  readonly gather: Gather;
  readonly traffic: Traffic;
}

const IN_FAILED_TRANSACTION = {
  severity: "ERROR",
  code: SQLSTATE.inFailedTransaction,
  message: "current transaction is aborted, commands ignored until end of transaction block",
} as const;
