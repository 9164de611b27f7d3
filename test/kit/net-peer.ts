/**
 * One side of a wire in a test: it records what is told, uses the wire on the test's behalf, and watches the rules of
 * `proxy/net/wire.ts` all the time: a broken one is a line in `broken`.
 */
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Fault } from "../../proxy/base/fault.ts";
import { Spill, type Sent } from "../../proxy/net/spill.ts";
import type { Net, TlsContext, TlsSide, Wire, WireEvents } from "../../proxy/net/wire.ts";
import type { Address } from "../../proxy/base/address.ts";

const SPILL_BYTES_MAX = 32 * 1_048_576;
const TEXT_BYTES_MAX = 4096;

/** What a test does when something is told, behind the recording. */
export interface Reactions {
  data?(peer: Peer, bytes: Uint8Array): void;
  drain?(peer: Peer): void;
  end?(peer: Peer): void;
  close?(peer: Peer): void;
  arrive?(peer: Peer): void;
}

export class Peer {
  readonly events: WireEvents;
  /** What was told, by name; runs of `data` once. */
  readonly told: string[] = [];
  readonly broken: string[] = [];
  bytes = 0;
  /** Of all bytes, in order. */
  digest = 0;
  /** The first bytes, one character each. */
  text = "";
  drains = 0;
  ended = false;
  closed = false;
  fault: Fault | undefined;
  readonly spill = new Spill(SPILL_BYTES_MAX, new Budget(2 * SPILL_BYTES_MAX));
  readonly #reactions: Reactions;
  #wire: Wire | undefined;
  #paused = false;
  #inside = false;

  constructor(reactions: Reactions = {}) {
    this.#reactions = reactions;
    this.events = {
      data: (wire, bytes, start, end) => this.#data(wire, bytes, start, end),
      drain: (wire) => this.#drain(wire),
      end: (wire) => this.#end(wire),
      close: (wire, fault) => this.#close(wire, fault),
      ...(reactions.arrive === undefined ? {} : { arrive: (wire: Wire) => this.#arrive(wire) }),
    };
  }

  static dial(net: Net, target: Address, reactions?: Reactions, deadlineMs = 5_000): Peer {
    const peer = new Peer(reactions);
    peer.#inside = true;
    peer.#wire = net.dial(target, deadlineMs, peer.events);
    peer.#inside = false;
    return peer;
  }

  get wire(): Wire {
    if (this.#wire === undefined) throw new Error("Cannot use the wire: there is none yet");
    return this.#wire;
  }

  /** For `accept`. */
  on(wire: Wire): this {
    this.#wire = wire;
    return this;
  }

  /** A call during which nothing may be told. */
  call<T>(use: (wire: Wire) => T): T {
    const before = this.#inside;
    this.#inside = true;
    try {
      return use(this.wire);
    } finally {
      this.#inside = before;
    }
  }

  /** All of it, in time: what the wire does not take waits in the spill. */
  send(content: string | Uint8Array): Sent {
    const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
    return this.call((wire) => this.spill.write(wire, bytes, 0, bytes.length));
  }

  /** One write of the wire itself. */
  write(bytes: Uint8Array): number {
    return this.call((wire) => wire.write(bytes, 0, bytes.length));
  }

  pause(): void {
    this.#paused = true;
    this.call((wire) => wire.pause());
  }

  resume(): void {
    this.#paused = false;
    this.call((wire) => wire.resume());
  }

  end(): void {
    this.call((wire) => this.spill.end(wire));
  }

  close(): void {
    this.call((wire) => wire.close());
  }

  startTls(context: TlsContext, side: TlsSide): void {
    this.call((wire) => wire.startTls(context, side));
  }

  #data(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.#hear("data", wire);
    if (this.#paused) this.broken.push("data came behind pause");
    if (this.ended) this.broken.push("data came behind end");
    if (start >= end || end > bytes.length) this.broken.push(`the range ${start} to ${end} of ${bytes.length} came`);
    const chunk = bytes.subarray(start, end);
    this.bytes += chunk.length;
    this.digest = digestOf(chunk, this.digest);
    if (this.text.length < TEXT_BYTES_MAX) this.text += new TextDecoder("latin1").decode(chunk);
    this.#reactions.data?.(this, chunk);
  }

  #drain(wire: Wire): void {
    this.#hear("drain", wire);
    this.drains += 1;
    this.call(() => this.spill.drain(wire));
    this.#reactions.drain?.(this);
  }

  #end(wire: Wire): void {
    this.#hear("end", wire);
    if (this.#paused) this.broken.push("end came behind pause");
    if (this.ended) this.broken.push("end came twice");
    this.ended = true;
    this.#reactions.end?.(this);
  }

  #close(wire: Wire, fault: Fault | undefined): void {
    this.#hear("close", wire);
    this.closed = true;
    this.fault = fault;
    this.spill.clear();
    this.#reactions.close?.(this);
  }

  #arrive(wire: Wire): void {
    this.#hear("arrive", wire);
    if (this.bytes > 0) this.broken.push("arrive came behind data");
    this.#reactions.arrive?.(this);
  }

  #hear(event: string, wire: Wire): void {
    if (this.#inside) this.broken.push(`${event} came within a call`);
    if (this.closed) this.broken.push(`${event} came behind close`);
    if (this.#wire !== undefined && this.#wire !== wire) this.broken.push(`${event} came of another wire`);
    if (event !== "data" || this.told.at(-1) !== "data") this.told.push(event);
  }
}

/** Order matters, and how the bytes were cut does not. */
export function digestOf(bytes: Uint8Array, before = 0): number {
  let digest = before;
  for (let at = 0; at < bytes.length; at++) digest = (Math.imul(digest, 31) + (bytes[at] as number)) | 0;
  return digest;
}
