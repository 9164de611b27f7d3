/**
 * A client of the admin console: simple and extended protocol over commands instead of SQL. What a command finds or does is
 * asked of the `ConsoleDesk`; while that takes time the client is not read.
 * Invariants: one command at a time, answered in order; behind an error of the extended protocol everything up to Sync is
 * skipped; a client that may only look changes nothing.
 */
import type { Budget } from "../base/byte-queue.ts";
import { Fault, faultOf } from "../base/fault.ts";
import { Spill } from "../net/spill.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import {
  writeBindComplete,
  writeCloseComplete,
  writeCommandComplete,
  writeEmptyQuery,
  writeErrorResponse,
  writeNoData,
  writeNoticeResponse,
  writeParameterDescription,
  writeParseComplete,
  writeReady,
} from "../pg/backend-writer.ts";
import { STATUS } from "../pg/backend.ts";
import { wordsOf } from "../pg/faults.ts";
import { Framer, NOTHING, WHOLE } from "../pg/framer.ts";
import { Bind, clientText, Execute, Mention, Parse, Query, STATEMENT } from "../pg/frontend.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { FRONTEND } from "../pg/tag.ts";
import { Writer } from "../pg/writer.ts";
import { TABLES, writeColumns, writeRow, type Columns, type TableName, type TableRow } from "./console-tables.ts";
import { helpText, readCommand, type Command, type Verb } from "./console-words.ts";

/** Who knows what is shown, and does what is said. Both reject with a Fault, or anything, when they cannot. */
export interface ConsoleDesk {
  show(table: TableName): Promise<readonly TableRow[]>;
  /** Undefined when it is done, otherwise why it cannot be. */
  perform(verb: Verb, database: string | undefined): Promise<NoticeWords | undefined>;
}

export interface ConsoleOptions {
  readonly wire: Wire;
  readonly desk: ConsoleDesk;
  readonly budget: Budget;
  /** Without it the client may only look. */
  readonly mayCommand: boolean;
  closed(client: ConsoleClient): void;
}

/** A command of a person; what is longer is none. */
const WHOLE_BYTES_MAX = 65_536;
const ANSWER_BYTES_MAX = 0x4000000;
/** What a client may send while a command is at work, beyond its chunk. */
const KEPT_BYTES_MAX = 0x100000;
const NAMES_MAX = 256;
const EMPTY = new Uint8Array(0);

const query = new Query();
const parse = new Parse();
const bind = new Bind();
const execute = new Execute();
const mention = new Mention();

export class ConsoleClient implements WireEvents {
  readonly #wire: Wire;
  readonly #desk: ConsoleDesk;
  readonly #mayCommand: boolean;
  readonly #closed: (client: ConsoleClient) => void;
  readonly #framer: Framer;
  readonly #spill: Spill;
  readonly #writer = new Writer(ANSWER_BYTES_MAX);
  readonly #statements = new Map<string, Command>();
  readonly #portals = new Map<string, Command>();
  /** What came behind the command that is at work. */
  #kept: Uint8Array = EMPTY;
  #busy = false;
  #skipping = false;
  #gone = false;

