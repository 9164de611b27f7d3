/**
 * What a client says, on its way to the link that it has: passed on unread where it can be; put under the names that
 * statements have on links; with a message of ours before it where the link lacks what the client believes to be there. For
 * each message that will be answered it leaves an entry in the link's `Replies`.
 *
 * It owns no wire and decides nothing about links: `client.ts` does. Invariants: what the server will skip is not sent; a
 * frame that has begun to be passed on is passed on to its end; of a client's statement nothing is believed but what the
 * server has confirmed, or will refuse.
 */
import type { Budget } from "../base/byte-queue.ts";
import { readInt32 } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import type { Sent } from "../net/spill.ts";
import { STATUS } from "../pg/backend.ts";
import { Bind, clientText, Mention, Parse, Query, STATEMENT, type Named } from "../pg/frontend.ts";
import { BEGIN, END, HEADER_BYTES, MORE, WHOLE, type Part } from "../pg/framer.ts";
import { writeQuery, writeRenamed } from "../pg/frontend-writer.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { FRONTEND, tagName } from "../pg/tag.ts";
import type { Gather } from "../pgconn/gather.ts";
import type { Link } from "../pgconn/link.ts";
import { DROP, EXPECT, expectOf, FORGE, FORWARD, type Expect, type Note } from "../pgconn/replies.ts";
import {
  deallocateText,
  duplicateStatement,
  insteadOf,
  NO_NAME,
  nothing,
  sessionOnly,
  statementTooLong,
  stalePlan,
  tooManyStatements,
  unknownStatement,
  writeCloseOf,
  writeCloseUnnamed,
  writeDoomed,
  writeDoomedQuery,
  writeParseOf,
} from "../pgconn/statement-words.ts";
import { foreignName, type Statement } from "../pgconn/statements.ts";
import { Classifier, NOTHING_LEFT, type Traces } from "../sql/classify.ts";
import type { ClientSession } from "./client-session.ts";
import { tracesOfCall } from "./function-calls.ts";
import { LongParse, STATEMENT_BYTES_MAX } from "./long-parse.ts";
import type { Traffic } from "./traffic.ts";

/** A frame or a part of one, as a framer shows it. */
export interface Shown extends Part {
  readonly tag: number;
  /** How much of the frame is still to come. */
  readonly left: number;
}

/** What becomes of the parts of a frame behind its BEGIN. */
const REST = { pass: 0, swallow: 1, classify: 2, gather: 3 } as const;

const query = new Query();
const parse = new Parse();
const bind = new Bind();
const mention = new Mention();
const classifier = new Classifier();
/** Of a text that came in parts: two clients may be inside of one at once, so each has its own. */
type LongText = Classifier | undefined;

const RENAMED = new TextEncoder().encode("client_");

export class Requests {
  /** How much of a frame that was begun is still to be passed on to the server; its tag is `restTag`. */
  rest = 0;
  restTag = 0;
  /** Statements or settings may be gone: what follows must not be sent before it is known. The owner takes it back. */
  awaitsAnswer = false;
  /** The same, once the portal that was bound is executed. */
  #boundIsAwaited = false;
  /** The name that is closed when the unnamed statement, or the portal that was bound to it, is executed. */
  #unnamedCloses: Uint8Array | undefined;
  #boundCloses: Uint8Array | undefined;
  readonly #session: ClientSession;
  readonly #gather: Gather;
  readonly #traffic: Traffic;
  readonly #budget: Budget;
  readonly #refusesHolds: boolean;
  #link: Link;
  #rest: number = REST.pass;
  #longText: LongText;
  #longParse: LongParse | undefined;

  constructor(link: Link, { session, gather, traffic, budget, refusesHolds }: RequestsParts) {
    this.#link = link;
    this.#budget = budget;
    this.#session = session;
    this.#gather = gather;
    this.#traffic = traffic;
    this.#refusesHolds = refusesHolds;
  }

  /** What follows goes to this link. */
  open(link: Link): void {
    this.#link = link;
    this.#gather.open(link);
  }

  /** Writes what was gathered. */
  flush(): Sent {
    return this.#gather.flush();
  }

