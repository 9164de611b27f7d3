/**
 * HTTP/1.1 with a server: requests go out, responses come in, one exchange at a time (RFC 9112 §9). Which request, and what
 * becomes of the connection between two, is the owner's.
 * Invariant: it is idle, and so may be used again, only if every byte of the last exchange was accounted for.
 */
import { assert } from "../base/assert.ts";
import { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { Codec, type CodecOptions, NOBODY } from "./codec.ts";
import type { FieldBlock } from "./field-block.ts";
import { HttpFault } from "./flaws.ts";
import { FRAMING, HttpHead } from "./head.ts";
import { PHASE } from "./intake.ts";
import { ResponseParser } from "./response-parser.ts";
import type { HttpStream, HttpStreamEvents } from "./stream.ts";
import { headRoom, type Wording, writeRequest } from "./writer.ts";

export interface OriginOwner {
  /** The exchange is over, and `open` may be called again. */
  idle(): void;
  /** It is over for good: the server closed in order, or the exchange left it unusable. */
  over(): void;
  /** It is over for this reason: to be logged and counted, once. */
  failed(fault: Fault): void;
}

export interface OriginOptions extends CodecOptions {
  /** `Host` of requests that name none (HTTP/1.0). */
  readonly fallbackHost: string;
}

const STATES = {
  idle: ["exchange", "closed"],
  exchange: ["idle", "tunnel", "closed"],
  tunnel: ["closed"],
  closed: [],
} as const satisfies Edges<string>;
type OriginState = keyof typeof STATES;

const VISIBLE = /^[\x21-\x7e]+$/;

const NOT_BEGUN = 0;
const BEGUN = 1;
const ENDED = 2;

export class OriginCodec extends Codec implements HttpStream {
  readonly #owner: OriginOwner;
  readonly #parser: ResponseParser;
  readonly #state = new State<OriginState>(STATES, "idle");
  readonly #wording: { -readonly [key in keyof Wording]: Wording[key] };
  #request: typeof NOT_BEGUN | typeof BEGUN | typeof ENDED = NOT_BEGUN;
  #upgrades = false;
  #persists = true;
  #interims = 0;
  #exchanges = 0;
  #answered = false;
  #serverEnded = false;

  constructor(owner: OriginOwner, options: OriginOptions) {
    assert(
      VISIBLE.test(options.fallbackHost),
      "Cannot speak to a server: its name has a byte that may not stand in Host",
    );
    const parser = new ResponseParser(new HttpHead(), options.limits);
    super(parser, "server", options);
    this.#owner = owner;
    this.#parser = parser;
    this.#wording = { framing: FRAMING.none, length: -1, connection: "", fallbackHost: options.fallbackHost };
    this.intake.expect(PHASE.refuse);
  }

  protected get stream(): HttpStream {
    return this;
  }

  get state(): OriginState {
    return this.#state.now;
  }

  /** Exchanges so far, the one under way included: on a connection used before, a close may be no refusal. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** Whether a byte came in this exchange: if not, the server may never have seen the request. */
  get answered(): boolean {
    return this.#answered;
  }

  /** Starts an exchange. The request goes out on the stream, the response comes to `events`. */
  open(events: HttpStreamEvents): HttpStream {
    this.#state.go("exchange");
    this.events = events;
    this.#request = NOT_BEGUN;
    this.#persists = true;
    this.#interims = 0;
    this.#answered = false;
    this.#exchanges += 1;
    return this;
  }

  override receive(bytes: Uint8Array, start: number, end: number): void {
    this.#answered = true;
    super.receive(bytes, start, end);
  }

  /** The wire's `close`. */
  closed(): void {
    if (this.#state.is("closed")) return;
    if (this.#state.is("idle")) return this.#over();
    this.fail(new Fault("SERVER_GONE", "Cannot read the response: the server has closed"));
  }

  /** Closes both ways now, without telling the stream. */
  close(): void {
    if (this.#state.is("closed")) return;
    this.#closes();
    this.wire.close();
  }

  fail(fault: Fault): void {
    if (this.#state.is("closed")) return;
    const events = this.#closes();
    this.wire.close();
    this.#owner.failed(fault);
    events.reset(this, fault);
  }

  head(head: HttpHead, additions: FieldBlock): void {
    assert(this.#state.is("exchange") && this.#request === NOT_BEGUN, "Cannot send a request: one is under way");
    this.#wording.framing = head.framing;
    this.#wording.length = head.framing === FRAMING.length ? head.bodyLength : -1;
    this.#wording.connection = head.upgrade ? "upgrade" : "";
    const room = this.outlet.room(headRoom(head, additions, this.#wording.fallbackHost));
    writeRequest(room, head, additions, this.#wording);
    this.outlet.begin(head.framing, head.bodyLength);
    this.#request = BEGUN;
    this.#upgrades = head.upgrade;
    this.#parser.method = head.method;
    this.intake.expect(PHASE.head);
    this.later();
  }

  data(bytes: Uint8Array, start: number, end: number): number {
    if (this.#state.is("closed")) return end - start;
    assert(this.#request === BEGUN, "Cannot send data: no request is under way");
    const credit = this.outlet.data(bytes, start, end);
    this.later();
    return credit;
  }

  trailers(trailers: FieldBlock): void {
    if (this.#state.is("closed")) return;
    assert(this.#request === BEGUN, "Cannot send trailers: no request is under way");
    this.outlet.trailers(trailers);
    this.later();
  }

  end(): void {
    if (this.#state.is("closed")) return;
    assert(this.#request === BEGUN, "Cannot end: no request is under way");
    this.#request = ENDED;
    this.outlet.end();
    this.later();
    if (this.#state.is("tunnel")) this.endWire();
  }

  reset(_fault: Fault): void {
    this.close();
  }

  tookHead(head: HttpHead): void {
    if (head.interim) {
      this.#interims += 1;
      if (this.#interims > this.limits.interimMax) throw new HttpFault("INTERIM_MANY", "server");
      this.intake.expect(PHASE.head);
      return this.events.head(this, head);
    }
    if (head.status === 101) return this.#switch(head);
    // Whoever asked for another protocol has not ended, and had nothing more to send without it.
    if (this.#upgrades) this.#request = ENDED;
    this.#persists = head.persists && head.framing !== FRAMING.close;
    this.intake.expectBody(head.framing, head.bodyLength);
    this.events.head(this, head);
  }

  tookData(bytes: Uint8Array, start: number, end: number): void {
    this.events.data(this, bytes, start, end);
  }

  tookTrailers(trailers: HttpHead): void {
    this.events.trailers(this, trailers);
  }

  /** Bytes behind a response answer nothing that was asked: such a connection is never used again. */
  tookEnd(surplus: boolean): void {
    if (surplus) this.#persists = false;
    const { events } = this;
    this.events = NOBODY;
    events.end(this);
    if (this.#state.is("exchange")) this.#settle();
  }

  discarded(): void {
    // Behind the last exchange nothing is of interest.
  }

  protected advance(): void {
    // A server sends nothing ahead.
  }

  protected ends(): void {
    this.#serverEnded = true;
    if (this.#state.is("closed")) return;
    if (this.#state.is("idle")) return (this.close(), this.#owner.over());
    if (this.#state.is("tunnel")) {
      this.events.end(this);
      return this.finished();
    }
    if (this.intake.endsWithWire) return this.tookEnd(false);
    this.fail(new Fault("SERVER_GONE", "Cannot read the response: the server ended in the middle of it"));
  }

  protected finished(): void {
    if (this.#state.is("tunnel") && this.wireEnded && this.#serverEnded) this.#over();
  }

  #switch(head: HttpHead): void {
    if (!this.#upgrades) throw new HttpFault("UPGRADE", "server");
    head.framing = FRAMING.tunnel;
    this.#state.go("tunnel");
    this.outlet.begin(FRAMING.tunnel, 0);
    this.intake.expectBody(FRAMING.tunnel, 0);
    if (this.#request === ENDED) this.endWire();
    this.events.head(this, head);
  }

  #settle(): void {
    if (!this.#persists || this.#request !== ENDED || !this.outlet.empty) {
      this.#over();
      return this.wire.close();
    }
    this.#state.go("idle");
    this.intake.expect(PHASE.refuse);
    this.#owner.idle();
  }

  #over(): void {
    this.#closes();
    this.#owner.over();
  }

  #closes(): HttpStreamEvents {
    this.#state.go("closed");
    return this.letGo();
  }
}
