/**
 * One request and its response, between a stream of a client and one of a server: finds the upstream and the target, sends
 * what came of the request, relays both ways against credit, and tries again elsewhere where that is safe. It knows streams
 * (`proxy/http/stream.ts`) and no codec, no wire, no socket. The object is used again; nothing is made for a request.
 * Invariants: whatever was taken from a target or a budget is given back exactly once; a request reaches a second server only
 * if nothing of it reached the first, or it is idempotent, unanswered, and all of it is still here.
 */
import { assert } from "../base/assert.ts";
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { NO_ADDITIONS } from "../http/additions.ts";
import { type Answer, makeAnswer } from "../http/answer.ts";
import { answerOf } from "../http/faults.ts";
import type { FieldBlock } from "../http/field-block.ts";
import type { HttpHead } from "../http/head.ts";
import type { HttpStream, HttpStreamEvents } from "../http/stream.ts";
import { mayRetry, type Repeatable } from "../upstream/retry.ts";
import type { Target } from "../upstream/target.ts";
import { Tries } from "../upstream/tries.ts";
import { Place, type Waiter } from "../upstream/waiting.ts";
import { dressAnswer, dressRequest, type DressParts, type DressSender } from "./dress.ts";
import { Flow } from "./flow.ts";
import type { Group, Server } from "./groups.ts";
import type { Routed } from "./routes.ts";
import type { LbTimeouts } from "./setup.ts";
import { Tape, TAPE_BYTES_MAX } from "./tape.ts";

/** A connection to a server, as one exchange has it. */
export interface Line {
  /** It served other exchanges before, so that its server may have closed it meanwhile. */
  readonly reused: boolean;
  /** A byte of the response has come. */
  readonly answered: boolean;
  /** The stream, if it is there already; else `opened` or `refused` tells, later. */
  open(user: LineUser): HttpStream | undefined;
  /** The head of a response says how long the server would keep it. */
  heard(head: HttpHead): void;
  /** Its user does not wait any more; to be called before `opened` only. */
  abandon(): void;
}

/** Who sends a request, and hears its response. */
export interface LineUser extends HttpStreamEvents {
  opened(stream: HttpStream): void;
  refused(fault: Fault): void;
}

export interface Lines {
  /** `fresh`: one that nobody has used. */
  take(group: Group, target: Target<Server>, fresh: boolean): Line;
}

/** What the exchanges of a worker have in common. */
export interface ExchangeParts extends DressParts {
  readonly lines: Lines;
  readonly budget: Budget;
  readonly turns: { readonly nowMs: number };
  timeouts(): LbTimeouts;
  route(head: HttpHead): Routed<Group>;
}

/** Who the request came from, for as long as its exchange lasts. */
export interface ExchangeOwner extends DressSender {
  /** It is over, and may be used again. A fault is why it ended other than well. */
  ended(exchange: Exchange, fault: Fault | undefined): void;
}

const STATES = {
  free: ["choosing"],
  choosing: ["waiting", "dialing", "asked", "free"],
  /** For a target. */
  waiting: ["choosing", "free"],
  dialing: ["choosing", "asked", "free"],
  /** The request is on its way, and no final head of a response has come. */
  asked: ["choosing", "answering", "tunnel", "free"],
  answering: ["free"],
  tunnel: ["free"],
} as const satisfies Edges<string>;

/** A tunnel may be silent for so long: its ends may be gone without a word. */
export const TUNNEL_IDLE_MS = 3_600_000;

const NO_ROUTE = makeAnswer(404, { "Content-Type": "text/plain; charset=utf-8" }, "404 NO_ROUTE\n");
const AMBIGUOUS = makeAnswer(400, { "Content-Type": "text/plain; charset=utf-8" }, "400 AMBIGUOUS_PATH\n");

