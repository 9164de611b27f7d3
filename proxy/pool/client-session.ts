/**
 * The session that a client believes to have, whatever link it has just now: its settings, its prepared statements, and what
 * of it is held by the link alone. It sends nothing and knows no wire.
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Part } from "../pg/framer.ts";
import type { Named } from "../pg/frontend.ts";
import { Answer, Pins } from "../pgconn/pins.ts";
import type { Link } from "../pgconn/link.ts";
import type { Note } from "../pgconn/replies.ts";
import { ClientSettings, hasMeaning } from "../pgconn/settings.ts";
import {
  ClientStatements,
  UnnamedStatement,
  type ClientStatementsLimits,
  type Statement,
  type Statements,
} from "../pgconn/statements.ts";
import type { Traces } from "../sql/classify.ts";

/** Many more than any driver caches; what a client can make us remember is bounded by both. */
const STATEMENTS_LIMITS: ClientStatementsLimits = { entriesMax: 4_096, bytesMax: 0x1000000 };

export class ClientSession {
  readonly settings: ClientSettings;
  readonly statements: ClientStatements;
  readonly unnamed: UnnamedStatement;
  readonly pins = new Pins();
  readonly answer = new Answer();

  /**
   * Settings that went back to what the server starts with, and must be told again what the client started with, before
   * anything else of the client's is done.
   */
  due: readonly string[] | undefined;
  /** By a DISCARD ALL, which has ended whatever there was of a transaction. */
  isDiscarded = false;
  readonly #known: Statements;
  /** They will be due when what is about to be sent is done. */
  #resets: readonly string[] | undefined;
  /** Prepared on the link where settings may have been others than those we know of. */
  readonly #unsure: Statement[] = [];

  /** `startup` as `startupSettings` reads it. */
  constructor(startup: ReadonlyMap<string, string>, statements: Statements, budget: Budget) {
    this.#known = statements;
    this.unnamed = new UnnamedStatement(budget);
    this.settings = new ClientSettings(startup);
    this.statements = new ClientStatements(statements, STATEMENTS_LIMITS);
  }

  /** A text is sent that may leave this. True when what follows depends on what becomes of it. */
  leave(traces: Traces, link: Link): boolean {
    this.pins.leave(traces);
    const resets = this.#resetsOf(traces);
    if (resets.length > 0) this.#resets = resets;
    if (!traces.deallocates) return resets.length > 0;
    link.statements.doubt();
    if (traces.deallocated === undefined) this.statements.doubt();
    return true;
  }

  /** For the entry of what was just said to leave something: once it is done, some settings are not the client's own. */
  takeNote(): Note | undefined {
    const resets = this.#resets;
    if (resets === undefined) return undefined;
    this.#resets = undefined;
    const answered = (good: boolean): void => {
      if (good) this.due = resets;
    };
    return { answered, undone: () => undefined };
  }

  /** Says to the link what a RESET should have made of it. */
  restored(link: Link, names: readonly string[]): void {
    for (const name of names) {
      const value = this.settings.startup.get(name);
      if (value === undefined) continue;
      this.settings.set(name, value);
      link.settings.set(name, value);
    }
  }

  #resetsOf({ allSettings, resets }: Traces): readonly string[] {
    const { startup } = this.settings;
    if (startup.size === 0) return NONE;
    if (allSettings) return [...startup.keys()];
    return resets.length === 0 ? NONE : resets.filter((name) => startup.has(name));
  }

  /** The server reports a setting; `own` when it was this client's doing. */
  reported(link: Link, report: Report, own: boolean): void {
    const name = report.name.toLowerCase();
    const isBase = link.settings.isBase(name, report.value, report.before);
    if (!own) return;
    // What was sent behind it in one go may be prepared already.
    if (hasMeaning(name)) this.doubtUnsure(link);
    if (isBase && !this.settings.startup.has(name)) {
      link.settings.delete(name);
      this.settings.delete(name);
    } else {
      link.settings.set(name, report.value);
      this.settings.set(name, report.value);
    }
  }

  /** DISCARD ALL was done. */
  discarded(link: Link): void {
    this.deallocated(link);
    link.settings.clear();
    this.settings.resetAll();
    this.pins.discarded();
    this.isDiscarded = true;
  }

  /** DEALLOCATE ALL was done. */
  deallocated(link: Link): void {
    link.statements.forget();
    this.statements.forget();
  }

  /** The statement of [start, end), the body of a Parse. */
  intern(bytes: Uint8Array, start: number, end: number, traces: Traces): Statement {
    return this.#known.intern(bytes, start, end, { traces, meaning: this.settings.meaning });
  }

  /** The statement of a name, as the client's settings read it now, for a link that does not have it as it was. */
  renew(statement: Statement, { bytes }: Part, { nameStart, nameEnd }: Named): Statement {
    const { body, traces, meaning } = statement;
    if (meaning === this.settings.meaning) return statement;
    const renewed = this.intern(body, 0, body.length, traces);
    const name = bytes.slice(nameStart, nameEnd);
    this.statements.delete(name);
    this.statements.add(name, renewed);
    return renewed;
  }

  /** It is being prepared on the link. Where that reads it otherwise than its meaning says, no other client must have it. */
  prepared(statement: Statement, link: Link): void {
    if (statement.meaning !== this.settings.meaning) link.statements.doubtOne(statement);
    else this.#unsure.push(statement);
  }

  /** All that was sent is answered: what was prepared was read as we believe, if nothing says that it may not have been. */
  settled(): void {
    if (this.#unsure.length > 0 && !this.pins.readsOtherwise) this.#unsure.length = 0;
  }

  /** What was prepared and may have been read otherwise is prepared anew when it is wanted. */
  doubtUnsure(link: Link): void {
    for (const statement of this.#unsure) link.statements.doubtOne(statement);
    this.#unsure.length = 0;
  }

  /** The link goes: what it was told for a transaction goes with it. */
  released(link: Link): void {
    if (this.pins.readsOtherwise) this.doubtUnsure(link);
    this.pins.settled();
  }

  /** It stays although its name goes, until what is returned is called. */
  keep(statement: Statement): () => void {
    this.#known.use(statement);
    return () => this.#known.leave(statement);
  }

  /** The server says that its plan does not fit any more. */
  retire(id: number): void {
    const statement = this.#known.byId(id);
    // Read by other settings it may be another for this client alone.
    const isOwn = statement?.meaning === this.settings.meaning && !this.pins.readsOtherwise;
    if (statement !== undefined && isOwn) this.#known.retire(statement);
  }

  /** What the client has of the pool's memory is given back. */
  close(): void {
    this.statements.close();
    this.unnamed.close();
    this.answer.clear();
  }
}

const NONE: readonly string[] = [];

export interface Report {
  readonly name: string;
  readonly value: string;
  /** What was reported before on this link. */
  readonly before: string | undefined;
}
