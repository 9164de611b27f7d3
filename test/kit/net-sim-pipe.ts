/**
 * One direction of a simulated connection: bytes that were taken and are on their way, or have arrived unread. What it
 * holds is bounded by the window; who reads makes room, and the writer hears of it later, as over a real network.
 */
import type { SimWorld } from "./net-sim.ts";

/** The two ends, as the pipe sees them. */
export interface SimWriter {
  room(): void;
}

export interface SimReader {
  arrived(bytes: Uint8Array): void;
  arrivedEnd(): void;
  arrivedReset(): void;
}

export interface SimAccident {
  readonly resetAt: number | undefined;
  readonly stallAt: number | undefined;
}

export class SimPipe {
  readonly #world: SimWorld;
  readonly #writer: SimWriter & Partial<SimReader>;
  readonly #reader: SimReader;
  readonly #accident: SimAccident;
  /** Taken and not read. */
  #heldBytes = 0;
  #sentBytes = 0;
  #lastMs = 0;
  #starved = false;
  #cut = false;

  constructor(world: SimWorld, writer: SimWriter & Partial<SimReader>, reader: SimReader, accident: SimAccident) {
    this.#world = world;
    this.#writer = writer;
    this.#reader = reader;
    this.#accident = accident;
  }

  /** How many of the bytes it took. */
  write(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, this.#world.windowBytes - this.#heldBytes);
    if (taken < bytes.length) this.#starved = true;
    this.#heldBytes += taken;
    let at = 0;
    while (at < taken) {
      const next = at + this.#pieceOf(taken - at);
      this.#send(bytes.slice(at, next));
      at = next;
    }
    return taken;
  }

  end(): void {
    if (this.#stalled(1)) return;
    this.#later(() => this.#reader.arrivedEnd());
  }

  /** The writer gives up both directions. */
  reset(): void {
    this.#later(() => this.#reader.arrivedReset());
    this.#cut = true;
  }

  /** The reader has read so many. */
  read(count: number): void {
    this.#heldBytes -= count;
    if (!this.#starved) return;
    this.#starved = false;
    this.#world.clock.after(this.#latencyMs(), () => this.#writer.room());
  }

  /** Mostly all at once, sometimes cut anywhere. */
  #pieceOf(count: number): number {
    const { rng } = this.#world;
    return rng.next() < 0.5 ? count : 1 + Math.floor(rng.next() * count);
  }

  #send(bytes: Uint8Array): void {
    const { resetAt, stallAt } = this.#accident;
    if (this.#cut) return;
    if (stallAt !== undefined && this.#stalled(bytes.length)) return this.#sendUntil(stallAt, bytes);
    if (resetAt === undefined || this.#sentBytes + bytes.length < resetAt) {
      this.#sentBytes += bytes.length;
      this.#later(() => this.#reader.arrived(bytes));
      return;
    }
    const before = bytes.slice(0, resetAt - this.#sentBytes);
    if (before.length > 0) this.#later(() => this.#reader.arrived(before));
    this.#later(() => this.#reader.arrivedReset());
    this.#later(() => this.#writer.arrivedReset?.());
    this.#cut = true;
  }

  /** The last bytes before it stalls; a shorter piece behind them must not arrive in their place. */
  #sendUntil(stallAt: number, bytes: Uint8Array): void {
    const before = bytes.slice(0, stallAt - this.#sentBytes);
    this.#sentBytes = stallAt;
    this.#cut = true;
    if (before.length > 0) this.#later(() => this.#reader.arrived(before));
  }

  /** Whether some of the next `count` bytes do not arrive. */
  #stalled(count: number): boolean {
    const { stallAt } = this.#accident;
    return stallAt !== undefined && this.#sentBytes + count > stallAt;
  }

  /** In the order of the calls. */
  #later(run: () => void): void {
    const { clock } = this.#world;
    this.#lastMs = Math.max(this.#lastMs, clock.now() + this.#latencyMs());
    clock.after(this.#lastMs - clock.now(), run);
  }

  #latencyMs(): number {
    return this.#world.rng.next() * this.#world.latencyMsMax;
  }
}
