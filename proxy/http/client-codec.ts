/**
 * HTTP/1.1 with a client: requests come in, responses go out, one exchange after the other on one stream object (RFC 9112
 * §9.3). What a client sends ahead is kept until its turn. Which server answers, and how long anything may take, is the
 * owner's: this file has no clock.
 * Invariant: a response belongs to the oldest request that has none; behind a refused request nothing is parsed.
 */
import { assert } from "../base/assert.ts";
import { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { type Answer } from "./answer.ts";
import { NO_ADDITIONS } from "./additions.ts";
import { Codec, type CodecOptions, NOBODY } from "./codec.ts";
import { answerOf } from "./faults.ts";
import type { FieldBlock } from "./field-block.ts";
import { HttpFault } from "./flaws.ts";
import { FRAMING, type Framing, HttpHead, METHOD } from "./head.ts";
import { PHASE } from "./intake.ts";
import { RequestParser } from "./request-parser.ts";
import { mayHaveBody } from "./response-rules.ts";
import type { HttpStream, HttpStreamEvents } from "./stream.ts";
import { headRoom, type Wording, writeResponse } from "./writer.ts";

export interface ClientOwner {
  /** A request has come. Answers who hears what else comes on its stream. */
  accept(stream: HttpStream, head: HttpHead): HttpStreamEvents;
  /** The next request may come; none has begun. */
  idle(): void;
  /** All is said, and the wire waits for the client to close it. The owner has patience for a while, and then calls `close`. */
  lingers(): void;
  /** The conversation is over for this reason: to be logged and counted, once. */
  failed(fault: Fault): void;
}

const STATES = {
  idle: ["exchange", "lingering", "closed"],
  exchange: ["idle", "discarding", "tunnel", "lingering", "closed"],
  /** The response has ended before the request's body. */
  discarding: ["idle", "lingering", "closed"],
  tunnel: ["closed"],
  lingering: ["closed"],
  closed: [],
} as const satisfies Edges<string>;
type ClientState = keyof typeof STATES;

const NOT_BEGUN = 0;
const BEGUN = 1;
const ENDED = 2;

export class ClientCodec extends Codec implements HttpStream {
  readonly #owner: ClientOwner;
  readonly #request: HttpHead;
  readonly #state = new State<ClientState>(STATES, "idle");
  readonly #wording: { -readonly [key in keyof Wording]: Wording[key] } = {
    framing: FRAMING.none,
    length: -1,
    connection: "",
    fallbackHost: "",
  };
  #response: typeof NOT_BEGUN | typeof BEGUN | typeof ENDED = NOT_BEGUN;
  /** The connection goes on behind this exchange. */
  #persists = true;
  #continued = false;
  /** The client has said that nothing follows this request, which has no body. */
  #last = false;
  /** This exchange is to be the last. */
  #finishing = false;
  #clientEnded = false;
  /** The client had half-closed before there was a tunnel to tell it through. */
  #endOwed = false;
  #discardedBytes = 0;

  constructor(owner: ClientOwner, options: CodecOptions) {
    const request = new HttpHead();
    super(new RequestParser(request, options.limits), "client", options);
    this.#owner = owner;
    this.#request = request;
    this.intake.expect(PHASE.head);
  }

  protected get stream(): HttpStream {
    return this;
  }

  get state(): ClientState {
    return this.#state.now;
  }

  /** Whether no request has begun, so that closing loses nothing. */
  get quiet(): boolean {
    return this.#state.is("idle") && this.intake.clean;
  }

  /**
   * No further exchange: closes at once when it is quiet, else behind the one that is going on; or behind the next, when the
   * head of this one's response has left already and has not said that it is the last.
   */
  finish(): void {
    this.#finishing = true;
    if (!this.#state.is("exchange") || this.#response === NOT_BEGUN) this.#persists = false;
    if (this.quiet) this.#linger();
  }

  /** The wire's `close`: it is gone both ways. */
  closed(): void {
    // Nearly always all was said before; a Fault costs more than the rest of it.
    if (this.#state.is("closed")) return;
    if (this.#state.is("lingering")) return this.#closes();
    this.#gone(new Fault("CLIENT_GONE", "Cannot go on with the exchange: the client has closed"));
  }

  /** Closes both ways now. */
  close(): void {
    if (this.#state.is("closed")) return;
    this.#gone(new Fault("CLIENT_GONE", "Cannot go on with the exchange: its conversation was closed"));
    this.wire.close();
  }

  fail(fault: Fault): void {
    if (this.#state.is("closed")) return;
    this.#owner.failed(fault);
    const events = this.events;
    this.events = NOBODY;
    events.reset(this, fault);
    if (this.#state.is("lingering") || this.#underWay()) return this.#abort();
    this.#persists = false;
    const answer = this.#mayAnswer(fault) ? answerOf(fault) : undefined;
    if (answer !== undefined) this.#say(answer);
    this.#linger();
  }

  head(head: HttpHead, additions: FieldBlock): void {
    if (this.#state.is("closed")) return;
    assert(this.#state.is("exchange"), "Cannot send a response: there is no request");
    assert(this.#response === NOT_BEGUN, "Cannot send a head: the response has begun");
    if (head.interim) return this.#interim(head, additions);
    if (head.status === 101) return this.#switch(head, additions);
    this.#plan(head);
    this.#write(head, additions);
    this.#response = BEGUN;
    this.outlet.begin(this.#wording.framing, head.bodyLength, head);
  }

  data(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state.is("closed")) return end - start;
    assert(this.#response === BEGUN, "Cannot send data: no response is under way");
    const credit = this.outlet.data(bytes, start, end);
    this.later();
    return credit;
  }

  trailers(trailers: FieldBlock): void {
    if (this.#state.is("closed")) return;
    assert(this.#response === BEGUN, "Cannot send trailers: no response is under way");
    this.outlet.trailers(trailers);
    this.later();
  }

  end(): void {
    if (this.#state.is("closed")) return;
    assert(this.#response === BEGUN, "Cannot end: no response is under way");
    this.#response = ENDED;
    this.outlet.end();
    this.later();
    if (!this.#state.is("tunnel")) return this.#responded();
    this.endWire();
  }

  reset(fault: Fault): void {
    if (!this.#state.is("exchange") && !this.#state.is("tunnel")) return;
    this.events = NOBODY;
    if (this.#underWay()) return this.#abort();
    const answer = answerOf(fault);
    if (fault.scope === "conversation" || answer === undefined) this.#persists = false;
    if (answer !== undefined) this.#say(answer);
    this.#responded();
  }

  tookHead(head: HttpHead): void {
    this.#state.go("exchange");
    this.#response = NOT_BEGUN;
    this.#continued = false;
    this.#discardedBytes = 0;
    this.#persists = head.persists && !this.#finishing;
    this.#last = !head.persists && head.framing === FRAMING.none && !head.upgrade;
    this.intake.expectBody(head.framing, head.bodyLength);
    const events = this.#owner.accept(this, head);
    // It may have been answered in that call already.
    if (this.#state.is("exchange") || this.#state.is("tunnel")) this.events = events;
  }

  tookData(bytes: Uint8Array, start: number, end: number): void {
    if (!this.#state.is("discarding")) return this.events.data(this, bytes, start, end);
    this.intake.credit(end - start);
    this.#discardedBytes += end - start;
    if (this.#discardedBytes > this.limits.lingerBytesMax) this.#linger();
  }

  tookTrailers(trailers: HttpHead): void {
    this.events.trailers(this, trailers);
  }

  tookEnd(): void {
    if (this.#state.is("discarding")) this.#next();
    // Who asks for another protocol has no body, and has not ended: a tunnel may follow.
    else if (!this.#request.upgrade) this.events.end(this);
  }

  /** After the last response a client may go on sending; reading it lets the response arrive before the close does. */
  discarded(count: number): void {
    this.#discardedBytes += count;
    if (this.#discardedBytes > this.limits.lingerBytesMax) this.close();
  }

  protected advance(): void {
    if (this.#state.is("idle") || this.#state.is("tunnel")) this.intake.run();
    if (this.#clientEnded && !this.intake.waiting && this.#state.is("idle")) this.#linger();
    else if (this.#clientEnded && this.intake.midway) this.fail(cut());
    else if (this.#endOwed) this.#tunnelInEnds();
  }

  protected ends(): void {
    this.#clientEnded = true;
    switch (this.#state.now) {
      case "idle":
        return this.later();
      case "exchange":
        // Its request is complete: it has only said that no other one follows.
        if (this.intake.phase !== PHASE.hold) return this.fail(cut());
        return;
      case "discarding":
        return this.#linger();
      case "tunnel":
        return this.#tunnelInEnds();
      case "lingering":
        if (this.wireEnded) this.#closes();
        return;
      case "closed":
    }
  }

  protected finished(): void {
    if (this.#state.is("tunnel")) this.#tunnelEnds();
    else if (this.#clientEnded) this.#closes();
  }

  /** HTTP/1.0 knows no interim responses. */
  #interim(head: HttpHead, additions: FieldBlock): void {
    if (this.#request.minor === 0) return;
    this.#continued ||= head.status === 100;
    this.#setWording(FRAMING.none, -1, "");
    this.#write(head, additions);
  }

  #switch(head: HttpHead, additions: FieldBlock): void {
    assert(this.#request.upgrade, "Cannot switch protocols: the client did not ask for it");
    this.#setWording(FRAMING.none, -1, "upgrade");
    this.#write(head, additions);
    this.#response = BEGUN;
    this.#state.go("tunnel");
    this.outlet.begin(FRAMING.tunnel, 0);
    this.intake.expectBody(FRAMING.tunnel, 0);
    this.#endOwed = this.#clientEnded;
  }

  /** Decides how the end of the response is told, and whether another exchange follows. */
  #plan(head: HttpHead): void {
    const request = this.#request;
    const old = request.minor === 0;
    let framing: Framing = FRAMING.none;
    if (mayHaveBody(head.status, request.method)) {
      framing = head.framing === FRAMING.chunked || head.framing === FRAMING.close ? FRAMING.chunked : head.framing;
      if (framing === FRAMING.chunked && old) framing = FRAMING.close;
    }
    // Who waits for 100 and gets a final response may or may not send its body: nobody could tell what comes next.
    const unsure = request.expectsContinue && !this.#continued && this.intake.phase !== PHASE.hold;
    if (framing === FRAMING.close || unsure) this.#persists = false;
    const length = framing === FRAMING.length ? head.bodyLength : this.#silentLength(head, framing);
    this.#setWording(framing, length, this.#persists ? (old ? "keep-alive" : "") : "close");
  }

  /** HEAD and 304 tell a length without sending anything (RFC 9110 §8.6). */
  #silentLength(head: HttpHead, framing: Framing): number {
    if (framing !== FRAMING.none || head.status === 204) return -1;
    return this.#request.method === METHOD.HEAD || head.status === 304 ? head.lengthField : -1;
  }

  #setWording(framing: Framing, length: number, connection: Wording["connection"]): void {
    this.#wording.framing = framing;
    this.#wording.length = length;
    this.#wording.connection = connection;
  }

  #write(head: HttpHead, additions: FieldBlock): void {
    writeResponse(this.outlet.room(headRoom(head, additions, "")), head, additions, this.#wording);
    this.later();
  }

  /** Our own answer, whole. */
  #say({ head, body }: Answer): void {
    const silent = this.#state.is("exchange") && this.#request.method === METHOD.HEAD;
    if (this.#state.is("exchange")) this.#plan(head);
    else this.#setWording(FRAMING.length, body.length, "close");
    this.#write(head, NO_ADDITIONS);
    this.outlet.begin(silent ? FRAMING.none : FRAMING.length, body.length);
    this.outlet.data(body, 0, body.length);
    this.outlet.end();
    this.#response = ENDED;
  }

  #responded(): void {
    this.events = NOBODY;
    if (!this.#persists) this.#linger();
    else if (this.intake.phase === PHASE.hold) this.#next();
    else this.#state.go("discarding");
  }

  /** What was sent ahead is looked at in this turn's end, when whoever ended this exchange has returned. */
  #next(): void {
    this.#state.go("idle");
    this.intake.expect(PHASE.head);
    if (this.intake.waiting) this.later();
    else if (this.#clientEnded) this.#linger();
    else this.#owner.idle();
  }

  #linger(): void {
    // Without an end of the client's a close of ours could reset what it has not read: if it said that this was all, not.
    const forGood = this.#last && this.#state.is("exchange") && this.intake.clean;
    this.#state.go("lingering");
    this.#discardedBytes = 0;
    this.intake.expect(PHASE.discard);
    this.endWire(forGood);
    if (!this.#clientEnded) this.#owner.lingers();
  }

  #tunnelInEnds(): void {
    this.#endOwed = false;
    this.events.end(this);
    this.#tunnelEnds();
  }

  #tunnelEnds(): void {
    if (this.wireEnded && this.#clientEnded) this.#closes();
  }

  /** A response has begun and not ended: only a reset tells that it never will. */
  #underWay(): boolean {
    return this.#state.is("tunnel") || (this.#state.is("exchange") && this.#response !== NOT_BEGUN);
  }

  /** A head that cannot be read is answered, silence is not; and nobody is answered twice. */
  #mayAnswer(fault: Fault): boolean {
    if (this.#state.is("exchange")) return true;
    return this.#state.is("idle") && (fault instanceof HttpFault || !this.intake.clean);
  }

  #abort(): void {
    if (this.#state.is("closed")) return;
    this.#closes();
    this.wire.close();
  }

  #gone(fault: Fault): void {
    const open = this.#state.is("exchange") || this.#state.is("tunnel");
    const { events } = this;
    this.#closes();
    if (open) events.reset(this, fault);
  }

  #closes(): void {
    this.#state.go("closed");
    this.letGo();
  }
}

function cut(): Fault {
  return new Fault("CLIENT_GONE", "Cannot read the request: the client ended in the middle of it");
}
