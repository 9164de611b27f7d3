/**
 * Everyone who is at the door of this worker: who they must show to be, how long they may take, and how many there may be.
 * What becomes of those who are let in is the reception's business.
 * Invariant: whoever says nothing is gone at the deadline, and before that when there are too many of them: the oldest gives
 * way, so that silent connections keep nobody out.
 */
import type { Budget } from "../base/byte-queue.ts";
import type { Timer } from "../base/clock.ts";
import type { Digest } from "../base/digest.ts";
import type { Fault } from "../base/fault.ts";
import type { Rng } from "../base/rng.ts";
import type { TlsContext, Wire } from "../net/wire.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { Writer } from "../pg/writer.ts";
import { channelBinding } from "../pgconn/channel-binding.ts";
import { Credentials, type Demand } from "../pgconn/credentials.ts";
import { Gate, type Gatehouse, type Newcomer } from "../pgconn/gate.ts";
import type { Host } from "../role.ts";
import { isConsole } from "./console-rights.ts";
import type { FaultCounts } from "./fault-counts.ts";
import type { PoolSetup } from "./setup.ts";

/** Who takes over those who have shown who they are. */
export interface Reception {
  enter(newcomer: Newcomer, gate: Gate): void;
  /** The gate is closed: who was about to enter does not. */
  gone(gate: Gate): void;
  cancel(processId: number, key: Uint8Array, done: () => void): void;
  /** Why nobody is let in just now. */
  refusal(): NoticeWords | undefined;
}

const SWEEP_MS = 250;
/** How many of this worker may be at the door. */
const GATES_MAX = 4_096;
/** How long who was refused may take to close. */
const LEAVING_MS = 2_000;
const WORDS_BYTES_MAX = 0x40000;

export class Doorway implements Gatehouse {
  readonly digest: Digest;
  readonly rng: Rng;
  readonly budget: Budget;
  readonly writer = new Writer(WORDS_BYTES_MAX);
  readonly #host: Host;
  readonly #reception: Reception;
  readonly #faults: FaultCounts;
  /** In the order they came, with their deadline. */
  readonly #gates = new Map<Gate, number>();
  readonly #credentials: Credentials;
  #setup: PoolSetup;
  #tls: TlsContext | undefined;
  #binding: Uint8Array | undefined;
  #sweep: Timer | undefined;

  constructor(setup: PoolSetup, parts: { host: Host; budget: Budget; reception: Reception; faults: FaultCounts }) {
    const { host, budget, reception, faults } = parts;
    this.digest = host.digest;
    this.rng = host.rng;
    this.budget = budget;
    this.#host = host;
    this.#reception = reception;
    this.#faults = faults;
    this.#credentials = new Credentials(host.digest, Uint8Array.fromBase64(setup.mockSecret));
    this.#setup = setup;
    this.obey(setup);
  }

  get tls(): TlsContext | undefined {
    return this.#tls;
  }

  get tlsRequired(): boolean {
    return this.#setup.tls?.required === true;
  }

  get binding(): Uint8Array | undefined {
    return this.#binding;
  }

  /** How many are at the door. */
  get size(): number {
    return this.#gates.size;
  }

  /** From the next client on. Throws when the certificate cannot be read. */
  obey(setup: PoolSetup): void {
    this.#setup = setup;
    const { tls } = setup;
    this.#tls = tls === undefined ? undefined : { cert: tls.cert, key: tls.key, verify: "none" };
    this.#binding = tls === undefined ? undefined : channelBinding(this.digest, leafOf(tls.cert));
    this.#sweep ??= this.#host.clock.every(SWEEP_MS, () => this.#close());
  }

  /** For `net.listen`. */
  accept(wire: Wire): Gate {
    const gate = new Gate(this, wire);
    if (this.#gates.size >= GATES_MAX) this.#dropOldest();
    this.#gates.set(gate, this.#host.clock.now() + this.#setup.loginTimeoutMs);
    return gate;
  }

  demandOf(user: string, database: string, wire: Wire): Demand {
    const { auth, ownUid, users } = this.#setup;
    const isOwn = wire.peerUid !== undefined && wire.peerUid === ownUid;
    // Who runs as we do could read our memory: asking it for a password would protect nothing.
    if (isOwn && (auth === "peer" || isConsole(database, this.#setup))) return { how: "nothing" };
    if (auth === "trust" && !isConsole(database, this.#setup)) return { how: "nothing" };
    return this.#credentials.demandOf(user, secretOf(this.#setup, user, database), Object.values(users));
  }

  enter(newcomer: Newcomer, gate: Gate): void {
    this.#reception.enter(newcomer, gate);
  }

  refusal(): NoticeWords | undefined {
    return this.#reception.refusal();
  }

  cancel(processId: number, key: Uint8Array, done: () => void): void {
    this.#reception.cancel(processId, key, done);
  }

  left(gate: Gate): void {
    this.#gates.delete(gate);
    this.#reception.gone(gate);
  }

  failed(fault: Fault, wire: Wire): void {
    this.#faults.count(fault);
    const level = fault.code === "BUG" ? "error" : "debug";
    this.#host.log[level]("client_login_failed", { code: fault.code, reason: fault.message, client: wire.remote });
  }

  /** Nobody is at the door any more. */
  closeAll(): void {
    this.#sweep?.cancel();
    this.#sweep = undefined;
    for (const gate of [...this.#gates.keys()]) gate.wire.close();
  }

  /** What a draining worker tells those who came too late. */
  turnAway(words: NoticeWords): void {
    for (const gate of [...this.#gates.keys()]) this.#refuse(gate, words);
  }

  #close(): void {
    const now = this.#host.clock.now();
    // The deadlines of two settings, or of two states, may not be in order: all are looked at, and there are few.
    for (const [gate, deadline] of this.#gates) {
      if (deadline > now) continue;
      this.#gates.set(gate, now + LEAVING_MS);
      gate.expire();
    }
  }

  #refuse(gate: Gate, words: NoticeWords): void {
    this.#gates.set(gate, this.#host.clock.now() + LEAVING_MS);
    gate.refuse(words);
  }

  #dropOldest(): void {
    const [oldest] = this.#gates.keys();
    if (oldest === undefined) return;
    this.#gates.delete(oldest);
    oldest.wire.close();
  }
}

/** FATAL words for who comes while we leave. */
export function shuttingDown(): NoticeWords {
  return {
    severity: "FATAL",
    code: SQLSTATE.cannotConnectNow,
    message: "the pool is shutting down",
    hint: "Connect again.",
  };
}

/** What is stored of a user, undefined for one who may not log in there. */
export function secretOf({ users, databases }: PoolSetup, user: string, database: string): string | undefined {
  if (Object.keys(users).length > 0) return Object.hasOwn(users, user) ? users[user] : undefined;
  const named = Object.hasOwn(databases, database) ? databases[database] : undefined;
  const candidates = named === undefined ? Object.values(databases) : [named];
  return candidates.find(({ cluster }) => cluster.primary.user === user)?.cluster.primary.password;
}

const PEM = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/;

/** The first certificate of a chain, in DER. */
function leafOf(pem: string): Uint8Array | undefined {
  const body = PEM.exec(pem)?.[1];
  return body === undefined ? undefined : Uint8Array.fromBase64(body.replaceAll(/\s/g, ""));
}
