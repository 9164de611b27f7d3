/**
 * Takes over the link of a client that is gone: ends what it has begun (a COPY, an open batch, a transaction), hears the
 * server out, cleans the session if it may hold something, and gives the link back. Bounded in time and bytes: a link that
 * is not clean by then is cancelled, and at last discarded.
 * Invariant: a link is given back only when the server has said that it stands outside of any transaction and owes nothing.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { faultOf, type Fault } from "../base/fault.ts";
import { readReady, STATUS } from "../pg/backend.ts";
import { BEGIN, NOTHING, WHOLE } from "../pg/framer.ts";
import { writeCopyFail, writeQuery, writeSync } from "../pg/frontend-writer.ts";
import { BACKEND, FRONTEND } from "../pg/tag.ts";
import { Writer } from "../pg/writer.ts";
import { noteParameter } from "./idle-link.ts";
import type { Link, LinkUser } from "./link.ts";
import type { LinkPool } from "./link-pool.ts";
import { DROP, EXPECT } from "./replies.ts";

export interface RollbackLimits {
  /** How long the server may go on with what the client has asked for before it is told to stop. */
  readonly patienceMs: number;
  /** How long all of it may take. */
  readonly totalMs: number;
  /** How much the server may answer to what nobody wants any more. */
  readonly bytesMax: number;
}

export const ROLLBACK_LIMITS: RollbackLimits = { patienceMs: 1_000, totalMs: 10_000, bytesMax: 0x4000000 };

/** What a user of links needs of their pool. */
export type LinkSource = Pick<LinkPool, "user" | "take" | "leave" | "give" | "discard" | "cancel">;

/** What a client leaves behind. */
export interface Estate {
  readonly link: Link;
  readonly pool: LinkSource;
  /** The session may hold what no other client must find. */
  readonly mustDiscard: boolean;
  /** How much of a frame that was begun the server still waits for, and its tag. */
  readonly rest: number;
  readonly restTag: number;
}

const SWEEP_MS = 250;
/** What is made up to end a frame of a COPY that will be undone. */
const PADDING = new Uint8Array(65_536);
const WRITER_BYTES_MAX = 0x10000;
const ASKED_MAX = 4;
const REASON = "the client is gone";

/** All of a worker. */
export class Rollbacks {
  readonly #clock: Clock;
  readonly #limits: RollbackLimits;
  readonly #all = new Set<Rollback>();
  readonly #writer = new Writer(WRITER_BYTES_MAX);
  #timer: Timer | undefined;

  constructor(clock: Clock, limits: RollbackLimits = ROLLBACK_LIMITS) {
    this.#clock = clock;
    this.#limits = limits;
  }

  get size(): number {
    return this.#all.size;
  }

  /** The link is looked after from here on. */
  take(estate: Estate): void {
    const rollback = new Rollback(estate, {
      writer: this.#writer,
      limits: this.#limits,
      sinceMs: this.#clock.now(),
      ended: () => this.#ended(rollback),
    });
    this.#all.add(rollback);
    this.#timer ??= this.#clock.every(SWEEP_MS, () => this.#sweep());
    rollback.begin();
  }

