/** One side of a simulated connection, by the rules of `proxy/net/wire.ts`. All events come from the clock's timers. */
import type { Address } from "../../proxy/base/address.ts";
import { assert } from "../../proxy/base/assert.ts";
import { Fault, faultOf } from "../../proxy/base/fault.ts";
import { FULL, GONE, type TlsContext, type TlsInfo, type TlsSide } from "../../proxy/net/wire.ts";
import type { Wire, WireEvents } from "../../proxy/net/wire.ts";
import type { SimPipe, SimReader, SimWriter } from "./net-sim-pipe.ts";
import { SimTls } from "./net-sim-tls.ts";
import type { SimWorld } from "./net-sim.ts";

export interface SimBirth {
  readonly origin: "accepted" | "dialled";
  readonly local: Address;
  readonly remote: Address;
}

/** What has arrived and is not told yet. */
type Arrived = Uint8Array | "end" | "reset";

/** Everyone of a simulated unix socket. */
const PEER_UID = 1000;
const NOBODY: WireEvents = { data() {}, drain() {}, end() {}, close() {} };

export class SimWire implements Wire, SimReader, SimWriter {
  readonly local: Address;
  readonly remote: Address;
  readonly #world: SimWorld;
  readonly #origin: SimBirth["origin"];
  #events: WireEvents = NOBODY;
  #life: "dialing" | "open" | "securing" | "over" | "closed";
  #input: "unread" | "reading" | "paused" = "reading";
  #output: "open" | "ending" | "ended" = "open";
  #peerEnded = false;
  #starved = false;
  #inbox: Arrived[] = [];
  #out: SimPipe | undefined;
  #in: SimPipe | undefined;
  #tlsPlay: SimTls | undefined;

  constructor(world: SimWorld, { origin, local, remote }: SimBirth) {
    this.#world = world;
    this.#origin = origin;
    this.local = local;
    this.remote = remote;
    this.#life = origin === "dialled" ? "dialing" : "open";
  }

  get closed(): boolean {
    return this.#life === "closed";
  }

  get dialing(): boolean {
    return this.#life === "dialing";
  }

  get peerUid(): number | undefined {
    return this.#origin === "accepted" && this.remote.path !== undefined ? PEER_UID : undefined;
  }

  get tls(): TlsInfo | undefined {
    return this.#tlsPlay?.info;
  }

  hearing(events: WireEvents): void {
    this.#events = events;
  }

  opened(out: SimPipe, into: SimPipe): void {
    this.#out = out;
    this.#in = into;
    this.#becomeOpen();
  }

