/**
 * What a server still owes on one link: a queue of expected replies, one entry for each message that was sent and is
 * answered, and what is to become of the answer: pass it on, drop it because the client never asked, or forge one that the
 * server was never asked for. It reads no bytes: it is told of tags, and keeps the rules of who answers what.
 *
 * Invariants: entries leave in the order they came, each by the answer that its kind has; after an error everything up to
 * the next Sync is taken out, as the server skips it; a tag that answers nothing is a Fault, never a guess.
 * Spec: PostgreSQL documentation, "Message Flow": Extended Query, Pipelining, COPY Operations.
 */
import { Fault } from "../base/fault.ts";
import { Ring } from "../base/ring.ts";
import { BACKEND, FRONTEND, tagName } from "../pg/tag.ts";
import type { NoticeWords } from "../pg/notice.ts";

/** What was sent. `none` is no entry. */
export const EXPECT = {
  none: 0,
  query: 1,
  functionCall: 2,
  sync: 3,
  parse: 4,
  bind: 5,
  close: 6,
  describeStatement: 7,
  describePortal: 8,
  execute: 9,
  /** Not answered: where the client sent data of a COPY, or ended it, before it was known whether there is one. */
  copyData: 10,
  copyEnd: 11,
} as const;

export type Expect = (typeof EXPECT)[keyof typeof EXPECT];

/** By the tag of a client's message; of those that are answered. */
export function expectOf(tag: number): Expect {
  switch (tag) {
    case FRONTEND.query:
      return EXPECT.query;
    case FRONTEND.parse:
      return EXPECT.parse;
    case FRONTEND.bind:
      return EXPECT.bind;
    case FRONTEND.close:
      return EXPECT.close;
    case FRONTEND.describe:
      return EXPECT.describeStatement;
    case FRONTEND.functionCall:
      return EXPECT.functionCall;
    default:
      return EXPECT.execute;
  }
}

/** What becomes of a frame: to the client, nowhere, nowhere because nobody asked for it, or to who asks the server. */
export const FORWARD = 0;
export const DROP = 1;
export const FORGE = 2;
export const ASK = 3;
/** Of no question: notices, notifications and parameters. */
export const ALONE = 4;

export type Mode = typeof FORWARD | typeof DROP | typeof FORGE | typeof ASK;
export type Verdict = Mode | typeof ALONE;

/** What hangs on an answer. Rare, so it is an object: a name that is prepared by it, words of ours in place of an error. */
export interface Note {
  /** The answer came: `good` when it was no error. Not called when `undone` is. */
  answered(good: boolean): void;
  /** The server never looked at the message, because of an error before it. */
  undone(): void;
  /** What the client is told in place of an error with the SQLSTATE `of`. */
  readonly instead?: { readonly of: string; readonly words: NoticeWords };
}

/** One entry is two numbers: kind, mode and whether it has a note; and the statement that it is about, or 0. */
const STRIDE = 2;
const KIND_MASK = 0xff;
const MODE_SHIFT = 8;
const NOTED = 0x10000;
const ENTRIES_AT_FIRST = 8;
/** More than any chunk can hold; who pushes looks at `length` and pauses far below. */
const ENTRIES_MAX = 0x100000;
const NOTES_MAX = 0x100000;

export class Replies {
  /** The server skips what it is sent until a Sync that has not been sent. */
  skipping = false;
  /** The server is in copy-in mode, and the client has not ended it: a Sync or Flush now would not be answered. */
  copying = false;
  /** Messages of the extended protocol were sent behind the last Sync. */
  unsynced = false;
  /** The newest unnamed statement that the last error has the server skip, as pushed but positive; 0 when there is none. */
  skippedUnnamed = 0;
  #ring = new Int32Array(ENTRIES_AT_FIRST * STRIDE);
  /** In entries; the ring's size in entries is a power of two. */
  #head = 0;
  #length = 0;
  /** Of the oldest entry, or EXPECT.none. */
  #kind: number = EXPECT.none;
  #mode: Mode = FORWARD;
  /**
   * How many Syncs behind the oldest entry stand in the middle of its COPY's data: a COPY that ends well has swallowed
   * them; one that fails is followed by the answer to the next of them.
   */
  #doubtful = 0;
  /** The oldest entry, a query or function call, has failed already; its ReadyForQuery is still to come. */
  #failed = false;
  readonly #notes = new Ring<Note>(NOTES_MAX);

  get length(): number {
    return this.#length;
  }

  /** Nothing is owed, and no Sync either. */
  get quiet(): boolean {
    return this.#length === 0 && !this.unsynced && !this.skipping;
  }

  /** What the oldest entry is. */
  get kind(): number {
    return this.#kind;
  }

  get mode(): Mode {
    return this.#mode;
  }

  /** The statement that the oldest entry is about; 0 when none. */
  get statement(): number {
    return this.#length === 0 ? 0 : this.#ring[this.#place(0) + 1]!;
  }

  /** The note of the oldest entry. */
  get note(): Note | undefined {
    return this.#length > 0 && (this.#ring[this.#place(0)]! & NOTED) !== 0 ? this.#notes.at(0) : undefined;
  }

