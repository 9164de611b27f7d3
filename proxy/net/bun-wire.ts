/**
 * One socket of Bun's as a Wire. Everything odd about those sockets ends here (README, "What Bun does"); what they have in
 * common is in `bun-net.ts`. It keeps the rules of `wire.ts`, nothing more: no limits of time, no framing, no buffer.
 * Invariants: `#socket` is there exactly while life is "open" or "securing"; what Bun says of any other socket (the raw one
 * below TLS, one that opened too late) is not heard. `close` is always told in a microtask of its own, so never within a
 * method. Bytes wait in `#held` only while nothing is read, or until the microtask that `resume` has set.
 */
import type { TLSOptions, TLSUpgradeOptions } from "bun";
import { formatAddress, type Address } from "../base/address.ts";
import { assert } from "../base/assert.ts";
import { Fault, faultOf } from "../base/fault.ts";
import { State, type Edges } from "../base/state.ts";
import type { Arrivals } from "./bun-arrivals.ts";
import { codeOf, lostFault, tlsFault, type Origin, type Phase } from "./bun-faults.ts";
import { BUN_EVENTS, closeInOrder, fdOf, plainAddress, type BunSocket, type SocketEars } from "./bun-socket.ts";
import { refusal, tlsInfo, tlsOptions } from "./bun-tls.ts";
import { BROKEN, type PeekSeam } from "./peek-seam.ts";
import {
  FULL,
  GONE,
  HELD_BYTES_MAX,
  PEEK_BYTES_MAX,
  type TlsContext,
  type TlsInfo,
  type TlsSide,
  type Wire,
  type WireEvents,
} from "./wire.ts";

/** "closing": over, but `close` is not told yet. */
const LIFE = {
  dialing: ["open", "closing"],
  open: ["securing", "closing"],
  securing: ["open", "closing"],
  closing: ["closed"],
  closed: [],
} as const satisfies Edges<Phase | "closing" | "closed">;

/** "unread": before the first read, while `peek` may look. */
type Input = "unread" | "reading" | "paused";

/** Our direction; "ending": as soon as the wire is open. */
type Output = "open" | "ending" | "ended";

/** The peer's direction; "seen": over, but `end` is not told yet. */
type PeerEnd = "no" | "seen" | "told";

/** What the wires of a Net have in common. */
export interface BunSurroundings {
  readonly seam: PeekSeam;
  readonly arrivals: Arrivals;
}

export interface Birth {
  readonly origin: Origin;
  readonly remote: Address;
  /** Where the socket itself has none to tell: of a unix socket, and once it is gone. */
  readonly local: Address;
}

const NOTHING = new Uint8Array(0);
/** One for all: a peek is copied out of it before anyone else can look. */
const peeked = new Uint8Array(PEEK_BYTES_MAX);
/** Events of a wire whose `accept` has not answered yet. */
const NOBODY: WireEvents = { data() {}, drain() {}, end() {}, close() {} };

export class BunWire implements Wire, SocketEars {
  readonly remote: Address;
  readonly #around: BunSurroundings;
  readonly #origin: Origin;
  readonly #life: State<keyof typeof LIFE>;
  #events: WireEvents = NOBODY;
  #socket: BunSocket | undefined;
  #input: Input = "reading";
  #output: Output = "open";
  #peerEnd: PeerEnd = "no";
  /** Whether a write came back short, and `drain` is owed. */
  #starved = false;
  #ours = false;
  #fault: Fault | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #seenBytes = 0;
  readonly #fallback: Address;
  #local: Address | undefined;
  #security: { readonly context: TlsContext; readonly side: TlsSide } | undefined;
  #tls: TlsInfo | undefined;

  constructor(around: BunSurroundings, birth: Birth) {
    this.#around = around;
    this.#origin = birth.origin;
    this.remote = birth.remote;
    this.#fallback = birth.local;
    this.#life = new State<keyof typeof LIFE>(LIFE, birth.origin === "dialled" ? "dialing" : "open");
  }

  get local(): Address {
    const socket = this.#socket;
    this.#local ??= plainAddress(socket?.localAddress, socket?.localPort);
    return this.#local ?? this.#fallback;
  }

