/**
 * Prepared statements without sessions. A client's name stands for a `Statement` (a text, its parameter types and the
 * settings it is read by, known once per `Statements`), and a Statement has the same name, `scale_<n>`, on every link that
 * has it. So a client keeps its statements when it gets another link, and clients that understand a text alike share them.
 * It sends nothing: `client-requests.ts` does.
 *
 * Invariants: a Statement lives while a client or a link has it; names of a client are bounded in number and bytes; a link
 * is trimmed to `entriesMax` before each client; whether it still has one is never assumed behind a DISCARD or DEALLOCATE
 * that was sent, nor behind an error: it is closed and prepared anew then, before it is used.
 */
import type { Budget } from "../base/byte-queue.ts";
import { equal, startsWith } from "../base/bytes.ts";
import { Fault } from "../base/fault.ts";
import { hashBytes } from "../base/hash.ts";
import { Lru } from "../base/lru.ts";
import { NOTHING_LEFT, type Traces } from "../sql/classify.ts";

export class Statement {
  /** Above 0; 0 stands for no statement where a number is wanted. */
  readonly id: number;
  /** On links. */
  readonly name: Uint8Array;
  /** What stands behind the name in a Parse: the text, a zero byte, the types. */
  readonly body: Uint8Array;
  readonly hash: number;
  readonly traces: Traces;
  /** Of the settings that it is read by: `ClientSettings.meaning`. */
  readonly meaning: string;
  /** How many names of clients and entries of links there are. */
  uses = 0;
  /**
   * The server has said that its plan must not change the type of its result: whoever has it must hear that again and
   * again until they prepare it anew, since they know the old columns.
   */
  isStale = false;
  /** Others of the same hash. */
  next: Statement | undefined;

  constructor(id: number, body: Uint8Array, hash: number, { traces, meaning }: Reading) {
    this.id = id;
    this.name = asciiOf(`${LINK_PREFIX}${id}`);
    this.body = body;
    this.hash = hash;
    this.traces = traces;
    this.meaning = meaning;
  }
}

/** How a text is understood, besides its words. */
export interface Reading {
  readonly traces: Traces;
  readonly meaning: string;
}

/** How the names of our statements begin on links. A client's own such names are told apart by `foreignName`. */
export const LINK_PREFIX = "scale_";
const PREFIX_BYTES: Uint8Array = asciiOf(LINK_PREFIX);

const BYTES_MAX = 0x10000000;

/** All statements that the clients and links of a pool have. */
export class Statements {
  readonly #byHash = new Map<number, Statement>();
  readonly #byId = new Map<number, Statement>();
  readonly #bytesMax: number;
  #last = 0;
  #bytes = 0;

