/**
 * One client's conversation, from the end of its login to its close: it has a link while it is in a transaction, or holds
 * something that only a session can hold, and otherwise none. What it says is read by `client-requests.ts`, what it hears by
 * `client-answers.ts`, what it believes its session to be is `client-session.ts`; here it gets a link and lets go of it, and
 * here bytes wait.
 *
 * Invariants: a link is given back only when the server stands outside of any transaction, owes nothing, waits for nothing,
 * and holds nothing of the client's; nothing of the client's is sent before the link has the client's settings; a short
 * write pauses the other side; a client that is gone leaves its link to `Rollbacks`.
 */
import { assert } from "../base/assert.ts";
import type { Timer } from "../base/clock.ts";
import { Fault, faultOf } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import { Spill, type Sent } from "../net/spill.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import { writeErrorResponse, writeReady } from "../pg/backend-writer.ts";
import { STATUS } from "../pg/backend.ts";
import { wordsOf } from "../pg/faults.ts";
import { Framer, MORE, END, NOTHING } from "../pg/framer.ts";
import { writeFlush } from "../pg/frontend-writer.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { FRONTEND } from "../pg/tag.ts";
import type { Outlet } from "../pgconn/gather.ts";
import type { Link } from "../pgconn/link.ts";
import type { LinkTicket, LinkWaiter } from "../pgconn/link-pool.ts";
import type { PinReason } from "../pgconn/pins.ts";
import { ASK, DROP, EXPECT, FORGE } from "../pgconn/replies.ts";
import type { LinkSource } from "../pgconn/rollback.ts";
import { Ticket } from "../pgconn/waiting-line.ts";
import { Answers } from "./client-answers.ts";
import type { ClientHouse } from "./client-house.ts";
import { Errands } from "./client-errands.ts";
import { Requests, type Shown } from "./client-requests.ts";
import { ClientSession } from "./client-session.ts";
import { Tape } from "./client-tape.ts";
import { ClientTimes } from "./client-times.ts";

export interface PoolClientOptions {
  readonly wire: Wire;
  readonly house: ClientHouse;
  readonly pool: LinkSource;
  /** As `startupSettings` reads them. */
  readonly settings: ReadonlyMap<string, string>;
  /** The wire is closed, and nothing of the client is left. */
  readonly closed: () => void;
}

const EDGES = {
  /** Without a link. */
  idle: ["waiting", "preparing", "linked", "leaving", "closed"],
  waiting: ["preparing", "linked", "leaving", "closed"],
  /** The link is being told the client's settings. */
  preparing: ["linked", "leaving", "closed"],
  linked: ["idle", "leaving", "closed"],
  /** Has been told why, and is waited for to close. */
  leaving: ["closed"],
  closed: [],
} as const satisfies Edges<"idle" | "waiting" | "preparing" | "linked" | "leaving" | "closed">;

export type PoolClientState = keyof typeof EDGES;

/** Frames up to this size are read whole wherever the chunks are cut. */
const WHOLE_BYTES_MAX = 16_384;
/** Most that waits for a client's kernel; behind a short write its link is paused. */
const SPILL_BYTES_MAX = 0x200000;
/** More answers than this are not waited for at once, nor more bytes for the link: then the client is not read. */
const REPLIES_MAX = 4_096;
const LINK_BYTES_MAX = 0x40000;
/** How long a client that has been told why may take to close. */
const LINGER_MS = 2_000;
/** How long the answers to a client that says no more are waited for. */
const ENDING_MS = 1_000;

/** Why the client's wire is paused. */
const PAUSED = { tape: 1, link: 2 } as const;

export class PoolClient implements WireEvents, LinkWaiter, Outlet {
  readonly ticket: LinkTicket = new Ticket<LinkWaiter>(this);
  readonly session: ClientSession;
  readonly wire: Wire;
  readonly #house: ClientHouse;
  readonly #pool: LinkSource;
  readonly #closed: () => void;
  readonly #state = new State<PoolClientState>(EDGES, "idle");
  readonly #framer: Framer;
  readonly #spill: Spill;
  readonly #tape: Tape;
  readonly #answers: Answers;
  readonly #errands: Errands;
  readonly #times: ClientTimes;
  #requests: Requests | undefined;
  #link: Link | undefined;
  /** Of PAUSED. */
  #paused = 0;
  #isDraining = false;
  /** What follows must wait until everything before it is answered. */
  #isBarred = false;
  /** The client has said that it says no more. */
  #isEnding = false;
  /** Until when the client is waited for, in leaving or ending. */
  #patience: Timer | undefined;