  #sweep(): void {
    const now = this.#clock.now();
    for (const rollback of [...this.#all]) rollback.look(now);
  }

  #ended(rollback: Rollback): void {
    this.#all.delete(rollback);
    if (this.#all.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

interface RollbackParts {
  readonly writer: Writer;
  readonly limits: RollbackLimits;
  readonly sinceMs: number;
  readonly ended: () => void;
}

class Rollback implements LinkUser {
  readonly #link: Link;
  readonly #estate: Estate;
  readonly #parts: RollbackParts;
  #mustDiscard: boolean;
  #isCancelled = false;
  #isOver = false;
  #bytes = 0;
  /** Queries of ours; a cancel that comes late may hit one of them. */
  #asked = 0;

  constructor(estate: Estate, parts: RollbackParts) {
    this.#link = estate.link;
    this.#estate = estate;
    this.#parts = parts;
    this.#mustDiscard = estate.mustDiscard;
  }

  begin(): void {
    const link = this.#link;
    const { rest, restTag } = this.#estate;
    link.user = this;
    if (link.isPaused) link.resume();
    if (rest > 0 && (restTag !== FRONTEND.copyData || rest > PADDING.length)) {
      // Nothing else can be ended without doing what the client did not finish to ask for.
      return this.#discard("the client was gone in the middle of a message");
    }
    if (rest > 0 && !this.#send(PADDING, rest)) return;
    this.#goOn();
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    this.#bytes += end - start;
    if (this.#bytes > this.#parts.limits.bytesMax) return this.#discard("the server answers too much");
    try {
      link.framer.feed(bytes, start, end);
      this.#read();
    } catch (thrown) {
      return this.#discard(faultOf(thrown).message);
    }
    this.#goOn();
  }

  drained(): void {
    return undefined;
  }

  ended(_link: Link, _fault: Fault): void {
    this.#end();
  }

  look(nowMs: number): void {
    const { sinceMs, limits } = this.#parts;
    if (nowMs - sinceMs > limits.totalMs) return this.#discard("the server does not come to an end");
    if (this.#isCancelled || nowMs - sinceMs < limits.patienceMs) return;
    this.#isCancelled = this.#estate.pool.cancel(this.#link);
  }

  #read(): void {
    const { framer, replies } = this.#link;
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
      if (shown !== WHOLE && shown !== BEGIN) continue;
      if (framer.tag === BACKEND.error) replies.error();
      else replies.answer(framer.tag);
      if (framer.tag === BACKEND.ready) this.#link.status = readReady(framer);
      else if (framer.tag === BACKEND.parameterStatus && shown === WHOLE) this.#setting();
      while (replies.forged() !== EXPECT.none);
    }
  }

  /** The client's transaction has made it, or was what made it: what the link was told is no longer what it has. */
  #setting(): void {
    noteParameter(this.#link);
    this.#mustDiscard = true;
  }

  /** The next thing to be said, if it is our turn. */
  #goOn(): void {
    const { replies, status } = this.#link;
    const { writer } = this.#parts;
    while (replies.forged() !== EXPECT.none);
    if (replies.copying) {
      writeCopyFail(writer, REASON);
      replies.pushCopyEnd();
    }
    if (replies.unsynced || replies.skipping) {
      writeSync(writer);
      replies.pushSync(DROP);
    }
    if (writer.length === 0 && replies.quiet) {
      if (status !== STATUS.idle) this.#ask("ROLLBACK");
      else if (this.#mustDiscard) this.#discardAll();
      else return this.#give();
    }
    if (this.#asked > ASKED_MAX) return this.#discard("the session cannot be cleaned");
    if (writer.length > 0) this.#say();
  }

  #ask(text: string): void {
    this.#asked += 1;
    writeQuery(this.#parts.writer, text);
    this.#link.statements.setUnnamed(undefined, 0);
    this.#link.replies.push(EXPECT.query, DROP);
  }

  #discardAll(): void {
    this.#asked += 1;
    writeQuery(this.#parts.writer, "DISCARD ALL");
    const { replies, statements, settings } = this.#link;
    const answered = (good: boolean): void => {
      if (!good) return;
      this.#mustDiscard = false;
      statements.clear();
      settings.clear();
    };
    replies.push(EXPECT.query, DROP, 0, { answered, undone: () => undefined });
  }

  #say(): void {
    const { writer } = this.#parts;
    const isSent = this.#send(writer.bytes, writer.end);
    writer.clear();
    if (!isSent) this.#discard("the server takes nothing");
  }

  #send(bytes: Uint8Array, length: number): boolean {
    const sent = this.#link.send(bytes, 0, length);
    return sent === "sent" || sent === "waiting";
  }

  #give(): void {
    this.#end();
    this.#estate.pool.give(this.#link);
  }

  #discard(why: string): void {
    this.#parts.writer.clear();
    if (this.#isOver) return;
    this.#end();
    this.#estate.pool.discard(this.#link, why);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.ended();
  }
}