  constructor({ wire, desk, budget, mayCommand, closed }: ConsoleOptions) {
    this.#wire = wire;
    this.#desk = desk;
    this.#mayCommand = mayCommand;
    this.#closed = closed;
    this.#framer = new Framer({ side: "frontend", phase: "steady", wholeBytesMax: WHOLE_BYTES_MAX, budget });
    this.#spill = new Spill(ANSWER_BYTES_MAX, budget);
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#gone) return;
    if (this.#busy) return this.#keep(bytes, start, end);
    this.#guard(() => this.#hear(bytes, start, end));
  }

  drain(wire: Wire): void {
    const sent = this.#spill.drain(wire);
    if (sent === "sent" && !this.#busy) wire.resume();
  }

  end(wire: Wire): void {
    this.#gone = true;
    wire.close();
  }

  close(): void {
    this.#gone = true;
    this.#framer.close();
    this.#spill.clear();
    this.#closed(this);
  }

  /** Says goodbye and closes. */
  dismiss(words: NoticeWords): void {
    if (this.#gone) return;
    this.#gone = true;
    writeErrorResponse(this.#writer, words);
    this.#flush();
    this.#spill.end(this.#wire);
  }

  #hear(bytes: Uint8Array, start: number, end: number): void {
    const framer = this.#framer;
    framer.feed(bytes, start, end);
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
      if (shown !== WHOLE) throw new Fault("CLIENT_TOO_LARGE", "Cannot obey a command: it is too long");
      const work = this.#take();
      if (this.#gone) {
        framer.halt();
        return;
      }
      if (work === undefined) continue;
      const at = framer.halt();
      if (at < end) this.#keep(bytes, at, end);
      return this.#work(work);
    }
    this.#flush();
  }

  /** Answers the frame, or returns what will. */
  #take(): Promise<void> | undefined {
    const { tag } = this.#framer;
    if (tag === FRONTEND.terminate) {
      this.end(this.#wire);
      return undefined;
    }
    if (tag === FRONTEND.sync) {
      this.#skipping = false;
      this.#portals.clear();
      writeReady(this.#writer, STATUS.idle);
      return undefined;
    }
    if (this.#skipping) return undefined;
    return this.#answer(tag);
  }

  #answer(tag: number): Promise<void> | undefined {
    const framer = this.#framer;
    const { bytes } = framer;
    switch (tag) {
      case FRONTEND.query: {
        const { textStart, textEnd } = query.read(framer);
        return this.#simple(readCommand(clientText(bytes, textStart, textEnd)));
      }
      case FRONTEND.execute: {
        const { portalStart, portalEnd } = execute.read(framer);
        const command = this.#portals.get(clientText(bytes, portalStart, portalEnd));
        if (command === undefined) return this.#skip(noSuch("portal"));
        return this.#run(command, true);
      }
      case FRONTEND.parse:
        return this.#prepare();
      case FRONTEND.bind:
        return this.#bind();
      case FRONTEND.describe:
      case FRONTEND.close:
        return this.#mention(tag);
      case FRONTEND.flush:
        return undefined;
      default:
        return this.#skip(unsupported("this message has no meaning in the admin console"));
    }
  }

  async #simple(command: Command): Promise<void> {
    if (command.kind === "empty") writeEmptyQuery(this.#writer);
    else await this.#run(command, false);
    writeReady(this.#writer, STATUS.idle);
  }

  #prepare(): undefined {
    const { bytes } = this.#framer;
    const { nameStart, nameEnd, textStart, textEnd } = parse.read(this.#framer);
    const command = readCommand(clientText(bytes, textStart, textEnd));
    if (command.kind === "unknown") return this.#skip(command.words);
    if (this.#statements.size >= NAMES_MAX) return this.#skip(tooMany("statements"));
    this.#statements.set(clientText(bytes, nameStart, nameEnd), command);
    writeParseComplete(this.#writer);
  }

  #bind(): undefined {
    const { bytes } = this.#framer;
    const { portalStart, portalEnd, nameStart, nameEnd, valueCount } = bind.read(this.#framer);
    const command = this.#statements.get(clientText(bytes, nameStart, nameEnd));
    if (command === undefined) return this.#skip(noSuch("prepared statement"));
    if (valueCount > 0) return this.#skip(unsupported("commands of the admin console take no parameters"));
    if (this.#portals.size >= NAMES_MAX) return this.#skip(tooMany("portals"));
    this.#portals.set(clientText(bytes, portalStart, portalEnd), command);
    writeBindComplete(this.#writer);
  }

  #mention(tag: number): undefined {
    const { bytes } = this.#framer;
    const { kind, nameStart, nameEnd } = mention.read(this.#framer);
    const names = kind === STATEMENT ? this.#statements : this.#portals;
    const name = clientText(bytes, nameStart, nameEnd);
    if (tag === FRONTEND.close) {
      names.delete(name);
      return writeCloseComplete(this.#writer) as undefined;
    }
    const command = names.get(name);
    if (command === undefined) return this.#skip(noSuch(kind === STATEMENT ? "prepared statement" : "portal"));
    if (kind === STATEMENT) writeParameterDescription(this.#writer, []);
    const columns = columnsOf(command);
    if (columns === undefined) writeNoData(this.#writer);
    else writeColumns(this.#writer, columns, true);
  }

  /** What the desk cannot do is the end of the command, and not of the conversation. */
  async #run(command: Command, extended: boolean): Promise<void> {
    try {
      await this.#obey(command, extended);
    } catch (thrown) {
      this.#complain({ ...wordsOf(faultOf(thrown)), severity: "ERROR" }, extended);
    }
  }

  async #obey(command: Command, extended: boolean): Promise<void> {
    switch (command.kind) {
      case "empty":
        return writeEmptyQuery(this.#writer);
      case "unknown":
        return this.#complain(command.words, extended);
      case "help":
        return this.#help();
      case "show":
        return this.#show(command.table, extended);
      case "do":
        return this.#perform(command, extended);
    }
  }

  #help(): void {
    const words = { severity: "NOTICE", code: SQLSTATE.successfulCompletion, message: "Console usage" } as const;
    writeNoticeResponse(this.#writer, { ...words, detail: helpText() });
    writeCommandComplete(this.#writer, "SHOW");
  }

  async #show(table: TableName, extended: boolean): Promise<void> {
    const rows = await this.#desk.show(table);
    if (!extended) writeColumns(this.#writer, TABLES[table], false);
    for (const row of rows) writeRow(this.#writer, row);
    writeCommandComplete(this.#writer, "SHOW");
  }

  async #perform({ verb, database }: Extract<Command, { kind: "do" }>, extended: boolean): Promise<void> {
    if (!this.#mayCommand) return this.#complain(forbidden(), extended);
    const refusal = await this.#desk.perform(verb, database);
    if (refusal === undefined) writeCommandComplete(this.#writer, verb.toUpperCase());
    else this.#complain(refusal, extended);
  }

  #work(work: Promise<void>): void {
    this.#busy = true;
    this.#wire.pause();
    void work.then(
      () => this.#done(),
      (thrown: unknown) => this.#fail(thrown),
    );
  }

  #done(): void {
    if (this.#gone) return;
    this.#busy = false;
    const kept = this.#kept;
    this.#kept = EMPTY;
    this.#guard(() => {
      this.#flush();
      if (kept.length > 0) this.#hear(kept, 0, kept.length);
    });
    if (!this.#busy && !this.#gone && this.#spill.length === 0) this.#wire.resume();
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    if (this.#kept.length + end - start > KEPT_BYTES_MAX) return this.#wire.close();
    const kept = new Uint8Array(this.#kept.length + end - start);
    kept.set(this.#kept);
    kept.set(bytes.subarray(start, end), this.#kept.length);
    this.#kept = kept;
  }

  #skip(words: NoticeWords): undefined {
    this.#complain(words, true);
  }

  #complain(words: NoticeWords, extended: boolean): void {
    writeErrorResponse(this.#writer, words);
    this.#skipping = extended;
  }

  #flush(): void {
    const writer = this.#writer;
    if (writer.length === 0) return;
    const sent = this.#spill.write(this.#wire, writer.bytes, 0, writer.end);
    writer.clear();
    if (sent === "waiting") this.#wire.pause();
    if (sent === "full" || sent === "gone") this.#wire.close();
  }

  #guard(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    if (this.#gone) return;
    this.#writer.clear();
    this.dismiss({ ...wordsOf(faultOf(thrown)), severity: "FATAL" });
  }
}

function columnsOf(command: Command): Columns | undefined {
  return command.kind === "show" ? TABLES[command.table] : undefined;
}

function noSuch(what: "portal" | "prepared statement"): NoticeWords {
  const code = what === "portal" ? SQLSTATE.invalidCursorName : SQLSTATE.invalidStatementName;
  return { severity: "ERROR", code, message: `${what} does not exist` };
}

function tooMany(what: string): NoticeWords {
  return { severity: "ERROR", code: SQLSTATE.limitExceeded, message: `too many ${what}` };
}

function unsupported(message: string): NoticeWords {
  return { severity: "ERROR", code: SQLSTATE.featureNotSupported, message };
}

function forbidden(): NoticeWords {
  return {
    severity: "ERROR",
    code: SQLSTATE.insufficientPrivilege,
    message: "admin access is needed",
    hint: "Only users of pool.admin_users may do this, and the box's own user over a unix socket.",
  };
}