  get peerUid(): number | undefined {
    if (this.#origin === "dialled" || this.remote.path === undefined || this.#socket === undefined) return undefined;
    return this.#around.seam.peerUid(fdOf(this.#socket));
  }

  get tls(): TlsInfo | undefined {
    return this.#tls;
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    assert(
      start >= 0 && start < end && end <= bytes.length,
      "Cannot write: the range is empty or outside of the bytes",
    );
    if (this.#output !== "open") return GONE;
    if (!this.#life.is("open") || this.#socket === undefined) return this.#notOpen();
    const taken = this.#socket.write(bytes as Uint8Array<ArrayBuffer>, start, end - start);
    if (taken < 0) return GONE;
    if (taken < end - start) this.#starved = true;
    return taken;
  }

  pause(): void {
    if (this.#input === "paused") return;
    this.#leaveUnread();
    this.#input = "paused";
    if (this.#life.is("open")) this.#socket?.pause();
  }

  resume(): void {
    if (this.#input === "reading") return;
    this.#leaveUnread();
    this.#input = "reading";
    if (this.#owes()) queueMicrotask(() => this.#tellHeld());
    else this.#readOn();
  }

  end(forGood = false): void {
    if (this.#output !== "open") return;
    if (this.#life.is("dialing") || this.#life.is("securing")) this.#output = "ending";
    else if (forGood && this.#isDone()) this.#leave();
    else this.#shutdown();
  }

  close(): void {
    if (this.#life.is("closed") || this.#ours) return;
    this.#ours = true;
    this.#fault = undefined;
    this.#finish();
  }

  peek(max: number): Uint8Array {
    assert(this.#input === "unread", "Cannot peek: the wire is read already");
    if (this.#socket === undefined) return NOTHING;
    const count = this.#around.seam.peek(fdOf(this.#socket), peeked);
    return count > 0 ? peeked.slice(0, Math.min(count, max)) : NOTHING;
  }

  startTls(context: TlsContext, side: TlsSide): void {
    if (this.#life.is("closing") || this.#life.is("closed")) return;
    assert(this.#life.is("open"), "Cannot start TLS: the wire is not open yet");
    assert(this.#security === undefined, "Cannot start TLS: it is spoken already");
    const options = tlsOptions(context, side);
    this.#life.go("securing");
    this.#security = { context, side };
    if (this.#heldBytes > 0) this.#fail(this.#refuse("bytes came in before it"));
    else if (this.#peerEnd !== "no") this.#fail(lostFault(this.#origin, "securing", undefined));
    else this.#upgrade(options, side);
  }

  // What Bun and the Net say. They end at `#socket`: what is not of it is not of this wire any more.

  /** An accepted socket is there. `accept` may use every method; nothing is told to it before it has answered. */
  born(socket: BunSocket, accept: (wire: Wire) => WireEvents): void {
    this.#socket = socket;
    this.#input = "unread";
    this.#events = accept(this);
    if (this.#input !== "unread") return;
    if (this.#events.arrive === undefined) this.#input = "reading";
    else {
      socket.pause();
      this.#around.arrivals.watch(this);
    }
  }

  /** The wire is being dialled; nothing is told before `dial` has returned. */
  dialled(events: WireEvents): void {
    this.#events = events;
  }

  /** False when nobody wants the socket any more. */
  opened(socket: BunSocket): boolean {
    if (!this.#life.is("dialing")) return false;
    this.#socket = socket;
    this.#becomeOpen();
    return true;
  }

  /** The wire did not open: nothing of it is left but to say so. */
  unopened(fault: Fault): void {
    if (this.#life.is("dialing")) this.#fail(fault);
  }

  /** For `Arrivals`: whether to look again. */
  look(): boolean {
    if (this.#input !== "unread" || this.#socket === undefined) return false;
    const count = this.#around.seam.peek(fdOf(this.#socket), peeked);
    if (count === 0 || count === BROKEN) {
      this.resume();
      return false;
    }
    if (count <= this.#seenBytes) return true;
    this.#seenBytes = count;
    this.#guard(() => this.#events.arrive?.(this));
    return this.#input === "unread";
  }

  onData(socket: BunSocket, bytes: Uint8Array): void {
    if (socket !== this.#socket) return;
    if (this.#input !== "reading" || this.#heldBytes > 0) return this.#hold(bytes);
    try {
      this.#events.data(this, bytes, 0, bytes.length);
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }

  onDrain(socket: BunSocket): void {
    if (socket !== this.#socket || !this.#starved || !this.#life.is("open")) return;
    this.#starved = false;
    this.#guard(() => this.#events.drain(this));
  }

  onEnd(socket: BunSocket): void {
    if (socket !== this.#socket || this.#peerEnd !== "no") return;
    this.#peerEnd = "seen";
    if (this.#input === "reading" && this.#heldBytes === 0) this.#tellEnd();
  }

  onHandshake(socket: BunSocket, completed: boolean, error: Error | null): void {
    if (socket !== this.#socket || !this.#life.is("securing") || this.#security === undefined) return;
    const { context, side } = this.#security;
    const refused = refusal(context, side, completed, error);
    if (refused !== undefined) return this.#fail(this.#refuse(refused, error));
    this.#tls = tlsInfo(socket, context, side);
    this.#becomeOpen();
  }

  onError(socket: BunSocket, error: Error): void {
    if (socket !== this.#socket) return;
    if (this.#security === undefined) this.#fail(lostFault(this.#origin, this.#phase(), error));
    else this.#fail(this.#refuse(codeOf(error), error));
  }

  onClose(socket: BunSocket, error: Error | undefined): void {
    if (socket !== this.#socket) return;
    const phase = this.#phase();
    const whole = error === undefined && phase === "open";
    if (!whole) this.#fault ??= lostFault(this.#origin, phase, error);
    else if (this.#peerEnd === "no") this.#peerEnd = "seen";
    this.#socket = undefined;
    this.#leaveUnread();
    this.#life.go("closing");
    queueMicrotask(() => this.#tellHeld());
  }

  // Our own steps.

  #phase(): Phase {
    const { now } = this.#life;
    return now === "dialing" || now === "securing" ? now : "open";
  }

  #notOpen(): number {
    if (!this.#life.is("dialing") && !this.#life.is("securing")) return GONE;
    this.#starved = true;
    return FULL;
  }

  /** Dialled, or secured: `drain` is the news. */
  #becomeOpen(): void {
    this.#life.go("open");
    this.#starved = false;
    if (this.#input === "paused") this.#socket?.pause();
    if (this.#output === "ending") this.#shutdown();
    this.#guard(() => this.#events.drain(this));
  }

  #shutdown(): void {
    this.#output = "ended";
    this.#socket?.shutdown();
  }

  /** Nothing that came in waits, and no TLS wants to say good-bye. */
  #isDone(): boolean {
    return this.#life.is("open") && this.#security === undefined && this.#input === "reading" && !this.#owes();
  }

  /** Closes behind what the kernel took: one call for what else are a half-close, the peer's end, and the close. */
  #leave(): void {
    const socket = this.#socket;
    this.#output = "ended";
    this.#ours = true;
    this.#socket = undefined;
    this.#life.go("closing");
    if (socket !== undefined) closeInOrder(socket);
    queueMicrotask(() => this.#tellClose());
  }

  #leaveUnread(): void {
    if (this.#input !== "unread") return;
    this.#around.arrivals.forget(this);
    this.#input = "reading";
  }

  #upgrade(options: TLSOptions, side: TlsSide): void {
    const unread = this.#input !== "reading";
    this.#leaveUnread();
    const upgrade = { tls: options, socket: BUN_EVENTS, data: this, isServer: side === "server" };
    try {
      const secured = this.#socket?.upgradeTLS<SocketEars>(upgrade satisfies TLSUpgradeOptions<SocketEars>)[1];
      this.#socket = secured;
      // The handshake is read in any case; what comes behind it waits if it must.
      if (unread) secured?.resume();
    } catch (cause) {
      this.#fail(new Fault("BUG", "Cannot start TLS: the context cannot be used", { cause }));
    }
  }

  #readOn(): void {
    if (this.#life.is("open")) this.#socket?.resume();
  }

  #hold(bytes: Uint8Array): void {
    if (bytes.length > HELD_BYTES_MAX - this.#heldBytes) {
      const what = `more than ${HELD_BYTES_MAX} bytes came in unread`;
      return this.#fail(lostFault(this.#origin, this.#phase(), new Error(`Cannot hold: ${what}`)));
    }
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** Whether something is to be told before the wire is read on. */
  #owes(): boolean {
    return this.#heldBytes > 0 || this.#peerEnd === "seen" || this.#life.is("closing");
  }

  /** What waited while nothing was read, in order, as far as the events let it; then on with reading, or the close. */
  #tellHeld(): void {
    while (this.#input === "reading" && !this.#ours) {
      const bytes = this.#held.shift();
      if (bytes === undefined) break;
      this.#heldBytes -= bytes.length;
      this.#guard(() => this.#events.data(this, bytes, 0, bytes.length));
    }
    if (this.#input === "reading" && this.#heldBytes === 0) {
      if (this.#peerEnd === "seen") this.#tellEnd();
      if (this.#input === "reading") this.#readOn();
    }
    const silent = this.#heldBytes === 0 && this.#peerEnd !== "seen";
    if (this.#life.is("closing") && (silent || this.#ours)) this.#tellClose();
  }

  #tellEnd(): void {
    this.#peerEnd = "told";
    if (this.#fault === undefined) this.#guard(() => this.#events.end(this));
  }

  #tellClose(): void {
    if (!this.#life.is("closing")) return;
    this.#life.go("closed");
    const fault = this.#fault;
    if (fault === undefined) this.#events.close(this);
    else this.#events.close(this, fault);
  }

  /** Ours to end, for a reason that is told. What waited is not told any more. */
  #fail(fault: Fault): void {
    if (this.#ours || this.#life.is("closed")) return;
    this.#ours = true;
    this.#fault ??= fault;
    this.#finish();
  }

  #finish(): void {
    const socket = this.#socket;
    this.#leaveUnread();
    this.#socket = undefined;
    this.#held = [];
    this.#heldBytes = 0;
    if (!this.#life.is("closing")) this.#life.go("closing");
    // Bun says close within this call: it is not heard any more.
    socket?.terminate();
    queueMicrotask(() => this.#tellClose());
  }

  #refuse(what: string, cause?: unknown): Fault {
    const phase = this.#phase();
    return codeOf(cause) === "ECONNRESET"
      ? lostFault(this.#origin, phase, cause)
      : tlsFault(this.#origin, phase, `${what} (${formatAddress(this.remote)})`, cause);
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (thrown) {
      this.#fail(faultOf(thrown));
    }
  }
}