  constructor({ wire, house, pool, settings, closed }: PoolClientOptions) {
    const { budget, down: gather, traffic } = house;
    this.wire = wire;
    this.#house = house;
    this.#pool = pool;
    this.#closed = closed;
    this.#times = new ClientTimes(house.clock, traffic);
    this.session = new ClientSession(settings, house.statements, budget);
    this.#framer = new Framer({ side: "frontend", phase: "steady", wholeBytesMax: WHOLE_BYTES_MAX, budget });
    this.#spill = new Spill(SPILL_BYTES_MAX, budget);
    this.#tape = new Tape(budget);
    this.#answers = new Answers({ session: this.session, gather, traffic });
    this.#errands = new Errands(this.session, house.up, () => house.pinned(this, this.session.pins.reasons));
  }

  get state(): PoolClientState {
    return this.#state.now;
  }

  get link(): Link | undefined {
    return this.#link;
  }

  /** When its last request began, by the clock; when it came, before it has asked for anything. */
  get requestedMs(): number {
    return this.#times.requestedMs;
  }

  /** Since when it waits for a link. */
  get waitingSinceMs(): number | undefined {
    return this.#state.is("waiting") ? this.ticket.sinceMs : undefined;
  }

  get applicationName(): string {
    return this.session.settings.values.get("application_name") ?? "";
  }