  /** Something hangs on answers that have not come. */
  get hasNotes(): boolean {
    return this.#notes.length > 0;
  }

  push(kind: Expect, mode: Mode, statement = 0, note?: Note): void {
    if (this.#length * STRIDE === this.#ring.length) this.#grow();
    const place = this.#place(this.#length);
    this.#ring[place] = kind | (mode << MODE_SHIFT) | (note === undefined ? 0 : NOTED);
    this.#ring[place + 1] = statement;
    if (note !== undefined && !this.#notes.push(note)) this.#overflow();
    if (kind >= EXPECT.parse && kind <= EXPECT.execute) this.unsynced = true;
    this.#length += 1;
    if (this.#length === 1) this.#look();
  }

  pushSync(mode: Mode): void {
    this.push(EXPECT.sync, mode);
    this.unsynced = false;
    this.skipping = false;
  }

  /** The client sends data of a COPY, known or not. */
  pushCopyData(): void {
    if (this.copying || this.#length === 0) return;
    const newest = this.#ring[this.#place(this.#length - 1)]! & KIND_MASK;
    if (newest !== EXPECT.copyData) this.push(EXPECT.copyData, DROP);
  }

  /** The client has ended a COPY, known or not. */
  pushCopyEnd(): void {
    if (this.copying) this.copying = false;
    else if (this.#length > 0) this.push(EXPECT.copyEnd, DROP);
  }

  /** What is to become of a frame of the server, of which this is the BEGIN or the WHOLE. Errors: `error`. Throws Fault. */
  answer(tag: number): Verdict {
    switch (tag) {
      case BACKEND.dataRow:
      case BACKEND.copyData:
      case BACKEND.copyDone:
      case BACKEND.copyOut:
        return this.#within(tag);
      case BACKEND.rowDescription:
        return this.#kind === EXPECT.query ? this.#mode : this.#endsIf(this.#isDescribe, tag);
      case BACKEND.commandComplete:
        if (this.#doubtful > 0) this.#dropBehind(this.#doubtful);
        return this.#kind === EXPECT.query ? this.#mode : this.#endsIf(this.#kind === EXPECT.execute, tag);
      case BACKEND.emptyQuery:
        return this.#kind === EXPECT.query ? this.#mode : this.#endsIf(this.#kind === EXPECT.execute, tag);
      case BACKEND.ready:
        return this.#ready();
      case BACKEND.bindComplete:
        return this.#endsIf(this.#kind === EXPECT.bind, tag);
      case BACKEND.parseComplete:
        return this.#endsIf(this.#kind === EXPECT.parse, tag);
      case BACKEND.closeComplete:
        return this.#endsIf(this.#kind === EXPECT.close, tag);
      case BACKEND.portalSuspended:
        return this.#endsIf(this.#kind === EXPECT.execute, tag);
      case BACKEND.noData:
        return this.#endsIf(this.#isDescribe, tag);
      case BACKEND.parameterDescription:
        return this.#kind === EXPECT.describeStatement ? this.#mode : this.#refuse(tag);
      case BACKEND.copyIn:
      case BACKEND.copyBoth:
        return this.#enterCopy(tag);
      case BACKEND.functionResult:
        return this.#kind === EXPECT.functionCall ? this.#mode : this.#refuse(tag);
      case BACKEND.notice:
      case BACKEND.parameterStatus:
      case BACKEND.notification:
        return ALONE;
      default:
        return this.#refuse(tag);
    }
  }

  /** The same for an ErrorResponse. One that answers nothing is the server's farewell, and ALONE. */
  error(): Verdict {
    this.copying = false;
    this.#doubtful = 0;
    const mode = this.#mode;
    switch (this.#kind) {
      case EXPECT.none:
        return ALONE;
      case EXPECT.query:
      case EXPECT.functionCall:
      case EXPECT.sync:
        this.#failed = true;
        return mode;
      default:
        this.#skipToSync();
        // A message that we slipped in fails in the place of the client's that needed it.
        return FORWARD;
    }
  }

  /**
   * Takes out the oldest entry if it is one to be forged, and says what it is; EXPECT.none otherwise. `good`: the answer
   * will be no error.
   */
  forged(good = true): number {
    if (this.#mode !== FORGE || this.#length === 0) return EXPECT.none;
    const kind = this.#kind;
    this.#shift(good);
    return kind;
  }

  /** The link is gone: nothing is answered any more. */
  abandon(): void {
    for (let index = this.#notes.length - 1; index >= 0; index--) this.#notes.at(index)?.undone();
    this.#notes.clear();
    this.#length = 0;
    this.#look();
  }

  get #isDescribe(): boolean {
    return this.#kind === EXPECT.describePortal || this.#kind === EXPECT.describeStatement;
  }

  #within(tag: number): Verdict {
    const kind = this.#kind;
    return kind === EXPECT.query || kind === EXPECT.execute ? this.#mode : this.#refuse(tag);
  }

  #endsIf(fits: boolean, tag: number): Verdict {
    if (!fits) this.#refuse(tag);
    const mode = this.#mode;
    this.#shift(true);
    return mode;
  }

  #ready(): Verdict {
    const kind = this.#kind;
    this.copying = false;
    this.#doubtful = 0;
    if (kind === EXPECT.sync || kind === EXPECT.query || kind === EXPECT.functionCall) {
      const mode = this.#mode;
      this.#shift(!this.#failed);
      return mode;
    }
    // A Sync that was sent inside of a COPY, and read behind the error that ended it.
    if (kind !== EXPECT.none || !this.skipping) this.#refuse(BACKEND.ready);
    this.skipping = false;
    this.unsynced = false;
    return FORWARD;
  }

  /**
   * The server reads on in copy-in mode, where it does not answer a Sync. Of those that were sent already the ones before
   * any data go; whether it finds the others there, or only behind an error, is not known yet.
   */
  #enterCopy(tag: number): Verdict {
    const mode = this.#within(tag);
    let [syncs, hasData, at] = [0, false, 1];
    this.copying = true;
    for (; at < this.#length && this.copying; at++) {
      const kind = this.#ring[this.#place(at)]! & KIND_MASK;
      if (kind === EXPECT.sync && hasData) syncs += 1;
      else if (kind === EXPECT.copyData) hasData = true;
      else if (kind !== EXPECT.sync) this.copying = false;
      // Anything else than a mark is no part of the COPY, and the server will say so.
      if (!this.copying && kind !== EXPECT.copyEnd) at -= 1;
    }
    this.#dropBehind(at - 1);
    for (let index = 0; index < syncs; index++) this.#insertSync();
    this.#doubtful = syncs;
    if (this.copying && this.#kind === EXPECT.execute) this.unsynced = true;
    return mode;
  }

  /** Takes out that many entries behind the oldest, which have no notes. */
  #dropBehind(count: number): void {
    for (let to = 1; to + count < this.#length; to++) this.#move(to + count, to);
    this.#length -= count;
    this.#doubtful = 0;
  }

  /** A Sync that was taken out, right behind the oldest entry again. */
  #insertSync(): void {
    if (this.#length * STRIDE === this.#ring.length) this.#grow();
    this.#length += 1;
    for (let to = this.#length - 1; to > 1; to--) this.#move(to - 1, to);
    this.#ring[this.#place(1)] = EXPECT.sync | (FORWARD << MODE_SHIFT);
    this.#ring[this.#place(1) + 1] = 0;
  }

  #move(from: number, to: number): void {
    this.#ring[this.#place(to)] = this.#ring[this.#place(from)]!;
    this.#ring[this.#place(to) + 1] = this.#ring[this.#place(from) + 1]!;
  }

  #skipToSync(): void {
    let count = 0;
    let notes = 0;
    this.skippedUnnamed = 0;
    while (count < this.#length) {
      const place = this.#place(count);
      const entry = this.#ring[place]!;
      if ((entry & KIND_MASK) === EXPECT.sync) break;
      if ((entry & NOTED) !== 0) notes += 1;
      if (this.#ring[place + 1]! < 0) this.skippedUnnamed = -this.#ring[place + 1]!;
      count += 1;
    }
    // The newest first, so that what two of them changed is again what it was.
    for (let index = notes - 1; index >= 0; index--) this.#notes.at(index)?.undone();
    for (let index = 0; index < notes; index++) this.#notes.shift();
    this.skipping = count === this.#length;
    this.#head += count;
    this.#length -= count;
    this.#look();
  }

  #shift(good: boolean): void {
    const noted = (this.#ring[this.#place(0)]! & NOTED) !== 0;
    this.#head += 1;
    this.#length -= 1;
    this.#failed = false;
    this.#look();
    if (noted) this.#notes.shift()?.answered(good);
  }

  /** What the oldest entry is now; marks of a COPY that was none go unsaid. */
  #look(): void {
    while (this.#length > 0) {
      const entry = this.#ring[this.#place(0)]!;
      this.#kind = entry & KIND_MASK;
      this.#mode = ((entry >> MODE_SHIFT) & 0xff) as Mode;
      if (this.#kind < EXPECT.copyData) return;
      this.#head += 1;
      this.#length -= 1;
    }
    this.#head = 0;
    this.#kind = EXPECT.none;
    this.#mode = FORWARD;
  }

  #place(index: number): number {
    return ((this.#head + index) * STRIDE) & (this.#ring.length - 1);
  }

  #grow(): void {
    if (this.#length === ENTRIES_MAX) this.#overflow();
    const ring = new Int32Array(this.#ring.length * 2);
    for (let index = 0; index < this.#length; index++) {
      ring[index * STRIDE] = this.#ring[this.#place(index)]!;
      ring[index * STRIDE + 1] = this.#ring[this.#place(index) + 1]!;
    }
    this.#ring = ring;
    this.#head = 0;
  }

  #overflow(): never {
    throw new Fault("OVERLOADED", "Cannot send a message: too many answers are outstanding", { scope: "conversation" });
  }

  #refuse(tag: number): never {
    throw new Fault(
      "SERVER_PROTOCOL",
      `Cannot place an answer: "${tagName("backend", tag)}" answers nothing asked for`,
    );
  }
}
