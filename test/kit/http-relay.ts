/**
 * The smallest proxy that can be made of the two codecs: one client, a server connection that is used again while it may be,
 * nothing else. What a client says, and in which pieces, and what a server answers, are the test's.
 */
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Fault } from "../../proxy/base/fault.ts";
import { NO_ADDITIONS } from "../../proxy/http/additions.ts";
import { ClientCodec, type ClientOwner } from "../../proxy/http/client-codec.ts";
import type { FieldBlock } from "../../proxy/http/field-block.ts";
import type { HttpHead } from "../../proxy/http/head.ts";
import { HTTP_LIMITS, type HttpLimits } from "../../proxy/http/limits.ts";
import { OriginCodec, type OriginOwner } from "../../proxy/http/origin-codec.ts";
import type { HttpStream, HttpStreamEvents } from "../../proxy/http/stream.ts";
import { TurnList } from "../../proxy/http/turn-list.ts";
import { bytesOf, FakeHttpWire } from "./http-wire.ts";

export class HttpRelay implements ClientOwner, HttpStreamEvents {
  readonly clientWire = new FakeHttpWire();
  /** One per server connection, the last one is the current. */
  readonly serverWires: FakeHttpWire[] = [];
  readonly budget = new Budget(1e8);
  readonly client: ClientCodec;
  origin: OriginCodec | undefined;
  /** What happened, one word each, with the code of faults. */
  readonly log: string[] = [];
  readonly #turn = new TurnList();
  readonly #limits: HttpLimits;
  readonly #originOwner: OriginOwner = {
    idle: () => this.log.push("origin idle"),
    over: () => this.#dropOrigin("origin over"),
    failed: (fault) => this.#dropOrigin(`origin failed ${fault.code}`),
  };
  #from: HttpStream | undefined;
  #to: HttpStream | undefined;

  constructor(limits: Partial<HttpLimits> = {}) {
    this.#limits = { ...HTTP_LIMITS, ...limits };
    this.client = new ClientCodec(this, {
      wire: this.clientWire,
      limits: this.#limits,
      budget: this.budget,
      turn: this.#turn,
    });
  }

  get serverWire(): FakeHttpWire {
    return this.serverWires.at(-1) ?? new FakeHttpWire();
  }

  /** All that any server got. */
  get served(): string {
    return this.serverWires.map((wire) => wire.text).join("");
  }

  /** Memory of the budget that someone holds; nothing waits when all is said. */
  get heldBytes(): number {
    return this.budget.lentBytes;
  }

  /** The client sends this, in pieces that end at `cuts`. Each piece stands in an array that is spoilt afterwards. */
  say(text: string, ...cuts: readonly number[]): void {
    for (const piece of pieces(text, cuts)) this.#give(piece, (bytes, end) => this.client.receive(bytes, 1, end));
  }

  /** The server sends this. */
  answer(text: string, ...cuts: readonly number[]): void {
    for (const piece of pieces(text, cuts)) this.#give(piece, (bytes, end) => this.origin?.receive(bytes, 1, end));
  }

  clientEnds(): void {
    this.client.ended();
    this.turn();
  }

  serverEnds(): void {
    this.origin?.ended();
    this.turn();
  }

  turn(): void {
    this.#turn.run();
  }

  accept(stream: HttpStream, head: HttpHead): HttpStreamEvents {
    this.log.push(`request ${head.methodText}`);
    this.#from = stream;
    this.origin ??= this.#dial();
    this.#to = this.origin.open(this);
    this.#to.head(head, NO_ADDITIONS);
    return this;
  }

  head(_stream: HttpStream, head: HttpHead): void {
    this.#from?.head(head, NO_ADDITIONS);
  }

  data(stream: HttpStream, bytes: Uint8Array, start: number, end: number): void {
    stream.credit(this.#other(stream)?.data(bytes, start, end) ?? 0);
  }

  credit(stream: HttpStream, count: number): void {
    this.#other(stream)?.credit(count);
  }

  trailers(stream: HttpStream, trailers: FieldBlock): void {
    this.#other(stream)?.trailers(trailers);
  }

  end(stream: HttpStream): void {
    this.#other(stream)?.end();
  }

  reset(stream: HttpStream, fault: Fault): void {
    this.log.push(`reset ${fault.code}`);
    this.#other(stream)?.reset(fault);
    if (stream === this.client) this.origin = undefined;
  }

  idle(): void {
    this.log.push("idle");
  }

  lingers(): void {
    this.log.push("lingers");
  }

  failed(fault: Fault): void {
    this.log.push(`failed ${fault.code}`);
  }

  #dropOrigin(why: string): void {
    this.log.push(why);
    this.origin = undefined;
  }

  #other(stream: HttpStream): HttpStream | undefined {
    return stream === this.#from ? this.#to : this.#from;
  }

  #dial(): OriginCodec {
    const wire = new FakeHttpWire();
    this.serverWires.push(wire);
    return new OriginCodec(this.#originOwner, {
      wire,
      limits: this.#limits,
      budget: this.budget,
      turn: this.#turn,
      fallbackHost: "app:3000",
    });
  }

  /** As a socket gives it: somewhere in a larger array, which is the next one's when the call has returned. */
  #give(piece: string, receive: (bytes: Uint8Array, end: number) => void): void {
    const bytes = bytesOf(`?${piece}?`);
    receive(bytes, bytes.length - 1);
    bytes.fill(0x21);
    this.turn();
  }
}

function pieces(text: string, cuts: readonly number[]): string[] {
  const ends = [...cuts, text.length];
  return ends.map((end, index) => text.slice(ends[index - 1] ?? 0, end)).filter((piece) => piece !== "");
}
