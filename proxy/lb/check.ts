/**
 * One check of one server: can it be reached, does its TLS stand, and, where a path is asked for, does it answer 2xx or 3xx.
 * It tells its result once and then only lets the connection end. Nothing of a body is looked at.
 * Invariant: whatever the server does, the result comes within the timeout, and the connection is closed by then.
 */
import type { Address } from "../base/address.ts";
import type { Clock, Timer } from "../base/clock.ts";
import type { Fault } from "../base/fault.ts";
import { type Edges, State } from "../base/state.ts";
import { BAD, MORE } from "../http/head-parser.ts";
import { HttpHead, METHOD } from "../http/head.ts";
import { HTTP_LIMITS } from "../http/limits.ts";
import { ResponseParser } from "../http/response-parser.ts";
import type { Net, TlsContext, Wire, WireEvents } from "../net/wire.ts";

export interface CheckOrder {
  readonly address: Address;
  /** The value of `Host`. */
  readonly host: string;
  /** A TCP connect, and TLS if there is a context, is the check when absent. */
  readonly path?: string;
  readonly tls?: TlsContext;
  readonly timeoutMs: number;
}

export interface CheckResult {
  /** "void": this process was not turning, so that nothing can be said about the server. */
  readonly says: "good" | "bad" | "void";
  /** For the log, when not good. */
  readonly why: string;
}

export interface CheckParts {
  readonly net: Net;
  readonly clock: Clock;
}

const STATES = {
  dialing: ["securing", "asking", "told", "closed"],
  securing: ["asking", "told", "closed"],
  asking: ["told", "closed"],
  told: ["closed"],
  closed: [],
} as const satisfies Edges<string>;

/** A timer that comes so late says that we stood still, not the server. */
const LATE_MS = 250;
/** Of what comes behind the head of an answer. */
const IGNORED_BYTES_MAX = 262_144;
const GOOD: CheckResult = { says: "good", why: "" };

export class Check implements WireEvents {
  readonly #order: CheckOrder;
  readonly #clock: Clock;
  readonly #done: (result: CheckResult) => void;
  readonly #state = new State<keyof typeof STATES>(STATES, "dialing");
  readonly #request: Uint8Array;
  readonly #wire: Wire;
  readonly #timer: Timer;
  readonly #lateMs: number;
  #parser: ResponseParser | undefined;
  /** Of the request. */
  #sentBytes = 0;
  #answer: Uint8Array = new Uint8Array(0);
  #ignoredBytes = 0;

  constructor({ net, clock }: CheckParts, order: CheckOrder, done: (result: CheckResult) => void) {
    this.#order = order;
    this.#clock = clock;
    this.#done = done;
    this.#request = requestOf(order);
    this.#lateMs = clock.now() + order.timeoutMs + LATE_MS;
    // The timer below is the one that counts; this one is only there because a dial has one.
    this.#wire = net.dial(order.address, order.timeoutMs * 2 + LATE_MS, this);
    this.#timer = clock.after(order.timeoutMs, () => this.#timeout());
  }

  /** Nobody wants to know any more. */
  stop(): void {
    this.#close();
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    if (!this.#state.is("asking")) return this.#ignore(end - start);
    this.#answer = joined(this.#answer, bytes.subarray(start, end));
    this.#read();
  }

  /** The dial is open, TLS stands, or there is room for more of the request. */
  drain(wire: Wire): void {
    const { tls } = this.#order;
    if (this.#state.is("dialing") && tls !== undefined) {
      this.#state.go("securing");
      return wire.startTls(tls, "client");
    }
    if (this.#state.is("dialing") || this.#state.is("securing")) this.#state.go("asking");
    if (this.#state.is("asking")) this.#ask(wire);
  }

  end(): void {
    if (this.#state.is("asking")) this.#bad("it ended without an answer");
  }

  close(_wire: Wire, fault?: Fault): void {
    if (this.#state.is("closed")) return;
    if (!this.#state.is("told")) this.#tell({ says: "bad", why: fault?.message ?? "it closed without an answer" });
    this.#closed();
  }

  #ask(wire: Wire): void {
    if (this.#order.path === undefined) return this.#finish(GOOD);
    const request = this.#request;
    if (this.#sentBytes === request.length) return;
    this.#sentBytes += Math.max(0, wire.write(request, this.#sentBytes, request.length));
  }

  #read(): void {
    this.#parser ??= makeParser();
    for (;;) {
      const answer = this.#answer;
      const end = this.#parser.parse(answer, 0, answer.length);
      if (end === MORE) return;
      if (end === BAD) return this.#bad(`its answer is not HTTP: ${this.#parser.flaw}`);
      const { status } = this.#parser.head;
      if (status >= 200 && status < 400) return this.#finish(GOOD);
      if (status >= 400 || status === 101) return this.#bad(`it answered ${status}`);
      this.#answer = answer.subarray(end);
      if (this.#answer.length === 0) return;
    }
  }

  #ignore(count: number): void {
    this.#ignoredBytes += count;
    if (this.#ignoredBytes > IGNORED_BYTES_MAX) this.#close();
  }

  #timeout(): void {
    const { timeoutMs } = this.#order;
    if (!this.#state.is("told")) {
      const late = this.#clock.now() > this.#lateMs;
      this.#tell(late ? { says: "void", why: "we stood still" } : { says: "bad", why: timeoutWhy(timeoutMs) });
    }
    this.#close();
  }

  #bad(why: string): void {
    this.#finish({ says: "bad", why });
  }

  /** A server that is not read to its end would log that we were gone: it is left until the timeout. */
  #finish(result: CheckResult): void {
    this.#tell(result);
    this.#wire.end();
  }

  #tell(result: CheckResult): void {
    this.#state.go("told");
    this.#done(result);
  }

  #close(): void {
    if (this.#state.is("closed")) return;
    this.#closed();
    this.#wire.close();
  }

  #closed(): void {
    this.#state.go("closed");
    this.#timer.cancel();
  }
}

/** Bytes that may not stand in a target are written as RFC 3986 does: a path of the file cannot smuggle a field in. */
function requestOf({ path = "/", host }: CheckOrder): Uint8Array {
  const target = path.replace(/[^\x21-\x7e]/gu, (character) => encodeURIComponent(character));
  const lines = [`GET ${target} HTTP/1.1`, `Host: ${host}`, "User-Agent: scale-check", "Accept: */*"];
  return new TextEncoder().encode(`${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`);
}

function makeParser(): ResponseParser {
  const parser = new ResponseParser(new HttpHead(), HTTP_LIMITS);
  parser.method = METHOD.GET;
  return parser;
}

function joined(one: Uint8Array, two: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + two.length);
  both.set(one);
  both.set(two, one.length);
  return both;
}

function timeoutWhy(timeoutMs: number): string {
  return `it did not answer within ${timeoutMs} ms`;
}
