/**
 * Asks a server which of some backends still live: one simple query over a link of a pool, like any other user of it. The
 * answer is read from the tags of the commands, one statement for each backend, so that no row has to be.
 * Invariant: it ends once, by the living ones or by undefined, and its link is given back clean or discarded.
 */
import type { Clock, Timer } from "../base/clock.ts";
import { Fault, faultOf } from "../base/fault.ts";
import type { Log } from "../base/log.ts";
import { CommandComplete, readReady, STATUS } from "../pg/backend.ts";
import { NOTHING, WHOLE } from "../pg/framer.ts";
import { writeQuery } from "../pg/frontend-writer.ts";
import { BACKEND } from "../pg/tag.ts";
import { Writer } from "../pg/writer.ts";
import { noteParameter } from "./idle-link.ts";
import type { Link } from "./link.ts";
import type { LinkPool, LinkTicket, LinkWaiter } from "./link-pool.ts";
import { Ticket } from "./waiting-line.ts";

const WORDS_BYTES_MAX = 16_384;
const ANSWER_MS_MAX = 5_000;
const command = new CommandComplete();

export class OrphanCheck implements LinkWaiter {
  readonly ticket: LinkTicket = new Ticket<LinkWaiter>(this);
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #processIds: readonly number[];
  readonly #living = new Set<number>();
  #done: ((living: ReadonlySet<number> | undefined) => void) | undefined;
  #pool: LinkPool | undefined;
  #link: Link | undefined;
  #timer: Timer | undefined;
  #answered = 0;
  #hasFailed = false;

  constructor(
    world: { readonly clock: Clock; readonly log: Log },
    processIds: readonly number[],
    done: (living: ReadonlySet<number> | undefined) => void,
  ) {
    this.#clock = world.clock;
    this.#log = world.log;
    this.#processIds = processIds;
    this.#done = done;
  }

  begin(pool: LinkPool): void {
    this.#pool = pool;
    try {
      const link = pool.take(this);
      if (link !== undefined) this.linked(link);
    } catch (thrown) {
      this.refused(faultOf(thrown));
    }
  }

  stop(): void {
    this.#pool?.leave(this);
    this.#giveUp("stopped");
  }

  linked(link: Link): void {
    this.#link = link;
    const writer = new Writer(WORDS_BYTES_MAX);
    writeQuery(writer, this.#processIds.map(question).join(";"));
    this.#timer = this.#clock.after(ANSWER_MS_MAX, () => this.#giveUp("no answer in time"));
    if (link.send(writer.bytes, writer.start, writer.end) === "full") this.#giveUp("no memory");
  }

  refused(fault: Fault): void {
    this.#giveUp(fault.message);
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    try {
      link.framer.feed(bytes, start, end);
      if (this.#read(link)) this.#finish(link);
    } catch (thrown) {
      this.#giveUp(faultOf(thrown).message);
    }
  }

  drained(): void {
    // The one query is all that is said.
  }

  ended(_link: Link, fault: Fault): void {
    this.#link = undefined;
    this.#giveUp(fault.message);
  }

  /** True when the server has said its last word. */
  #read(link: Link): boolean {
    const { framer } = link;
    let isReady = false;
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
      if (framer.tag === BACKEND.error) this.#hasFailed = true;
      if (shown !== WHOLE) continue;
      if (framer.tag === BACKEND.parameterStatus) noteParameter(link);
      if (framer.tag === BACKEND.commandComplete) this.#hear(command.read(framer).rows());
      if (framer.tag !== BACKEND.ready) continue;
      link.status = readReady(framer);
      isReady = true;
    }
    return isReady;
  }

  #hear(rows: number): void {
    const processId = this.#processIds[this.#answered];
    this.#answered += 1;
    if (rows !== 0 && processId !== undefined) this.#living.add(processId);
  }

  #finish(link: Link): void {
    const isWhole = !this.#hasFailed && this.#answered === this.#processIds.length;
    if (link.status !== STATUS.idle)
      throw new Fault("SERVER_PROTOCOL", "Cannot ask for backends: the session is in a transaction");
    this.#pool?.give(link);
    this.#link = undefined;
    this.#timer?.cancel();
    const done = this.#done;
    this.#done = undefined;
    done?.(isWhole ? this.#living : undefined);
  }

  #giveUp(why: string): void {
    this.#timer?.cancel();
    if (this.#link !== undefined) this.#pool?.discard(this.#link, "asking for backends failed");
    this.#link = undefined;
    const done = this.#done;
    this.#done = undefined;
    if (done === undefined) return;
    this.#log.debug("orphans_unasked", { why });
    done(undefined);
  }
}

/** The number is ours: nothing of it needs to be quoted. */
function question(processId: number): string {
  return `SELECT 1 FROM pg_catalog.pg_stat_activity WHERE pid = ${processId}`;
}