  unopened(fault: Fault): void {
    if (this.#life === "dialing") this.#finish(fault);
  }

  born(out: SimPipe, into: SimPipe, accept: (wire: Wire) => WireEvents): void {
    this.#out = out;
    this.#in = into;
    this.#input = "unread";
    this.#events = accept(this);
    if (this.#input === "unread" && this.#events.arrive === undefined) this.#input = "reading";
  }

  write(bytes: Uint8Array, start: number, end: number): number {
    assert(
      start >= 0 && start < end && end <= bytes.length,
      "Cannot write: the range is empty or outside of the bytes",
    );
    if (this.#output !== "open" || this.#isOver()) return GONE;
    const taken = this.#life === "open" ? (this.#out?.write(bytes.subarray(start, end)) ?? FULL) : FULL;
    if (taken < end - start) this.#starved = true;
    return taken;
  }

  pause(): void {
    this.#input = "paused";
  }

  resume(): void {
    if (this.#input === "reading") return;
    this.#input = "reading";
    this.#later(() => this.#pump());
  }

  end(): void {
    if (this.#output !== "open" || this.#isOver()) return;
    this.#output = "ending";
    if (this.#life === "open") this.#endOutput();
  }

  close(): void {
    if (!this.#isOver()) this.#finish();
    else this.#inbox = this.#inbox.filter((one) => one === "reset");
  }

  peek(max: number): Uint8Array {
    assert(this.#input === "unread", "Cannot peek: the wire is read already");
    const bytes = Buffer.concat(this.#inbox.filter((one) => typeof one !== "string"));
    return new Uint8Array(bytes.subarray(0, max));
  }

  startTls(context: TlsContext, side: TlsSide): void {
    if (this.#isOver()) return;
    assert(this.#tlsPlay === undefined, "Cannot start TLS: it is spoken already");
    assert(this.#life === "open", "Cannot start TLS: the wire is not open");
    const held = this.#input === "paused" && this.#inbox.some((one) => typeof one !== "string");
    if (this.#input === "unread") this.#input = "reading";
    this.#life = "securing";
    const play = new SimTls(context, side);
    this.#tlsPlay = play;
    if (this.#peerEnded) return this.#finish(this.#lostFault());
    if (held) return this.#finish(this.#tlsFault("bytes came in before it"));
    this.#out?.write(play.start());
    this.#later(() => this.#pump());
  }

  // What the pipes say.

  arrived(bytes: Uint8Array): void {
    if (this.#isOver()) return;
    this.#inbox.push(bytes);
    this.#pump();
  }

  arrivedEnd(): void {
    if (this.#isOver()) return;
    this.#inbox.push("end");
    if (this.#input === "unread") this.#input = "reading";
    this.#pump();
  }

  arrivedReset(): void {
    if (this.#isOver()) return;
    this.#inbox.push("reset");
    this.#output = "ended";
    if (this.#input === "unread") this.#input = "reading";
    this.#pump();
  }

  room(): void {
    if (!this.#starved || this.#life !== "open") return;
    this.#starved = false;
    this.#guard(() => this.#events.drain(this));
  }

  // Our own steps.

  #isOver(): boolean {
    return this.#life === "over" || this.#life === "closed";
  }

  #becomeOpen(): void {
    this.#life = "open";
    this.#starved = false;
    if (this.#output === "ending") this.#endOutput();
    this.#guard(() => this.#events.drain(this));
  }

  #endOutput(): void {
    this.#output = "ended";
    this.#out?.end();
    if (this.#peerEnded) this.#later(() => this.#over());
  }

  #pump(): void {
    if (this.#input === "unread") {
      if (this.#inbox.length > 0) this.#guard(() => this.#events.arrive?.(this));
      return;
    }
    while (!this.#isOver() && this.#inbox.length > 0 && this.#mayTell(this.#inbox[0] as Arrived)) {
      this.#tell(this.#inbox.shift() as Arrived);
    }
  }

  #mayTell(next: Arrived): boolean {
    return this.#input === "reading" || this.#life === "securing" || next === "reset";
  }

  #tell(next: Arrived): void {
    if (next === "reset") return this.#over(this.#lostFault());
    if (next === "end") return this.#tellEnd();
    this.#in?.read(next.length);
    if (this.#life === "securing") this.#handshake(next);
    else this.#guard(() => this.#events.data(this, next, 0, next.length));
  }

  #tellEnd(): void {
    if (this.#life === "securing") return this.#finish(this.#lostFault());
    this.#peerEnded = true;
    this.#guard(() => this.#events.end(this));
    if (this.#output === "ended") this.#over();
  }

  #handshake(bytes: Uint8Array): void {
    const play = this.#tlsPlay;
    if (play === undefined) return;
    const outcome = play.take(bytes);
    if (outcome.say.length > 0) this.#out?.write(outcome.say);
    if (outcome.refused !== undefined) return this.#finish(this.#tlsFault(outcome.refused));
    if (!outcome.done) return;
    if (outcome.rest.length > 0) this.#putBack(outcome.rest);
    this.#becomeOpen();
  }

  #putBack(bytes: Uint8Array): void {
    this.#inbox.unshift(bytes);
    this.#in?.read(-bytes.length);
  }

  /** We end it: the peer is reset. */
  #finish(fault?: Fault): void {
    this.#life = "over";
    this.#inbox = [];
    this.#out?.reset();
    this.#later(() => this.#tellClose(fault));
  }

  /** Both directions are over, or the peer has reset. */
  #over(fault?: Fault): void {
    if (this.#isOver()) return;
    this.#life = "over";
    this.#later(() => this.#tellClose(fault));
  }

  #tellClose(fault: Fault | undefined): void {
    if (this.#life === "closed") return;
    this.#life = "closed";
    if (fault === undefined) this.#events.close(this);
    else this.#events.close(this, fault);
  }

  #lostFault(): Fault {
    if (this.#origin === "accepted") return new Fault("CLIENT_GONE", "Cannot read: ECONNRESET");
    if (this.#life === "securing") return new Fault("SERVER_UNREACHABLE", "Cannot speak TLS: ECONNRESET");
    return new Fault("SERVER_GONE", "Cannot read: ECONNRESET");
  }

  #tlsFault(what: string): Fault {
    return new Fault(this.#origin === "accepted" ? "CLIENT_PROTOCOL" : "SERVER_LOGIN", `Cannot speak TLS: ${what}`);
  }

  #later(run: () => void): void {
    this.#world.clock.after(0, run);
  }

  #guard(tell: () => void): void {
    try {
      tell();
    } catch (thrown) {
      if (!this.#isOver()) this.#finish(faultOf(thrown));
    }
  }
}
