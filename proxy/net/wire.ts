/**
 * The contract between the sockets of a process and everything above them. An engine (`bun-net.ts`; in tests the stingy and
 * the simulated one) implements it, and `test/unit/proxy/net/contract.ts` is the suite that every engine passes. It frames
 * nothing and buffers nothing: what the kernel did not take stays with its writer (`spill.ts`).
 *
 * Rules of all engines:
 * 1. No method fires an event before it returns; nor does `listen` or `dial`.
 * 2. No `data` and no `end` after `pause`, until `resume`. What a reset caught unread is kept and told after `resume`,
 *    and until then only `write` tells of it; a `close` with nothing to be told before it comes even to a paused wire.
 * 3. `end` comes at most once, and never after a `close` of ours. `close` comes exactly once, is the last event, and says
 *    by a Fault that it was neither our `close` nor the end of both directions.
 * 4. When both directions have ended the wire closes by itself.
 * 5. An event that throws closes its own wire, with the Fault it threw or a BUG, and no other.
 */
import type { Address } from "../base/address.ts";
import type { Fault } from "../base/fault.ts";

/** What `write` answers when the kernel is full, or the wire is not open yet. */
export const FULL = 0;
/** What `write` answers when nothing will ever be taken again: closed, reset, or ended by us. */
export const GONE = -1;

/** Most that `peek` shows: a TLS record with its head holds any ClientHello worth reading. */
export const PEEK_BYTES_MAX = 16_389;
/** Most that is kept of what came in behind `pause`: a kernel's receive buffer, and one chunk. More closes the wire. */
export const HELD_BYTES_MAX = 8 * 1_048_576;

export interface Net {
  /** Throws a ListenError when it cannot. `accept` must not throw: it says who hears of the new wire. */
  listen(at: Address | Fd, accept: (wire: Wire) => WireEvents): Listener;
  /**
   * Opens a wire; `drain` tells that it is open. Until then `write` takes nothing, and `end` waits. A dial that fails or is
   * not open `deadlineMs` from now closes with a Fault of the server's side.
   */
  dial(target: Address, deadlineMs: number, events: WireEvents): Wire;
  /** Runs once, when this turn's reads are done: where the writes of a turn are gathered. In the order of the calls. */
  afterTurn(run: () => void): void;
}

/** A listening descriptor that this process inherited, and the address it is known by. It is the listener's from then on. */
export interface Fd {
  readonly fd: number;
  readonly address: Address;
}

export interface Listener {
  /** With the port that the kernel chose, where 0 was asked for. */
  readonly address: Address;
  /** Of the listening socket, for who hands it to a child process; undefined when stopped or not a kernel's. */
  readonly fd: number | undefined;
  /** Accepts no more. Wires that were accepted go on; the path of a unix socket we made is unlinked. */
  stop(): void;
}

export interface Wire {
  /**
   * How many bytes of [start, end), which is not empty, were taken; FULL or GONE when none. After less than all of them
   * `drain` tells when there is room again; what was not taken is what must be offered first then, since TLS may have
   * sealed it into a record already.
   */
  write(bytes: Uint8Array, start: number, end: number): number;
  pause(): void;
  resume(): void;
  /**
   * Ends our direction behind what was taken; the peer's goes on. Under TLS this is a close_notify. `forGood`: the peer has
   * said that it sends no more, so the wire may close in the same breath, in order, and `close` is told; nothing else is.
   */
  end(forGood?: boolean): void;
  /** Resets both directions; what was taken may not arrive. Use `end` and wait for the peer's where it must. */
  close(): void;
  /**
   * What came in and nobody has read, as a copy of at most `max` bytes; empty when there is nothing yet. Only of a wire
   * whose events have `arrive`, from `accept` until it is read or speaks TLS: otherwise a Bug.
   */
  peek(max: number): Uint8Array;
  /**
   * Speaks TLS from the next byte on: first a handshake, then `drain`, or `close` with a Fault. Until then `write` takes
   * nothing. The caller has read all of the current chunk and refuses what stands behind the words that led here: bytes in
   * clear text must not pass for what came under TLS (CVE-2021-23222). What net itself still held is refused here.
   */
  startTls(context: TlsContext, side: TlsSide): void;
  readonly local: Address;
  readonly remote: Address;
  /** Who dialled, by the kernel, where this is an accepted unix socket. */
  readonly peerUid: number | undefined;
  /** Once the handshake is done. */
  readonly tls: TlsInfo | undefined;
}

export interface WireEvents {
  /** [start, end) of `bytes` came in, and is valid until this returns: who keeps bytes copies them. */
  data(wire: Wire, bytes: Uint8Array, start: number, end: number): void;
  /** There is room again: after a short `write`, when a dial is open, and when TLS stands. */
  drain(wire: Wire): void;
  /** The peer has ended its direction; ours goes on until `end`. */
  end(wire: Wire): void;
  close(wire: Wire, fault?: Fault): void;
  /**
   * Where this is there, nothing of an accepted wire is read at first: `arrive` tells that there is something to `peek` at,
   * and again when there is more, until `resume` or `startTls`. A peer that leaves before is told as on any other wire.
   */
  arrive?(wire: Wire): void;
}

export type TlsSide = "client" | "server";

/**
 * How a peer's certificate is judged: "none" encrypts only, "chain" wants an authority of `ca`, "name" wants that and
 * `serverName` (of a client's certificate there is no name to want: both are the chain).
 */
export type TlsVerify = "none" | "chain" | "name";

/** Made once and used for many wires. PEM texts; a chain stands leaf first. */
export interface TlsContext {
  /** A server must have both; a client only when it is asked for them. */
  readonly cert?: string;
  readonly key?: string;
  /** Whom we trust; the runtime's list of authorities when absent. */
  readonly ca?: string;
  readonly verify: TlsVerify;
  /** Of a client: the name that it asks for (SNI) and that the certificate must have. */
  readonly serverName?: string;
  /** Protocols we speak, the best first; none means that ALPN is not spoken. No overlap ends the handshake (RFC 7301). */
  readonly alpn?: readonly string[];
}

export interface TlsInfo {
  readonly version: string;
  readonly cipher: string;
  readonly alpn: string | undefined;
  /** The name that the client asked for. */
  readonly serverName: string | undefined;
  /** Whether the peer's certificate was asked for, came, and passed `verify`. */
  readonly verified: boolean;
  /** The peer's certificate in DER, for channel binding and client certificates. */
  readonly peerCertificate: Uint8Array | undefined;
}

/** Why there is no listener; `code` is the kernel's name for it (EADDRINUSE, EACCES, …). */
export class ListenError extends Error {
  readonly code: string;

  constructor(where: string, code: string, cause?: unknown) {
    super(`Cannot listen on "${where}": ${code}`, { cause });
    this.name = "ListenError";
    this.code = code;
  }
}
