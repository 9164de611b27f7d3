/**
 * Asks a server to stop what a backend is doing: a short connection of its own that says CancelRequest and is closed by the
 * server when that is done. Encrypted where the link is. It does not know who may cancel whom.
 * Invariants: each call ends, once, and says whether its request may still arrive: it may when it was sent and the server
 * has not closed behind it. No more than CALLS_MAX are under way.
 * Spec: PostgreSQL documentation, "Canceling Requests in Progress".
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { FULL, GONE, type Net, type Wire, type WireEvents } from "../net/wire.ts";
import { readEncryptionAnswer, writeCancelRequest, writeSslRequest } from "../pg/startup.ts";
import { Writer } from "../pg/writer.ts";
import type { CancelKey } from "./link.ts";
import type { ServerTarget } from "./server-target.ts";

export interface CancelWorld {
  readonly net: Net;
  readonly clock: Clock;
  readonly log: Log;
  readonly budget: Budget;
}

/** Twice what most pools hold: cancels must not wait behind each other while all that runs is cancelled. */
export const CALLS_MAX = 64;
const CALL_MS_MAX = 5_000;
/** The longest message: a start-up packet's head and a key of protocol 3.2. */
const WORDS_BYTES_MAX = 512;

export class CancelCalls {
  readonly #world: CancelWorld;
  readonly #target: ServerTarget;
  readonly #calls = new Set<CancelCall>();

  constructor(world: CancelWorld, target: ServerTarget) {
    this.#world = world;
    this.#target = target;
  }

  get underWay(): number {
    return this.#calls.size;
  }

  /** False, and `done` is not called, when too many are under way. `isEncrypted`: the link is. */
  call(key: CancelKey, isEncrypted: boolean, done: (mayArrive: boolean) => void): boolean {
    if (this.#calls.size >= CALLS_MAX) return false;
    const call = new CancelCall({ ...this.#world, target: this.#target, key, isEncrypted }, (mayArrive) => {
      this.#calls.delete(call);
      done(mayArrive);
    });
    this.#calls.add(call);
    call.begin();
    return true;
  }

  /** Lets go of all of them at once; those whose request was sent say that it may arrive. */
  close(): void {
    for (const call of this.#calls) call.stop();
  }
}

interface CallOptions extends CancelWorld {
  readonly target: ServerTarget;
  readonly key: CancelKey;
  readonly isEncrypted: boolean;
}

/** What is to be done when the wire is next ready for our words. */
type Step = "wish" | "secure" | "ask" | "wait" | "over";

class CancelCall implements WireEvents {
  readonly #options: CallOptions;
  readonly #done: (mayArrive: boolean) => void;
  readonly #writer = new Writer(WORDS_BYTES_MAX);
  #step: Step;
  #sent = 0;
  #wire: Wire | undefined;
  #timer: Timer | undefined;

  constructor(options: CallOptions, done: (mayArrive: boolean) => void) {
    this.#options = options;
    this.#done = done;
    this.#step = options.isEncrypted ? "wish" : "ask";
    if (options.isEncrypted) writeSslRequest(this.#writer);
    else this.#writeRequest();
  }

  begin(): void {
    const { net, clock, target } = this.#options;
    this.#timer = clock.after(CALL_MS_MAX, () => this.stop());
    this.#wire = net.dial(target.address, CALL_MS_MAX, this);
  }

  stop(): void {
    this.#wire?.close();
    this.#end(this.#step === "wait");
  }

  data(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    const { tls } = this.#options.target;
    // Behind our request the server says nothing; should it, the end of it is all that counts.
    if (this.#step !== "secure" || tls.wish === "never") return;
    if (readEncryptionAnswer({ bytes, start, end }, "ssl") === "refused") return this.stop();
    this.#step = "ask";
    this.#writer.clear();
    this.#sent = 0;
    this.#writeRequest();
    wire.startTls(tls.context, "client");
  }

  drain(wire: Wire): void {
    if (this.#step !== "wish" && this.#step !== "ask") return;
    const { bytes, end } = this.#writer;
    while (this.#sent < end) {
      const taken = wire.write(bytes, this.#sent, end);
      if (taken === FULL || taken === GONE) return;
      this.#sent += taken;
    }
    this.#step = this.#step === "wish" ? "secure" : "wait";
  }

  /** The server closes when it has sent its signal. */
  end(wire: Wire): void {
    this.#end(false);
    wire.end();
  }

  /** Reset, never open, or no TLS: what the server has not read by now it will not read. */
  close(): void {
    this.#end(false);
  }

  #writeRequest(): void {
    const { processId, secret } = this.#options.key;
    writeCancelRequest(this.#writer, processId, secret);
  }

  #end(mayArrive: boolean): void {
    if (this.#step === "over") return;
    this.#step = "over";
    this.#timer?.cancel();
    if (mayArrive) this.#options.log.warn("cancel_unanswered", { process: this.#options.key.processId });
    this.#done(mayArrive);
  }
}