  /** One frame or part. Throws Fault. */
  take(shown: number, frame: Shown): void {
    if (shown === MORE || shown === END) return this.#more(shown, frame);
    const { replies } = this.#link;
    const { tag } = frame;
    if (replies.skipping && tag !== FRONTEND.sync) return this.#swallow(shown);
    if (replies.copying && !this.#mayComeInCopy(tag)) this.#refuseInCopy(tag);
    if (shown === WHOLE) this.#whole(frame);
    else this.#begin(frame);
  }

  /** The link is no longer the client's. */
  forget(): void {
    this.#longText = undefined;
    this.#longParse?.clear();
    this.#longParse = undefined;
    this.rest = 0;
  }

  #whole(frame: Shown): void {
    try {
      this.#request(frame);
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.scope !== "exchange") throw thrown;
      // What cannot be read the server refuses in its own words.
      this.#link.replies.push(expectOf(frame.tag), FORWARD);
      this.#pass(frame);
    }
  }

  #request(frame: Shown): void {
    const { replies } = this.#link;
    switch (frame.tag) {
      case FRONTEND.query:
        return this.#query(frame);
      case FRONTEND.parse:
        return this.#parse(frame);
      case FRONTEND.bind:
        return this.#bind(frame);
      case FRONTEND.describe:
      case FRONTEND.close:
        return this.#mention(frame);
      case FRONTEND.execute:
        return this.#execute(frame);
      case FRONTEND.sync:
        return this.#sync(frame);
      case FRONTEND.flush:
        return replies.copying ? undefined : this.#pass(frame);
      case FRONTEND.functionCall:
        this.#session.leave(tracesOfCall(frame), this.#link);
        replies.push(EXPECT.functionCall, FORWARD);
        return this.#pass(frame);
      default:
        return this.#copy(frame);
    }
  }

  #execute(frame: Shown): void {
    const closes = this.#boundCloses;
    const ofReset = this.#boundIsAwaited ? this.#session.takeNote() : undefined;
    const note = closes === undefined ? ofReset : this.#closing(closes);
    this.#boundCloses = undefined;
    this.#link.replies.push(EXPECT.execute, FORWARD, 0, note);
    if (this.#boundIsAwaited || closes !== undefined) this.awaitsAnswer = true;
    this.#boundIsAwaited = false;
    this.#pass(frame);
  }

  #sync(frame: Shown): void {
    // Inside of a COPY it would not be answered, and an error may turn that into an answer: so it stays here.
    if (this.#link.replies.copying) return;
    this.#link.replies.pushSync(FORWARD);
    this.#traffic.queries += 1;
    this.#pass(frame);
  }

  #query(frame: Shown): void {
    const { textStart, textEnd } = query.read(frame);
    const traces = classifier.classify(frame.bytes, textStart, textEnd, this.#standardStrings);
    if (traces !== NOTHING_LEFT && this.#isDealtWith(traces)) return;
    this.#sendQuery();
    // An error before it has the server skip it, and then there still is what it would have ended.
    if (this.#link.replies.unsynced) this.awaitsAnswer = true;
    this.#pass(frame);
  }

  #sendQuery(note = this.#session.takeNote()): void {
    const { replies, statements } = this.#link;
    this.#traffic.queries += 1;
    const { unnamed } = this.#session;
    replies.push(EXPECT.query, FORWARD, -unnamed.clear(), note);
    statements.setUnnamed(undefined, 0);
  }

  /** Notes what a simple query may leave; true when it is not to be sent as it is. */
  #isDealtWith(traces: Traces): boolean {
    const { replies } = this.#link;
    if (this.#refuses(traces)) {
      replies.push(EXPECT.query, FORWARD, 0, insteadOf(SQLSTATE.invalidStatementName, sessionOnly(traces.holds ?? "")));
      writeDoomedQuery(this.#gather.writer);
      return true;
    }
    const name = this.#deallocated(traces);
    if (name !== undefined) {
      this.#deallocate(name);
      return true;
    }
    this.awaitsAnswer = this.#session.leave(traces, this.#link);
    return false;
  }

  /** Only the client's name goes. Where no Sync was before it the server must hear of it: a query ends what is bound. */
  #deallocate(name: Uint8Array): void {
    this.awaitsAnswer = true;
    const statement = this.#link.replies.unsynced ? this.#session.statements.find(name, 0, name.length) : undefined;
    if (statement === undefined) return this.#link.replies.push(EXPECT.query, FORGE, 0, this.#closing(name));
    this.#ensure(statement);
    this.#link.statements.doubtOne(statement);
    this.#sendQuery(this.#closing(name));
    writeQuery(this.#gather.writer, deallocateText(statement));
  }

  #parse(frame: Shown): void {
    this.#traffic.clientParses += 1;
    const { nameStart, nameEnd, textStart, textEnd } = parse.read(frame);
    const traces = classifier.classify(frame.bytes, textStart, textEnd, this.#standardStrings);
    if (this.#refuses(traces)) return this.#doom(EXPECT.parse, sessionOnly(traces.holds ?? ""));
    if (nameStart === nameEnd) this.#parseUnnamed(frame, traces);
    else this.#parseNamed(frame, traces);
  }

  #parseUnnamed(frame: Shown, traces: Traces): void {
    const { replies, statements } = this.#link;
    const { unnamed } = this.#session;
    const closed = this.#deallocated(traces);
    this.#unnamedCloses = closed;
    if (closed !== undefined) return this.#parseDeallocate(closed);
    unnamed.set(frame.bytes, parse.textStart, frame.end, traces);
    statements.setUnnamed(this.#session, unnamed.serial);
    replies.push(EXPECT.parse, FORWARD, -unnamed.serial);
    this.#traffic.serverParses += 1;
    this.#pass(frame);
  }

  /** DEALLOCATE of a name that is ours to keep: what the server deallocates is the statement behind it. */
  #parseDeallocate(name: Uint8Array): void {
    const statement = this.#session.statements.find(name, 0, name.length);
    if (statement === undefined) return;
    this.#ensure(statement);
    const { unnamed } = this.#session;
    const body = new TextEncoder().encode(`${deallocateText(statement)}\0\0\0`);
    unnamed.set(body, 0, body.length, NOTHING_LEFT);
    this.#link.statements.setUnnamed(this.#session, unnamed.serial);
    this.#link.statements.doubtOne(statement);
    this.#link.replies.push(EXPECT.parse, FORWARD, -unnamed.serial);
    writeParseOf(this.#gather.writer, NO_NAME, body, body.length);
  }

  #parseNamed(frame: Shown, traces: Traces): void {
    const { statements } = this.#session;
    const { bytes, end } = frame;
    const { nameStart, nameEnd, textStart } = parse;
    const known = statements.find(bytes, nameStart, nameEnd);
    if (known !== undefined) return this.#parseAgain(frame, known, traces);
    if (!statements.hasRoom(end - nameStart)) return this.#doom(EXPECT.parse, tooManyStatements());
    const name = bytes.slice(nameStart, nameEnd);
    const statement = this.#session.intern(bytes, textStart, end, traces);
    statements.add(name, statement);
    const undo = (): void => void statements.delete(name);
    // In a failed transaction the server has to look at the text: all but the end of it is refused.
    const isSure = this.#link.status !== STATUS.failed && !this.#session.pins.readsOtherwise;
    if (isSure && this.#link.statements.has(statement)) {
      this.#link.replies.push(EXPECT.parse, FORGE, 0, { answered: nothing, undone: undo });
      return;
    }
    this.#prepareOn(statement, FORWARD, undo);
  }

  /**
   * The name is taken: the server says so itself when it is asked for the same name twice. Where it has skipped the one
   * before, which may not be known yet, it takes this one.
   */
  #parseAgain(frame: Shown, known: Statement, traces: Traces): void {
    const { statements } = this.#session;
    const { bytes, end } = frame;
    const name = bytes.slice(parse.nameStart, parse.nameEnd);
    const words = duplicateStatement(clientText(bytes, parse.nameStart, parse.nameEnd));
    const statement = this.#session.intern(bytes, parse.textStart, end, traces);
    const release = this.#session.keep(statement);
    this.#ensure(known);
    // Which of the two is bound by that name is to be known before it is.
    this.awaitsAnswer = true;
    const answered = (good: boolean): void => {
      if (good) statements.add(name, statement);
      release();
    };
    const note = { ...insteadOf(SQLSTATE.duplicateStatement, words), answered, undone: release };
    this.#link.replies.push(EXPECT.parse, FORWARD, 0, note);
    writeRenamed(this.#gather.writer, frame, parse, known.name);
  }

  #bind(frame: Shown): void {
    bind.readHead(frame);
    this.#traffic.binds += 1;
    if (bind.nameStart === bind.nameEnd) return this.#bindUnnamed(frame);
    const statement = this.#session.statements.find(frame.bytes, bind.nameStart, bind.nameEnd);
    if (statement === undefined) return this.#sendUnknown(frame, EXPECT.bind, bind);
    if (statement.isStale) return this.#doom(EXPECT.bind, stalePlan());
    const { id, name } = this.#ensureNamed(statement, frame, bind);
    if (statement.traces !== NOTHING_LEFT) this.#bound(statement.traces);
    this.#link.replies.push(EXPECT.bind, FORWARD, id, this.#noteUnsure(frame, bind));
    writeRenamed(this.#gather.writer, frame, bind, name);
  }

  /** While names are not confirmed, one may turn out to be none: the error must give it as the client knows it. */
  #noteUnsure({ bytes }: Shown, { nameStart, nameEnd }: Named): Note | undefined {
    if (!this.#link.replies.hasNotes) return undefined;
    return insteadOf(SQLSTATE.invalidStatementName, unknownStatement(clientText(bytes, nameStart, nameEnd)));
  }

  #bindUnnamed(frame: Shown): void {
    this.#ensureUnnamed();
    this.#boundCloses = this.#unnamedCloses;
    const { traces, serial } = this.#session.unnamed;
    if (traces !== NOTHING_LEFT && serial !== 0) this.#bound(traces);
    this.#link.replies.push(EXPECT.bind, FORWARD);
    this.#pass(frame);
  }

  /** What a portal may leave it leaves when it is executed; that it is bound is near enough. */
  #bound(traces: Traces): void {
    if (this.#session.leave(traces, this.#link)) this.#boundIsAwaited = true;
  }

  /** Describe and Close. */
  #mention(frame: Shown): void {
    mention.read(frame);
    const isDescribe = frame.tag === FRONTEND.describe;
    if (mention.kind !== STATEMENT) {
      this.#link.replies.push(isDescribe ? EXPECT.describePortal : EXPECT.close, FORWARD);
      return this.#pass(frame);
    }
    if (mention.nameStart === mention.nameEnd) return this.#mentionUnnamed(frame, isDescribe);
    const statement = this.#session.statements.find(frame.bytes, mention.nameStart, mention.nameEnd);
    if (!isDescribe) return this.#close(frame, statement);
    if (statement === undefined) return this.#sendUnknown(frame, EXPECT.describeStatement, mention);
    if (statement.isStale) return this.#doom(EXPECT.describeStatement, stalePlan());
    const { id, name } = this.#ensureNamed(statement, frame, mention);
    this.#link.replies.push(EXPECT.describeStatement, FORWARD, id, this.#noteUnsure(frame, mention));
    writeRenamed(this.#gather.writer, frame, mention, name);
  }

  #mentionUnnamed(frame: Shown, isDescribe: boolean): void {
    if (isDescribe) {
      this.#ensureUnnamed();
      this.#link.replies.push(EXPECT.describeStatement, FORWARD);
    } else {
      this.#link.replies.push(EXPECT.close, FORWARD, -this.#session.unnamed.clear());
      this.#link.statements.setUnnamed(undefined, 0);
    }
    this.#pass(frame);
  }

  /** Others may use the statement on the link: only the client's name goes. */
  #close(frame: Shown, statement: Statement | undefined): void {
    if (statement === undefined) return this.#sendUnknown(frame, EXPECT.close, mention);
    const { statements } = this.#session;
    const name = frame.bytes.slice(mention.nameStart, mention.nameEnd);
    // The name goes at once, for what follows in the same pipeline, and comes back when the server skips it.
    const owned = this.#session.keep(statement);
    statements.delete(name);
    const undone = (): void => {
      statements.add(name, statement);
      owned();
    };
    this.#link.replies.push(EXPECT.close, FORGE, 0, { answered: owned, undone });
  }

  /** A name that we know nothing of: the server says that too, unless the client has made it by SQL. */
  #sendUnknown(frame: Shown, expect: Expect, named: Named): void {
    const { replies } = this.#link;
    if (!foreignName(frame.bytes, named.nameStart)) {
      replies.push(expect, FORWARD);
      return this.#pass(frame);
    }
    const words = unknownStatement(clientText(frame.bytes, named.nameStart, named.nameEnd));
    replies.push(expect, FORWARD, 0, insteadOf(SQLSTATE.invalidStatementName, words));
    const name = new Uint8Array(RENAMED.length + named.nameEnd - named.nameStart);
    name.set(RENAMED);
    name.set(frame.bytes.subarray(named.nameStart, named.nameEnd), RENAMED.length);
    writeRenamed(this.#gather.writer, frame, named, name);
  }

  /** COPY data and ends: passed on only where there may be a COPY, so that what comes too late is not for the next client. */
  #copy(frame: Shown): void {
    const { replies } = this.#link;
    if (replies.length === 0) return;
    if (frame.tag === FRONTEND.copyData) replies.pushCopyData();
    else replies.pushCopyEnd();
    this.#pass(frame);
  }

  #begin(frame: Shown): void {
    const { replies } = this.#link;
    switch (frame.tag) {
      case FRONTEND.query:
        this.#sendQuery();
        this.#longText = new Classifier();
        this.#longText.begin(this.#standardStrings);
        this.#longText.feed(frame.bytes, frame.start + HEADER_BYTES, frame.end);
        this.#rest = REST.classify;
        return this.#passPart(frame);
      case FRONTEND.parse:
        return this.#beginParse(frame);
      case FRONTEND.bind:
        this.#rest = REST.pass;
        this.#bindBegun(frame);
        return this.#rest === REST.pass ? this.#passed(frame) : undefined;
      case FRONTEND.functionCall:
        this.#session.leave(tracesOfCall(frame), this.#link);
        replies.push(EXPECT.functionCall, FORWARD);
        this.#rest = REST.pass;
        return this.#passPart(frame);
      case FRONTEND.copyData:
        if (replies.length === 0) return this.#swallow(BEGIN);
        replies.pushCopyData();
        this.#rest = REST.pass;
        return this.#passPart(frame);
      default:
        throw new Fault("CLIENT_PROTOCOL", `Cannot read "${tagName("frontend", frame.tag)}": it is not whole`);
    }
  }

  #bindBegun(frame: Shown): void {
    try {
      this.#bind(frame);
    } catch (thrown) {
      if (!(thrown instanceof Fault) || thrown.scope !== "exchange") throw thrown;
      this.#link.replies.push(EXPECT.bind, FORWARD);
      this.#pass(frame);
    }
  }

  /** A statement's text is needed as a whole: to be said again on other links. */
  #beginParse(frame: Shown): void {
    const total = HEADER_BYTES - 4 + readInt32(frame.bytes, frame.start + 1, frame.end);
    if (total > STATEMENT_BYTES_MAX) {
      return this.#doom(EXPECT.parse, statementTooLong());
    }
    this.#longParse = new LongParse(total, this.#budget);
    this.#longParse.add(frame);
    this.#rest = REST.gather;
  }

  #more(shown: number, frame: Shown): void {
    if (this.#rest === REST.swallow) return;
    if (this.#rest === REST.gather) return this.#gatherParse(shown, frame);
    this.#passPart(frame);
    if (this.#rest !== REST.classify) return;
    this.#longText?.feed(frame.bytes, frame.start, frame.end);
    if (shown !== END) return;
    const traces = this.#longText?.finish() ?? NOTHING_LEFT;
    this.#longText = undefined;
    if (traces !== NOTHING_LEFT) this.#session.leave(traces, this.#link);
  }

  #gatherParse(shown: number, frame: Shown): void {
    const whole = this.#longParse;
    if (whole === undefined) return;
    whole.add(frame);
    if (shown !== END) return;
    this.#longParse = undefined;
    if (!this.#link.replies.skipping) this.#whole(whole);
    // What was said of it stands in the block until it is written.
    this.#gather.hold();
    whole.clear();
  }

  /** Prepared on the link under its own name, whatever was there under it. */
  #ensure(statement: Statement): void {
    if (!this.#link.statements.has(statement)) this.#prepareOn(statement, DROP, nothing);
  }

  #ensureNamed(statement: Statement, frame: Shown, named: Named): Statement {
    if (this.#link.statements.has(statement)) return statement;
    const renewed = this.#session.renew(statement, frame, named);
    this.#ensure(renewed);
    return renewed;
  }

  #prepareOn(statement: Statement, mode: typeof FORWARD | typeof DROP, undo: () => void): void {
    const { replies, statements } = this.#link;
    const { writer } = this.#gather;
    replies.push(EXPECT.close, DROP);
    writeCloseOf(writer, statement.name);
    const undone = (): void => {
      statements.doubtOne(statement);
      undo();
    };
    statements.add(statement);
    this.#session.prepared(statement, this.#link);
    replies.push(EXPECT.parse, mode, 0, { answered: nothing, undone });
    writeParseOf(this.#gather.writer, statement.name, statement.body, statement.body.length);
    this.#traffic.serverParses += 1;
  }

  /** The unnamed statement that the link has is this client's, or none. */
  #ensureUnnamed(): void {
    const { replies, statements } = this.#link;
    const { unnamed } = this.#session;
    if (unnamed.serial === 0) {
      replies.push(EXPECT.close, DROP);
      writeCloseUnnamed(this.#gather.writer);
      statements.setUnnamed(undefined, 0);
    } else if (!statements.hasUnnamed(this.#session, unnamed.serial)) {
      replies.push(EXPECT.parse, DROP, -unnamed.serial);
      writeParseOf(this.#gather.writer, NO_NAME, unnamed.body, unnamed.length);
      statements.setUnnamed(this.#session, unnamed.serial);
      this.#traffic.serverParses += 1;
    }
  }

  /** Has the server refuse in place of what was asked, and skip what follows. */
  #doom(expect: Expect, words: Parameters<typeof insteadOf>[1]): void {
    this.#link.replies.push(expect, FORWARD, 0, insteadOf(SQLSTATE.invalidStatementName, words));
    writeDoomed(this.#gather.writer);
    this.#rest = REST.swallow;
  }

  #refuses(traces: Traces): boolean {
    return this.#refusesHolds && traces.holds !== undefined;
  }

  /** The name that a DEALLOCATE gives, where it is one of this client's. */
  #deallocated({ deallocated }: Traces): Uint8Array | undefined {
    if (deallocated === undefined) return undefined;
    const name = Uint8Array.from(deallocated, (character) => character.charCodeAt(0));
    return this.#session.statements.find(name, 0, name.length) === undefined ? undefined : name;
  }

  #closing(name: Uint8Array): Note {
    const { statements } = this.#session;
    return { answered: (good) => void (good && statements.delete(name)), undone: nothing };
  }

  get #standardStrings(): boolean {
    return this.#link.parameters.get("standard_conforming_strings") !== "off";
  }

  #mayComeInCopy(tag: number): boolean {
    return (
      tag === FRONTEND.copyData ||
      tag === FRONTEND.copyDone ||
      tag === FRONTEND.copyFail ||
      tag === FRONTEND.flush ||
      tag === FRONTEND.sync
    );
  }

  /** Postgres ends the connection too: it does not know where the next message begins. Here the link is kept. */
  #refuseInCopy(tag: number): never {
    throw new Fault("CLIENT_PROTOCOL", `Cannot go on with a COPY: the client sent "${tagName("frontend", tag)}"`);
  }

  #swallow(shown: number): void {
    if (shown === BEGIN) this.#rest = REST.swallow;
  }

  #pass(frame: Shown): void {
    this.#gather.pass(frame);
  }

  #passPart(frame: Shown): void {
    this.#gather.pass(frame);
    this.#passed(frame);
  }

  #passed(frame: Shown): void {
    this.rest = frame.left;
    this.restTag = frame.tag;
  }
}

export interface RequestsParts {
  readonly session: ClientSession;
  readonly gather: Gather;
  readonly traffic: Traffic;
  readonly budget: Budget;
  /** What only a session can hold is refused instead of pinned. */
  readonly refusesHolds: boolean;
}