  /** `bytesMax`: of all texts together. */
  constructor(bytesMax = BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Whether one more of that many bytes may be kept. */
  hasRoom(bytes: number): boolean {
    return this.#bytes + bytes <= this.#bytesMax;
  }

  byId(id: number): Statement | undefined {
    return this.#byId.get(id);
  }

  /** The statement of [start, end), the body of a Parse; made when there is none, and gone again when nobody uses it. */
  intern(bytes: Uint8Array, start: number, end: number, reading: Reading): Statement {
    const { meaning } = reading;
    const hash = mixed(hashBytes(bytes, start, end), meaning);
    const first = this.#byHash.get(hash);
    for (let known = first; known !== undefined; known = known.next) {
      const isSame = known.body.length === end - start && known.meaning === meaning;
      if (isSame && startsWith(bytes, start, known.body)) return known;
    }
    const made = new Statement(++this.#last, bytes.slice(start, end), hash, reading);
    made.next = first;
    this.#byHash.set(hash, made);
    this.#byId.set(made.id, made);
    this.#bytes += made.body.length;
    return made;
  }

  use(statement: Statement): void {
    statement.uses += 1;
  }

  leave(statement: Statement): void {
    statement.uses -= 1;
    if (statement.uses > 0) return;
    if (!statement.isStale) this.#unlink(statement);
    if (this.#byId.delete(statement.id)) this.#bytes -= statement.body.length;
  }

  /** Its plan cannot be used any more: who prepares this text from now on gets another statement. */
  retire(statement: Statement): void {
    if (statement.isStale) return;
    statement.isStale = true;
    this.#unlink(statement);
  }

  #unlink(statement: Statement): void {
    const first = this.#byHash.get(statement.hash);
    if (first === statement) {
      if (statement.next === undefined) this.#byHash.delete(statement.hash);
      else this.#byHash.set(statement.hash, statement.next);
      return;
    }
    for (let known = first; known !== undefined; known = known.next) {
      if (known.next === statement) known.next = statement.next;
    }
  }
}

/** What a link may have prepared, and what it is known to have. */
export class LinkStatements {
  readonly entriesMax: number;
  readonly #statements: Statements;
  /** By id. One that is not of this epoch may be there or not; it counts until it is closed. */
  readonly #entries = new Lru<number, Entry>(ENTRIES_MAX);
  #epoch = 0;
  /** Whose unnamed statement it has, and which of theirs. */
  #unnamedOf: object | undefined;
  #unnamedSerial = 0;

  constructor(statements: Statements, entriesMax: number) {
    this.entriesMax = entriesMax;
    this.#statements = statements;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Known to be there; asking counts as use. */
  has(statement: Statement): boolean {
    return this.#entries.get(statement.id)?.epoch === this.#epoch;
  }

  /** It is being prepared, behind a Close of its name: so it is right whatever was there. */
  add(statement: Statement): void {
    if (this.#entries.peek(statement.id) === undefined) this.#statements.use(statement);
    this.#entries.set(statement.id, { statement, epoch: this.#epoch });
  }

  /** It may be there, or not: what should have prepared or closed it failed. */
  doubtOne(statement: Statement): void {
    if (this.#entries.peek(statement.id) !== undefined) this.#entries.set(statement.id, { statement, epoch: DOUBTFUL });
  }

  /** Something was sent that may take all of them away. */
  doubt(): void {
    this.#epoch += 1;
  }

  /** It did: those that were not prepared since are gone. */
  forget(): void {
    for (const [, { statement, epoch }] of [...this.#entries]) if (epoch !== this.#epoch) this.#delete(statement);
  }

  /** The one to be closed next, while there are too many: it counts no more. Its name is valid until this turn ends. */
  trim(): Uint8Array | undefined {
    if (this.#entries.size <= this.entriesMax) return undefined;
    for (const [, { statement }] of this.#entries) {
      this.#delete(statement);
      return statement.name;
    }
    return undefined;
  }

  /** The link is gone, or the server has forgotten all. */
  clear(): void {
    for (const [, { statement }] of this.#entries) this.#statements.leave(statement);
    this.#entries.clear();
    this.#unnamedOf = undefined;
  }

  hasUnnamed(owner: object, serial: number): boolean {
    return this.#unnamedOf === owner && this.#unnamedSerial === serial;
  }

  /** Nobody's that is known: `undefined`. */
  setUnnamed(owner: object | undefined, serial: number): void {
    this.#unnamedOf = owner;
    this.#unnamedSerial = serial;
  }

  #delete(statement: Statement): void {
    if (this.#entries.delete(statement.id)) this.#statements.leave(statement);
  }
}

interface Entry {
  readonly statement: Statement;
  readonly epoch: number;
}

/** Of no epoch. */
const DOUBTFUL = -1;
/** More than one pipeline can prepare before it is quiet and `trim` is asked. */
const ENTRIES_MAX = 0x100000;

export interface ClientStatementsLimits {
  readonly entriesMax: number;
  /** Of bodies and names, over all names of one client. */
  readonly bytesMax: number;
}

interface Named {
  readonly name: Uint8Array;
  readonly statement: Statement;
  readonly epoch: number;
  /** Others of the same hash. */
  readonly next: Named | undefined;
}

/** The names that one client has prepared. */
export class ClientStatements {
  readonly #statements: Statements;
  readonly #limits: ClientStatementsLimits;
  readonly #names = new Map<number, Named>();
  #size = 0;
  #bytes = 0;
  #epoch = 0;
  #isClosed = false;
  /** What was asked for last: most clients use one statement again and again. */
  #recent: Named | undefined;

  constructor(statements: Statements, limits: ClientStatementsLimits) {
    this.#statements = statements;
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  find(bytes: Uint8Array, start: number, end: number): Statement | undefined {
    const recent = this.#recent;
    if (recent !== undefined && recent.name.length === end - start && startsWith(bytes, start, recent.name)) {
      return recent.statement;
    }
    let named = this.#names.get(hashBytes(bytes, start, end));
    while (named !== undefined && !(named.name.length === end - start && startsWith(bytes, start, named.name))) {
      named = named.next;
    }
    if (named !== undefined) this.#recent = named;
    return named?.statement;
  }

  /** Whether there is room for one more of that many bytes, name included. */
  hasRoom(bytes: number): boolean {
    const { entriesMax, bytesMax } = this.#limits;
    return this.#size < entriesMax && this.#bytes + bytes <= bytesMax && this.#statements.hasRoom(bytes);
  }

  /** Nothing when the name is there already. */
  add(name: Uint8Array, statement: Statement): void {
    if (this.#isClosed || this.find(name, 0, name.length) !== undefined) return;
    const hash = hashBytes(name, 0, name.length);
    this.#names.set(hash, { name, statement, epoch: this.#epoch, next: this.#names.get(hash) });
    this.#statements.use(statement);
    this.#size += 1;
    this.#bytes += name.length + statement.body.length;
  }

  /** The statement that had the name. */
  delete(name: Uint8Array): Statement | undefined {
    const hash = hashBytes(name, 0, name.length);
    const statement = this.find(name, 0, name.length);
    if (statement === undefined) return undefined;
    const rest = without(this.#names.get(hash), name);
    if (rest === undefined) this.#names.delete(hash);
    else this.#names.set(hash, rest);
    this.#recent = undefined;
    this.#size -= 1;
    this.#bytes -= name.length + statement.body.length;
    this.#statements.leave(statement);
    return statement;
  }

  /** Something was sent that may take all of them away. */
  doubt(): void {
    this.#epoch += 1;
  }

  /** It did: those that were not prepared since are gone. */
  forget(): void {
    for (const { name, epoch } of this.#all()) if (epoch !== this.#epoch) this.delete(name);
  }

  /** The client is gone; nothing comes back. */
  close(): void {
    this.#isClosed = true;
    for (const { name } of this.#all()) this.delete(name);
  }

  #all(): Named[] {
    const all: Named[] = [];
    for (const first of this.#names.values()) {
      for (let named: Named | undefined = first; named !== undefined; named = named.next) all.push(named);
    }
    return all;
  }
}

/** The unnamed statement of a client: what has to be said again where another link does not have it. */
export class UnnamedStatement {
  /** Of the latest; 0 when the client has none. */
  serial = 0;
  traces: Traces = NOTHING_LEFT;
  #body: Uint8Array = EMPTY;
  #length = 0;
  /** Of the last that was set or cleared, of the last that the server dealt with, and of the one that is kept here. */
  #latest = 0;
  #taken = 0;
  #kept = 0;
  readonly #budget: Budget;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  get body(): Uint8Array {
    return this.#body;
  }

  get length(): number {
    return this.#length;
  }

  /** [start, end) is what stands behind the name in its Parse, which is being sent. */
  set(bytes: Uint8Array, start: number, end: number, traces: Traces): void {
    const length = end - start;
    if (length > this.#body.length || this.#body.length > OWN_BYTES_MAX) this.#makeRoom(length);
    if (length < VIEW_BYTES_MIN) for (let at = 0; at < length; at++) this.#body[at] = bytes[start + at]!;
    else this.#body.set(bytes.subarray(start, end));
    this.#length = length;
    this.traces = traces;
    this.#latest = (this.#latest % SERIAL_MAX) + 1;
    this.#kept = this.#latest;
    this.serial = this.#latest;
  }

  /** The server has done that: there is a statement now, or none any more. */
  taken(serial: number): void {
    this.#taken = serial;
    if (serial === this.#latest && serial === this.#kept) this.serial = serial;
  }

  /** The server has refused that one, and the one before it is gone. */
  refused(serial: number): void {
    this.#taken = 0;
    if (serial === this.serial) this.serial = 0;
  }

  /**
   * The server skips what it was sent, `newest` at last. Unless something was sent behind that, there is what there was
   * before: the statement that is kept here, or one that is lost.
   */
  skipped(newest: number): void {
    if (newest !== this.#latest) return;
    this.serial = this.#taken === this.#kept ? this.#kept : 0;
  }

  /** A message is sent that ends it. Returns the number by which that is known. */
  clear(): number {
    this.serial = 0;
    this.#latest = (this.#latest % SERIAL_MAX) + 1;
    return this.#latest;
  }

  /** The client is gone. */
  close(): void {
    if (this.#body.length > OWN_BYTES_MAX) this.#budget.giveBack(this.#body);
    this.#body = EMPTY;
    this.clear();
  }

  /** Short ones, which is almost all, are the client's own; the memory of others is everybody's. */
  #makeRoom(length: number): void {
    if (this.#body.length > OWN_BYTES_MAX) this.#budget.giveBack(this.#body);
    this.#body = EMPTY;
    this.#kept = 0;
    if (length <= OWN_BYTES_MAX) {
      this.#body = new Uint8Array(Math.min(OWN_BYTES_MAX, Math.max(2 * length, BODY_BYTES_MIN)));
      return;
    }
    const block = this.#budget.lend(length);
    if (block === undefined) throw new Fault("OVERLOADED", "Cannot keep a statement: the budget for bytes is used up");
    this.#body = block;
  }
}

/** Serials stand beside the ids of statements, with their sign turned. */
const SERIAL_MAX = 0x3fffffff;
const EMPTY = new Uint8Array(0);
const BODY_BYTES_MIN = 128;
/** Less than the smallest block of the Budget. */
const OWN_BYTES_MAX = 4_095;
/** Below this, copying byte by byte costs less than the short-lived view that a block copy needs. */
const VIEW_BYTES_MIN = 64;

/** Whether a client's own name could be taken for one of ours. */
export function foreignName(bytes: Uint8Array, start: number): boolean {
  return startsWith(bytes, start, PREFIX_BYTES);
}

function without(first: Named | undefined, name: Uint8Array): Named | undefined {
  if (first === undefined) return undefined;
  if (equal(first.name, name)) return first.next;
  return { ...first, next: without(first.next, name) };
}

/** So that one text, read in many ways, is no long chain. */
function mixed(hash: number, text: string): number {
  let mix = hash;
  for (let at = 0; at < text.length; at++) mix = Math.imul(mix ^ text.charCodeAt(at), 0x01000193);
  return mix;
}

function asciiOf(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
