/**
 * One client of a listener with mode = "tcp": its bytes go to one server and that server's to it, unread, in constant memory,
 * until both have ended. A half-close is passed on behind the last byte, a reset as a reset.
 * Invariants: at most one server wire is listened to; what a client sends before its server stands is held, and goes to
 * another server only while the first got none of it; what was taken from a target is given back once; when both wires
 * have closed nothing is held.
 */
import type { Budget } from "../base/byte-queue.ts";
import { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { Spill } from "../net/spill.ts";
import { FULL, type Net, type TlsContext, type Wire, type WireEvents } from "../net/wire.ts";
import { mayRetry, type Repeatable } from "../upstream/retry.ts";
import type { Target } from "../upstream/target.ts";
import { Tries } from "../upstream/tries.ts";
import { Place, type Waiter } from "../upstream/waiting.ts";
import type { Group, Server } from "./groups.ts";
import type { LbTimeouts } from "./setup.ts";
import type { TcpCounts } from "./tcp-counts.ts";

export const TCP_LIMITS = {
  /** What is held of a client that waits for a server, before it is paused. */
  tapeBytesMax: 65_536,
  /** What waits on one wire at most: the largest chunk a wire may bring, above what was held. */
  spillBytesMax: 2_097_152,
} as const;

/** One listener. */
export interface TcpDoor {
  readonly group: Group;
  /** With which the client is spoken to. */
  readonly tls: TlsContext | undefined;
  readonly counts: TcpCounts;
}

/** Whom its clients live with. */
export interface TcpHome {
  readonly net: Net;
  readonly budget: Budget;
  /** As old as the last sweep. */
  readonly nowMs: number;
  readonly timeouts: LbTimeouts;
  tlsOf(group: Group, target: Target<Server>): TlsContext | undefined;
  /** A connect to it failed, or its TLS. */
  unreachable(group: Group, target: Target<Server>, fault: Fault): void;
  /** A client ends other than well. */
  failed(door: TcpDoor, fault: Fault): void;
  /** It is gone. */
  ended(client: TcpClient, door: TcpDoor): void;
}

const STATES = {
  /** TLS with the client does not stand yet. */
  securing: ["choosing", "closed"],
  choosing: ["waiting", "dialing", "closed"],
  /** For a target. */
  waiting: ["choosing", "closed"],
  dialing: ["choosing", "shaking", "relaying", "closed"],
  /** TLS with the server does not stand yet. */
  shaking: ["choosing", "relaying", "closed"],
  relaying: ["choosing", "closed"],
  closed: [],
} as const satisfies Edges<string>;

/** Where the client's bytes go while no server stands. */
const NOT_YET: Pick<Wire, "write"> = { write: () => FULL };

export class TcpClient implements WireEvents, Waiter, Repeatable {
  readonly idempotent = false;
  readonly replayable = true;
  /** A byte may have left for the server. */
  sent = false;
  /** A byte has come from it. */
  answered = false;
  readonly #home: TcpHome;
  readonly #door: TcpDoor;
  readonly #group: Group;
  readonly #state: State<keyof typeof STATES>;
  readonly #client: Wire;
  /** To the server, and to the client. */
  readonly #up: Spill;
  readonly #down: Spill;
  readonly #place = new Place(this);
  readonly #tried = new Tries<Server>();
  readonly #serverEvents: WireEvents;
  #server: Wire | undefined;
  #target: Target<Server> | undefined;
  #tls: TlsContext | undefined;
  /** Why the last server was given up. */
  #lastFault: Fault | undefined;
  #clientInput: "reading" | "paused" | "ended" = "reading";
  #serverInput: "reading" | "paused" | "ended" = "reading";
  #clientOpen = true;
  /** When the last byte passed, or the present state was entered. */
  #lastMs: number;

  constructor(client: Wire, door: TcpDoor, home: TcpHome) {
    const { budget } = home;
    this.#client = client;
    this.#door = door;
    this.#group = door.group;
    this.#home = home;
    this.#lastMs = home.nowMs;
    this.#up = new Spill(TCP_LIMITS.spillBytesMax, budget);
    this.#down = new Spill(TCP_LIMITS.spillBytesMax, budget);
    this.#serverEvents = new ServerEvents(this);
    this.#state = new State<keyof typeof STATES>(STATES, door.tls === undefined ? "choosing" : "securing");
  }

  /** How many targets it was given. */
  get tries(): number {
    return this.#tried.count;
  }

  /** Within `accept`. */
  start(): void {
    if (this.#door.tls === undefined) this.#choose();
    else this.#client.startTls(this.#door.tls, "server");
  }

  /** Ends what has taken too long. */
  sweep(nowMs: number): void {
    const silentMs = nowMs - this.#lastMs;
    const { headMs, idleMs } = this.#home.timeouts;
    const { connectTimeoutMs } = this.#group.setup;
    const { now } = this.#state;
    if (now === "securing" && silentMs > headMs) this.fail(slow(`its TLS does not stand after ${headMs} ms`));
    else if (now === "waiting" && silentMs > connectTimeoutMs) this.targetLate();
    else if (now === "shaking" && silentMs > connectTimeoutMs) this.#unreachable(slowTls(connectTimeoutMs));
    else if (now === "relaying" && silentMs > idleMs) this.fail(slow(`nobody has said anything for ${idleMs} ms`));
  }

  /** The one way out other than both sides' own ends. */
  fail(fault: Fault): void {
    if (this.#state.is("closed")) return;
    this.#home.failed(this.#door, fault);
    this.reset();
  }

  /** Resets both ways, now. */
  reset(): void {
    if (this.#state.is("closed")) return;
    const server = this.#server;
    this.#close();
    server?.close();
    this.#client.close();
  }

  // What the queue says.

  targetReady(): void {
    this.#state.go("choosing");
    this.#choose();
  }

  targetLate(): void {
    this.fail(new Fault("NO_TARGET", "Cannot find a server: none can be used"));
  }

  // What the client's wire says.

  data(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.#lastMs = this.#home.nowMs;
    this.#door.counts.bytesIn += end - start;
    this.#group.bytesIn += end - start;
    const server = this.#server;
    const stands = server !== undefined && this.#state.is("relaying");
    if (stands) this.sent = true;
    const sent = this.#up.write(stands ? server : NOT_YET, bytes, start, end);
    if (sent === "sent") return;
    if (sent === "full") return this.fail(full("the server"));
    if (!stands && this.#up.length < TCP_LIMITS.tapeBytesMax) return;
    this.#clientInput = "paused";
    wire.pause();
  }

  drain(): void {
    if (this.#state.is("securing")) {
      this.#state.go("choosing");
      return this.#choose();
    }
    this.#lastMs = this.#home.nowMs;
    if (this.#down.drain(this.#client) !== "sent" || this.#serverInput !== "paused") return;
    this.#serverInput = "reading";
    this.#server?.resume();
  }

  end(): void {
    this.#clientInput = "ended";
    if (this.#server !== undefined && this.#state.is("relaying")) this.#up.end(this.#server);
  }

  close(_wire: Wire, fault?: Fault): void {
    this.#clientOpen = false;
    if (this.#state.is("closed")) return;
    if (fault !== undefined) return this.fail(fault);
    // Both have ended, but the server may still have to take the last bytes.
    if (this.#server === undefined || !this.#state.is("relaying")) this.reset();
  }

  // What the server's wire says.

  /** Late words of a server that was given up are not for us. */
  listensTo(wire: Wire): boolean {
    return wire === this.#server;
  }

  serverData(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.#lastMs = this.#home.nowMs;
    this.answered = true;
    this.#door.counts.bytesOut += end - start;
    this.#group.bytesOut += end - start;
    const sent = this.#down.write(this.#client, bytes, start, end);
    if (sent === "sent") return;
    if (sent === "full") return this.fail(full("the client"));
    this.#serverInput = "paused";
    wire.pause();
  }

  serverDrain(wire: Wire): void {
    this.#lastMs = this.#home.nowMs;
    if (this.#state.is("dialing") && this.#tls !== undefined) {
      this.#state.go("shaking");
      return wire.startTls(this.#tls, "client");
    }
    if (!this.#state.is("relaying")) return this.#relay(wire);
    this.#drainUp(wire);
  }

  serverEnd(): void {
    if (!this.#state.is("relaying")) return this.#unreachable(new Fault("SERVER_UNREACHABLE", "Cannot dial: it ended"));
    this.#serverInput = "ended";
    this.#down.end(this.#client);
  }

  serverClose(fault: Fault | undefined): void {
    if (!this.#state.is("relaying")) return this.#unreachable(fault ?? GONE_AT_ONCE);
    if (fault !== undefined) return this.#lost(fault);
    this.#server = undefined;
    this.#giveTarget();
    // Both have ended, but the client may still have to take the last bytes.
    if (!this.#clientOpen) this.#close();
  }

  // The steps.

  #choose(): void {
    this.#lastMs = this.#home.nowMs;
    const { upstream, setup } = this.#group;
    const picked = upstream.pick(this.#tried);
    if (picked === "tried") return this.fail(this.#lastFault ?? new Fault("NO_TARGET", "Cannot find a server"));
    if (picked !== "none") return this.#dial(picked);
    this.#state.go("waiting");
    if (upstream.waiting.join(this.#place, this.#home.nowMs + setup.connectTimeoutMs) === "waiting") return;
    this.fail(new Fault("OVERLOADED", "Cannot wait for a server: the queue is full"));
  }

  #dial(target: Target<Server>): void {
    this.#state.go("dialing");
    if (this.#tried.count > 0) this.#door.counts.retries += 1;
    this.#tried.add(target);
    this.#target = target;
    target.take();
    target.own.connections += 1;
    this.#tls = this.#home.tlsOf(this.#group, target);
    this.#server = this.#home.net.dial(target.address, this.#group.setup.connectTimeoutMs, this.#serverEvents);
  }

  #relay(server: Wire): void {
    this.#state.go("relaying");
    if (this.#target !== undefined) this.#group.upstream.connected(this.#target);
    this.sent = this.#up.length > 0;
    this.#drainUp(server);
    if (this.#clientInput === "ended") this.#up.end(server);
  }

  #drainUp(server: Wire): void {
    if (this.#up.drain(server) !== "sent" || this.#clientInput !== "paused") return;
    this.#clientInput = "reading";
    this.#client.resume();
  }

  /** The server could not be reached, or not in TLS. */
  #unreachable(fault: Fault): void {
    if (this.#target !== undefined) this.#home.unreachable(this.#group, this.#target, fault);
    this.#lost(fault);
  }

  /** The server is gone: another one may do while nobody has said anything. */
  #lost(fault: Fault): void {
    const ended = this.#serverInput === "ended" || !this.#clientOpen;
    if (ended || mayRetry(fault, this) === "never" || !this.#group.retries.spend()) return this.fail(fault);
    const server = this.#server;
    this.#server = undefined;
    server?.close();
    this.#giveTarget();
    this.#lastFault = fault;
    this.#state.go("choosing");
    this.#choose();
  }

  #giveTarget(): void {
    const target = this.#target;
    this.#target = undefined;
    target?.give();
  }

  #close(): void {
    this.#state.go("closed");
    this.#server = undefined;
    this.#place.leave();
    this.#giveTarget();
    this.#up.clear();
    this.#down.clear();
    this.#home.ended(this, this.#door);
  }
}

/** The server's wire of a client, whichever it is just now. */
class ServerEvents implements WireEvents {
  readonly #client: TcpClient;

  constructor(client: TcpClient) {
    this.#client = client;
  }

  data(wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (this.#client.listensTo(wire)) this.#client.serverData(wire, bytes, start, end);
  }

  drain(wire: Wire): void {
    if (this.#client.listensTo(wire)) this.#client.serverDrain(wire);
  }

  end(wire: Wire): void {
    if (this.#client.listensTo(wire)) this.#client.serverEnd();
  }

  close(wire: Wire, fault?: Fault): void {
    if (this.#client.listensTo(wire)) this.#client.serverClose(fault);
  }
}

const GONE_AT_ONCE = new Fault("SERVER_UNREACHABLE", "Cannot dial: the connection was closed");

function slow(what: string): Fault {
  return new Fault("CLIENT_SLOW", `Cannot go on: ${what}`);
}

function slowTls(waitedMs: number): Fault {
  return new Fault("SERVER_DIAL_SLOW", `Cannot dial: its TLS does not stand after ${waitedMs} ms`);
}

function full(whom: string): Fault {
  return new Fault("OVERLOADED", `Cannot hold bytes for ${whom}: there is no memory left for them`);
}