export class Exchange implements LineUser, Waiter, Repeatable {
  readonly #parts: ExchangeParts;
  readonly #state = new State<keyof typeof STATES>(STATES, "free");
  readonly #place = new Place(this);
  readonly #tried = new Tries<Server>();
  readonly #tape: Tape;
  readonly #flow = new Flow();
  readonly #say = (bytes: Uint8Array, start: number, end: number): number => this.#pass(bytes, start, end);
  #owner: ExchangeOwner | undefined;
  #client: HttpStream | undefined;
  #server: HttpStream | undefined;
  #head: HttpHead | undefined;
  #group: Group | undefined;
  #target: Target<Server> | undefined;
  #line: Line | undefined;
  #requestId = 0;
  #requestEnded = false;
  #sent = false;
  #repeatsOnLine = false;
  /** Of a tunnel: how many of its directions have ended. */
  #ends = 0;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    this.#tape = new Tape(parts.budget);
  }

  // What the retry policy asks.

  get tries(): number {
    return this.#tried.count;
  }

  get idempotent(): boolean {
    return this.#head?.idempotent === true && !this.#head.upgrade;
  }

  get sent(): boolean {
    return this.#sent;
  }

  get replayable(): boolean {
    return this.#tape.whole;
  }

  get answered(): boolean {
    return this.#line?.answered === true || this.#state.is("answering") || this.#state.is("tunnel");
  }

  /** The group that serves it, for who counts. */
  get group(): Group | undefined {
    return this.#group;
  }

  get tunnels(): boolean {
    return this.#state.is("tunnel");
  }

  /** Takes in a request. Its response goes to `client`; it may be answered before this returns. */
  begin(client: HttpStream, head: HttpHead, owner: ExchangeOwner): void {
    this.#state.go("choosing");
    this.#owner = owner;
    this.#client = client;
    this.#head = head;
    this.#flow.stampMs = this.#parts.turns.nowMs;
    if (this.#parts.forwarding === "edge") this.#requestId = this.#parts.requestIds.next();
    const routed = this.#parts.route(head);
    if (routed === "unknown") return this.#answer(NO_ROUTE, undefined);
    if (routed === "ambiguous") return this.#answer(AMBIGUOUS, undefined);
    const group = routed.to;
    this.#group = group;
    group.requests += 1;
    group.retries.request();
    if (!this.#tape.begin(head)) return this.#fail(noMemory());
    this.#choose();
  }

  /** Ends it if someone was silent for too long. */
  sweep(nowMs: number): void {
    const { requestMs } = this.#parts.timeouts();
    const silentMs = nowMs - this.#flow.stampMs;
    if (this.#state.is("tunnel")) {
      if (silentMs > TUNNEL_IDLE_MS) this.#late(silentMs);
    } else if (this.#state.is("asked") || this.#state.is("answering")) {
      if (requestMs > 0 && silentMs > requestMs) this.#late(silentMs);
    }
  }

  // What the target's queue says.

  targetReady(): void {
    this.#state.go("choosing");
    this.#flow.stampMs = this.#parts.turns.nowMs;
    this.#choose();
  }

  targetLate(): void {
    this.#fail(new Fault("NO_TARGET", "Cannot find a server: none may be used"));
  }

  // What the line says.

  opened(stream: HttpStream): void {
    this.#send(stream);
  }

  /** It is not open, and nothing was sent. */
  refused(fault: Fault): void {
    this.#lost(fault);
  }

  // What the streams say. Which of the two it is, the stream tells.

  head(_stream: HttpStream, head: HttpHead): void {
    const client = this.#client;
    if (client === undefined) return;
    this.#flow.stampMs = this.#parts.turns.nowMs;
    if (head.interim) return client.head(head, NO_ADDITIONS);
    this.#line?.heard(head);
    this.#count(head.status);
    if (head.status === 101) this.#becomeTunnel();
    else this.#state.go("answering");
    // It will not be said again, and a download may be long.
    this.#tape.clear();
    client.head(head, NO_ADDITIONS);
  }

  data(stream: HttpStream, bytes: Uint8Array, start: number, end: number): void {
    this.#flow.stampMs = this.#parts.turns.nowMs;
    const group = this.#group;
    if (stream !== this.#client) {
      if (group !== undefined) group.bytesOut += end - start;
      const credit = this.#client?.data(bytes, start, end) ?? 0;
      this.#flow.downBytes += end - start - credit;
      if (credit > 0) stream.credit(credit);
      return;
    }
    if (group !== undefined) group.bytesIn += end - start;
    if (this.#server === undefined) return this.#hold(bytes, start, end);
    this.#record(bytes, start, end);
    this.#creditClient(this.#pass(bytes, start, end));
  }

  credit(stream: HttpStream, count: number): void {
    this.#flow.stampMs = this.#parts.turns.nowMs;
    if (stream === this.#client) {
      this.#flow.downBytes -= count;
      this.#server?.credit(count);
      return;
    }
    this.#flow.upBytes -= count;
    this.#creditClient(count);
  }

  trailers(stream: HttpStream, trailers: FieldBlock): void {
    if (stream !== this.#client) return this.#client?.trailers(trailers);
    const kept = !this.#tape.whole || this.#tape.takeTrailers(trailers);
    if (this.#server !== undefined) this.#server.trailers(trailers);
    else if (!kept) this.#fail(noMemory());
  }

  end(stream: HttpStream): void {
    this.#flow.stampMs = this.#parts.turns.nowMs;
    if (stream === this.#client) {
      this.#requestEnded = true;
      this.#server?.end();
      if (this.#state.is("tunnel")) this.#endOne();
      return;
    }
    this.#client?.end();
    if (this.#state.is("tunnel")) this.#endOne();
    else this.#finish(undefined);
  }

  reset(stream: HttpStream, fault: Fault): void {
    if (stream !== this.#client) return this.#lost(fault);
    this.#place.leave();
    if (this.#state.is("dialing")) this.#line?.abandon();
    else this.#server?.reset(fault);
    this.#finish(fault);
  }

  // The steps.

  #choose(): void {
    const { upstream, setup } = this.#mustGroup();
    const picked = upstream.pick(this.#tried);
    if (picked === "tried") return this.#fail(new Fault("NO_TARGET", "Cannot find a server: all were tried"));
    if (picked !== "none") return this.#dial(picked, false);
    const untilMs = this.#parts.turns.nowMs + setup.connectTimeoutMs;
    if (upstream.waiting.join(this.#place, untilMs) === "waiting") return this.#state.go("waiting");
    this.#fail(new Fault("OVERLOADED", "Cannot wait for a server: the queue is full"));
  }

  #dial(target: Target<Server>, fresh: boolean): void {
    this.#tried.add(target);
    target.take();
    this.#target = target;
    this.#line = this.#parts.lines.take(this.#mustGroup(), target, fresh);
    const stream = this.#line.open(this);
    if (stream === undefined) this.#state.go("dialing");
    else this.#send(stream);
  }

  /** The request, as far as it has come. */
  #send(stream: HttpStream): void {
    this.#state.go("asked");
    this.#server = stream;
    this.#sent = true;
    this.#flow.stampMs = this.#parts.turns.nowMs;
    const head = this.#mustHead();
    stream.head(head, dressRequest(head, this.#parts, this.#mustOwner(), this.#requestId));
    this.#flow.restart();
    const credit = this.#tape.play(this.#say);
    const { trailers } = this.#tape;
    if (trailers !== undefined) stream.trailers(trailers);
    if (this.#requestEnded) stream.end();
    this.#creditClient(credit);
  }

  #pass(bytes: Uint8Array, start: number, end: number): number {
    const credit = this.#server?.data(bytes, start, end) ?? 0;
    this.#flow.upBytes += end - start - credit;
    return credit;
  }

  /** No server is there yet; without credit the client stops soon. */
  #hold(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#tape.data(bytes, start, end)) this.#fail(noMemory());
  }

  #record(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#tape.whole) return;
    if (this.#tape.bodyBytes + (end - start) > TAPE_BYTES_MAX) this.#tape.dropBody();
    else this.#tape.data(bytes, start, end);
  }

  #creditClient(count: number): void {
    const news = this.#flow.credit(count);
    if (news > 0) this.#client?.credit(news);
  }

  #becomeTunnel(): void {
    this.#state.go("tunnel");
    this.#target?.takeTunnel();
    this.#ends = this.#requestEnded ? 1 : 0;
  }

  #endOne(): void {
    this.#ends += 1;
    if (this.#ends === 2) this.#finish(undefined);
  }

  /** The server, or the way to it, is gone. */
  #lost(fault: Fault): void {
    const answered = this.answered;
    const stale = this.#isStale(fault);
    const retry = stale ? "same" : mayRetry(fault, this);
    const target = this.#target;
    if (target !== undefined) target.own.gone += 1;
    if (answered || retry === "never") return this.#fail(fault);
    if (!stale && !this.#mustGroup().retries.spend()) return this.#fail(fault);
    this.#leaveTarget();
    this.#state.go("choosing");
    this.#sent = false;
    if (target !== undefined) target.own.retries += 1;
    if (!stale || target === undefined || !mayBeAsked(target)) return this.#chooseAgain(fault);
    this.#repeatsOnLine = true;
    this.#dial(target, true);
  }

  /** A connection that was kept had been closed by its server, as it may at any time; it says nothing of the server. */
  #isStale(fault: Fault): boolean {
    const line = this.#line;
    const closed = fault.code === "SERVER_GONE" && line?.reused === true && !line.answered;
    return closed && !this.#repeatsOnLine && this.idempotent && this.replayable;
  }

  #chooseAgain(fault: Fault): void {
    const picked = this.#mustGroup().upstream.pick(this.#tried);
    if (typeof picked === "string") this.#fail(fault);
    else this.#dial(picked, false);
  }

  /** Ends it with an answer, or where one has begun, without. */
  #fail(fault: Fault): void {
    this.#place.leave();
    const answer = fault.scope === "exchange" && !this.#begun() ? answerOf(fault) : undefined;
    this.#abandonServer(fault);
    if (answer !== undefined) return this.#answer(answer, fault);
    const client = this.#client;
    this.#finish(fault);
    client?.reset(fault);
  }

  /** Our own response, whole. */
  #answer({ head, body }: Answer, fault: Fault | undefined): void {
    const client = this.#client;
    this.#count(head.status);
    const additions = dressAnswer(this.#mustHead(), this.#parts, this.#requestId);
    if (client !== undefined) {
      client.head(head, additions);
      if (body.length > 0) client.data(body, 0, body.length);
      client.end();
    }
    this.#finish(fault);
  }

  /** Whoever had to do something has not done it. */
  #late(silentMs: number): void {
    const text = `has been silent for ${Math.round(silentMs)} ms`;
    const fault = this.#clientIsLate()
      ? new Fault("CLIENT_SLOW", `Cannot go on: the client ${text}`)
      : new Fault("SERVER_SLOW", `Cannot go on: the server ${text}`);
    this.#fail(fault);
  }

  #clientIsLate(): boolean {
    if (this.#state.is("answering")) return this.#flow.downBytes > 0;
    if (this.#state.is("tunnel")) return true;
    const waits = this.#head?.expectsContinue === true && this.#flow.upCredited === 0;
    return !this.#requestEnded && this.#flow.upBytes === 0 && !waits && this.#head?.upgrade !== true;
  }

  #begun(): boolean {
    return this.#state.is("answering") || this.#state.is("tunnel");
  }

  #abandonServer(fault: Fault): void {
    const server = this.#server;
    if (this.#state.is("dialing")) this.#line?.abandon();
    else server?.reset(fault);
  }

  #leaveTarget(): void {
    const target = this.#target;
    this.#target = undefined;
    this.#line = undefined;
    this.#server = undefined;
    if (target === undefined) return;
    if (this.#state.is("tunnel")) target.giveTunnel();
    else target.give();
  }

  #count(status: number): void {
    const responses = this.#group?.responses;
    const digit = (status / 100) | 0;
    if (responses !== undefined && digit > 0 && digit < responses.length) responses[digit]! += 1;
  }

  #finish(fault: Fault | undefined): void {
    if (this.#state.is("free")) return;
    const owner = this.#mustOwner();
    this.#leaveTarget();
    this.#state.go("free");
    this.#tape.clear();
    this.#tried.clear();
    this.#owner = undefined;
    this.#client = undefined;
    this.#head = undefined;
    this.#group = undefined;
    this.#requestId = 0;
    this.#requestEnded = false;
    this.#sent = false;
    this.#repeatsOnLine = false;
    this.#flow.clear();
    owner.ended(this, fault);
  }

  #mustOwner(): ExchangeOwner {
    assert(this.#owner !== undefined, "Cannot go on with an exchange: it is over");
    return this.#owner;
  }

  #mustHead(): HttpHead {
    assert(this.#head !== undefined, "Cannot go on with an exchange: it has no head");
    return this.#head;
  }

  #mustGroup(): Group {
    assert(this.#group !== undefined, "Cannot go on with an exchange: it has no upstream");
    return this.#group;
  }
}

/** It is not on its way out, and no check has found it dead meanwhile. */
function mayBeAsked({ state }: Target<Server>): boolean {
  return !state.is("leaving") && !state.is("gone") && !state.is("down");
}

function noMemory(): Fault {
  return new Fault("OVERLOADED", "Cannot keep a request: there is no memory left for it");
}