  get preparedCount(): number {
    return this.session.statements.size;
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.#house.traffic.receivedBytes += end - start;
    try {
      if (this.#mayHear) this.#hear(bytes, start, end);
      else if (!this.#isOver) this.#keep(bytes, start, end);
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }

  drain(wire: Wire): void {
    const sent = this.#spill.drain(wire);
    if (sent === "sent") this.#link?.resume();
  }

  /** What was asked before is answered; who waits for a link has been sent nothing, and is let go. */
  end(): void {
    if (this.#isOver) return;
    this.#isEnding = true;
    const replies = this.#link?.replies;
    if (replies === undefined || replies.length === 0 || replies.copying || !this.#state.is("linked")) {
      return this.#leave(undefined);
    }
    this.#patience = this.#house.clock.after(ENDING_MS, () => this.#leave(undefined));
  }

  close(_wire: Wire, fault?: Fault): void {
    const isExpected = this.#isOver || this.#isEnding;
    this.#letGo();
    this.#state.go("closed");
    this.#patience?.cancel();
    this.#tape.clear();
    this.#framer.close();
    this.#spill.clear();
    this.session.close();
    if (fault !== undefined && !isExpected) this.#house.failed(this, fault);
    this.#closed();
  }

  /** For answers: what goes to the client. */
  send(bytes: Uint8Array, start: number, end: number): Sent {
    this.#house.traffic.sentBytes += end - start;
    return this.#spill.write(this.wire, bytes, start, end);
  }

  linked(link: Link): void {
    this.#house.traffic.waitMs += this.#house.clock.now() - this.ticket.sinceMs;
    try {
      this.#attach(link);
      if (this.#state.is("linked")) this.#replay();
      else this.#written();
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }

  refused(fault: Fault): void {
    this.#fail(fault);
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    const answers = this.#answers;
    try {
      link.framer.feed(bytes, start, end);
      answers.open(this);
      answers.read(link);
    } catch (thrown) {
      this.#house.down.clear();
      return this.#fail(faultOf(thrown), "the link cannot be trusted");
    }
    this.#guarded(() => this.#told(answers.flush()));
    if (this.#link === link) this.#answered(link);
  }

  drained(link: Link): void {
    if (this.#link === link) this.#guarded(() => this.#unchoke(link));
  }

  ended(_link: Link, fault: Fault): void {
    this.#link = undefined;
    this.#requests?.forget();
    if (this.#isOver) return;
    if (this.#answers.isOver) this.#leave(undefined);
    else this.#fail(fault);
  }

  /** Asks the server to stop what it does for this client. False when there is nothing to stop. */
  cancel(): boolean {
    if (this.#state.is("waiting")) {
      this.#leave({ ...CANCELED_WAITING });
      return false;
    }
    const link = this.#link;
    if (link === undefined || !this.#state.is("linked") || link.replies.length === 0) return false;
    const { mode, kind } = link.replies;
    // A query of ours runs just now, and the client would not hear of it. A Parse that we slipped in stands before the
    // client's own messages, and may be answered together with them only.
    if (mode === ASK || (mode === DROP && kind === EXPECT.query)) return false;
    return this.#pool.cancel(link);
  }

  /** Finishes what is in flight, and is told to connect again. */
  finish(): void {
    this.#isDraining = true;
    if (this.#isOver || this.#state.is("preparing")) return;
    if (this.#link === undefined || this.#isQuiet(this.#link)) this.#leave(wordsOf(drainingFault()));
  }

  /** Ends now, with these words. */
  dismiss(words: NoticeWords): void {
    this.#leave(words);
  }

  /** What pins its link. */
  get pins(): readonly PinReason[] {
    return this.#link === undefined ? [] : this.session.pins.reasons;
  }

  get #isOver(): boolean {
    return this.#state.is("leaving") || this.#state.is("closed");
  }

  get #mayHear(): boolean {
    return this.#tape.length === 0 && (this.#state.is("linked") || this.#state.is("idle"));
  }

  get #mustWait(): boolean {
    return this.#state.is("waiting") || this.#state.is("preparing") || (this.#paused & PAUSED.link) !== 0;
  }

  #isQuiet(link: Link): boolean {
    return link.status === STATUS.idle && link.replies.quiet && this.#requests?.rest === 0;
  }

  #hear(bytes: Uint8Array, start: number, end: number): void {
    const link = this.#link;
    if (link !== undefined) this.#requests?.open(link);
    this.#framer.feed(bytes, start, end);
    const at = this.#read(end);
    if (at < end) this.#keep(bytes, at, end);
    this.#written();
  }

  /** Reads what the framer was fed; returns where it stopped, which is `end` unless something must wait. */
  #read(end: number): number {
    const framer = this.#framer;
    for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
      if (framer.tag === FRONTEND.terminate) this.end();
      else if (this.#link !== undefined || this.#mayGoOn(shown, framer)) this.#take(shown, framer);
      if (this.#mustWait) return framer.halt();
      if (this.#isOver) {
        framer.halt();
        return end;
      }
    }
    return end;
  }

  #take(shown: number, frame: Shown): void {
    const [requests, link] = [this.#requests, this.#link];
    if (requests === undefined || link === undefined || this.#isEnding) return;
    requests.take(shown, frame);
    if (this.#framer.isHeld) this.#house.up.hold();
    if (requests.awaitsAnswer) this.#awaitAnswer(link, requests);
    if (link.replies.length > REPLIES_MAX || link.waitingBytes > LINK_BYTES_MAX) this.#pause(PAUSED.link);
  }

  /** The client is not heard further until all that was sent is answered. */
  #awaitAnswer(link: Link, requests: Requests): void {
    requests.awaitsAnswer = false;
    // What the server is not asked for is known already, when nothing is before it.
    if (link.replies.mode === FORGE) this.#forge(link);
    if (link.replies.length === 0) return;
    if (link.replies.unsynced) writeFlush(this.#house.up.writer);
    this.#isBarred = true;
    this.#pause(PAUSED.link);
  }

  /** There is no link: true when there is one now. What needs none is dealt with here. */
  #mayGoOn(shown: number, frame: Shown): boolean {
    if (shown === MORE || shown === END) return false;
    switch (frame.tag) {
      case FRONTEND.copyData:
      case FRONTEND.copyDone:
      case FRONTEND.copyFail:
        // Of a COPY that has failed.
        return false;
      case FRONTEND.flush:
        return false;
      case FRONTEND.sync:
        this.#sayReady();
        return false;
      default:
        return this.#acquire(shown, frame);
    }
  }

  #acquire(shown: number, frame: Shown): boolean {
    const link = this.#pool.take(this);
    if (link === undefined) this.#state.go("waiting");
    else this.#attach(link);
    if (this.#state.is("linked")) return true;
    this.#tape.keepPart(shown, frame);
    return false;
  }

  #attach(link: Link): void {
    const { up: gather, traffic, budget, refusesHolds } = this.#house;
    this.#link = link;
    traffic.assignments += 1;
    this.#requests ??= new Requests(link, { session: this.session, gather, traffic, budget, refusesHolds });
    this.#requests.open(link);
    this.#errands.trim(link);
    if (link.settings.key === this.session.settings.key) return this.#state.go("linked");
    this.#state.go("preparing");
    this.#errands.restore(link);
  }

  /** Sends what was gathered for the link, and forges what need not wait for the server. */
  #written(): void {
    const [requests, link] = [this.#requests, this.#link];
    if (requests === undefined || link === undefined) return;
    const sent = requests.flush();
    if (sent === "waiting") this.#pause(PAUSED.link);
    else if (sent === "full") throw new Fault("OVERLOADED", "Cannot send to the server: too much waits", CONVERSATION);
    if (link.replies.mode === FORGE) this.#forge(link);
    if (link.replies.length > 0) return this.#times.begun();
    if (this.#isQuiet(link)) this.#rest(link);
  }

  #forge(link: Link): void {
    this.#answers.open(this);
    this.#answers.forge(link);
    this.#told(this.#answers.flush());
  }

  /** The server has answered something. */
  #answered(link: Link): void {
    if (link.replies.length === 0) {
      this.#times.settled(link.status === STATUS.idle);
      this.session.settled();
    }
    this.#guarded(() => {
      if (this.session.due !== undefined && link.replies.length === 0) this.#reassure(link, this.session.due);
      if ((this.#paused & PAUSED.link) !== 0) this.#unchoke(link);
      if (this.#link !== link) return;
      if (this.#isQuiet(link)) this.#rest(link);
      else if (this.#isEnding && link.replies.length === 0) this.#leave(undefined);
    });
  }

  #reassure(link: Link, names: readonly string[]): void {
    this.session.due = undefined;
    this.#answers.tellsSettings = true;
    this.#errand(link, (errands) => errands.reassure(link, names));
  }

  /** The link is quiet: it is asked, put right, kept, or given back. */
  #rest(link: Link): void {
    if (this.#errands.isRefused) return this.#failRefused();
    if (this.#state.is("preparing")) return this.#begin();
    if (this.#isEnding) return this.#leave(undefined);
    const { pins, settings } = this.session;
    if (pins.open) return this.#errand(link, (errands) => errands.inquire(link, this.#pool.user));
    if (this.#isDraining) return this.#leave(wordsOf(drainingFault()));
    if (this.#house.isSession || pins.pinned) {
      if (link.settings.key === settings.key) return;
      // The client keeps the link, and hears of what it has gone back to.
      this.#answers.tellsSettings = true;
      return this.#errand(link, (errands) => errands.restore(link));
    }
    if (this.#tape.length === 0) this.#release(link);
  }

  /** The link has the client's settings now. */
  #begin(): void {
    this.#answers.tellsSettings = false;
    this.#state.go("linked");
    this.#replay();
  }

  /** Something of ours is to be said to the link now. */
  #errand(link: Link, say: (errands: Errands) => void): void {
    this.#requests?.open(link);
    say(this.#errands);
    this.#written();
  }

  #release(link: Link): void {
    this.#state.go("idle");
    this.#link = undefined;
    this.session.released(link);
    this.#give(link);
  }

  #give(link: Link): void {
    try {
      this.#pool.give(link);
    } catch (thrown) {
      this.#house.failed(this, faultOf(thrown));
      this.#pool.discard(link, "it is not clean");
    }
  }

  /** Takes what is on the tape, as far as the link takes it. */
  #replay(): void {
    const [tape, requests, link] = [this.#tape, this.#requests, this.#link];
    assert(requests !== undefined && link !== undefined, "Cannot replay a tape: there is no link");
    requests.open(link);
    const part = tape.part();
    if (part !== undefined) {
      this.#take(part.shown, part);
      this.#house.up.hold();
      tape.shiftPart();
    }
    while (tape.length > 0 && !this.#mustWait && !this.#isOver) {
      const { start, end } = tape;
      this.#framer.feed(tape.bytes, start, end);
      const at = this.#read(end);
      this.#house.up.hold();
      tape.shift(at - start);
    }
    if (this.#isOver) return;
    if (tape.length === 0) this.#resume(PAUSED.tape);
    this.#written();
  }

  #keep(bytes: Uint8Array, start: number, end: number): void {
    this.#tape.keep(bytes, start, end);
    if (this.#tape.full) this.#pause(PAUSED.tape);
  }

  /** The link takes more again. */
  #unchoke(link: Link): void {
    const { replies } = link;
    if (link.waitingBytes > 0 || replies.length > REPLIES_MAX / 2) return;
    // What a COPY waits for is the client's.
    if (this.#isBarred && replies.length > 0 && !replies.copying) return;
    this.#isBarred = false;
    this.#resume(PAUSED.link);
    if (this.#tape.length > 0 && this.#state.is("linked")) this.#replay();
  }

  #pause(why: number): void {
    if (this.#paused === 0) this.wire.pause();
    this.#paused |= why;
  }

  #resume(why: number): void {
    if ((this.#paused & why) === 0) return;
    this.#paused &= ~why;
    if (this.#paused === 0) this.wire.resume();
  }

  /** What became of what was told to the client. */
  #told(sent: Sent): void {
    if (sent === "waiting") this.#link?.pause();
    else if (sent === "full") throw new Fault("CLIENT_SLOW", "Cannot tell a client: too much waits for it");
  }

  /** A Sync where nothing was asked. */
  #sayReady(): void {
    const { down } = this.#house;
    down.open(this);
    writeReady(down.writer, STATUS.idle);
    this.#told(down.flush());
  }

  #guarded(run: () => void): void {
    try {
      run();
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }

  #failRefused(): void {
    const message = this.#answers.refusal ?? "it does not say why";
    const words = { ...SETTINGS_REFUSED, detail: message } as const;
    this.#house.failed(
      this,
      new Fault("CLIENT_PROTOCOL", "Cannot restore a client's settings: the server refuses them"),
    );
    this.#leave(words);
  }

  /** The one guard of the conversation. `why`: the link cannot be put right. */
  #fail(fault: Fault, why?: string): void {
    // What was gathered was promised to the link, answers and all.
    this.#house.up.flush();
    if (this.#isOver) return;
    this.#house.failed(this, fault);
    const link = this.#link;
    if (link !== undefined && (why !== undefined || fault.side !== "client")) {
      this.#link = undefined;
      this.#requests?.forget();
      this.#pool.discard(link, why ?? fault.message);
    }
    this.#leave({ ...wordsOf(fault), severity: "FATAL" });
  }

  /** The end of the conversation: its last words, and then we wait for the client to close. */
  #leave(words: NoticeWords | undefined): void {
    if (this.#isOver) return;
    this.#letGo();
    this.#state.go("leaving");
    this.#tape.clear();
    this.#patience?.cancel();
    // In the middle of a frame nothing can be said: that it breaks off must do.
    if (words !== undefined && this.#answers.rest === 0) {
      const { down } = this.#house;
      down.open(this);
      writeErrorResponse(down.writer, words);
      down.flush();
    }
    this.#spill.end(this.wire);
    this.#patience = this.#house.clock.after(LINGER_MS, () => this.wire.close());
    if (this.#paused !== 0) this.wire.resume();
    this.#paused = 0;
  }

  /** Neither waits for a link nor has one. */
  #letGo(): void {
    if (this.#state.is("waiting")) this.#pool.leave(this);
    const [link, requests] = [this.#link, this.#requests];
    if (link === undefined || requests === undefined) return;
    const { pins } = this.session;
    this.#house.up.flush();
    this.#link = undefined;
    this.session.released(link);
    const { rest, restTag } = requests;
    requests.forget();
    if (pins.forGood) return this.#pool.discard(link, `the session held ${pins.reasons.join(", ")}`);
    const mustDiscard = this.#house.isSession || pins.pinned || pins.open || pins.isAsking;
    this.#house.rollbacks.take({ link, pool: this.#pool, mustDiscard, rest, restTag });
  }
}

const CONVERSATION = { scope: "conversation" } as const;

const SETTINGS_REFUSED = {
  severity: "FATAL",
  code: SQLSTATE.invalidParameterValue,
  message: "the server refuses the settings of this session",
} as const;

const CANCELED_WAITING = {
  severity: "FATAL",
  code: SQLSTATE.queryCanceled,
  message: "canceled while waiting for a server connection",
} as const;

function drainingFault(): Fault {
  return new Fault("DRAINING", "Cannot go on with a client: the pool is draining");
}
