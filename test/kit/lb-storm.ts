/**
 * Many clients and servers around one lb on a simulated network where much goes wrong, all of one seed, and what must hold
 * all the same: a response belongs to its request and is whole; what is not idempotent reaches at most one server; everyone
 * gets an answer or hears that there is none; in the end nothing is left.
 */
import type { Address } from "../../proxy/base/address.ts";
import type { Peer } from "./net-peer.ts";
import type { Engine } from "./net-rig.ts";
import { SimRig } from "./net-rig.ts";
import { latin1, LbRig, ok, requestAt, type Server, setupOf } from "./lb-rig.ts";
import { SeededRng } from "./rng.ts";
import type { SimPlan } from "./net-sim.ts";

export interface StormOptions {
  readonly seed: number;
  /** Chance that something goes wrong, where it can; 0 is a calm day. */
  readonly wrong: number;
  readonly clients?: number;
  readonly requestsPerClient?: number;
  readonly reloads?: number;
}

export interface StormReport {
  readonly asked: number;
  readonly good: number;
  /** Answers of the lb itself, by status. */
  readonly refused: number;
  /** Requests whose connection went away. */
  readonly lost: number;
  /** What must not be; one line each. */
  readonly flaws: readonly string[];
}

const WAITS = { headMs: 1_000, idleMs: 3_000, requestMs: 2_000 } as const;
const SERVERS = 3;
const CLIENT_PATIENCE_MS = 12_000;
const STORM_MS_MAX = 120_000;
const STEP_MS = 20;

interface Asked {
  readonly id: number;
  readonly method: "GET" | "PUT" | "POST";
}

export async function storm(options: StormOptions): Promise<StormReport> {
  const all = new Storm(options);
  await all.run();
  return all.report();
}

class Storm {
  readonly #options: StormOptions;
  readonly #rng: SeededRng;
  readonly #lb: LbRig;
  readonly #sim: SimRig;
  readonly #servers: Server[] = [];
  readonly #flaws: string[] = [];
  readonly #clients: StormClient[] = [];
  #ids = 0;
  asked = 0;
  good = 0;
  refused = 0;
  lost = 0;

  constructor(options: StormOptions) {
    this.#options = options;
    this.#rng = new SeededRng(options.seed);
    const plan = (target: Address): SimPlan => this.#plan(target);
    const sim = new SimRig(options.seed, undefined, { plan });
    const engine: Engine = { name: "storm", bytesMax: 1_000_000, kernel: false, make: () => sim };
    this.#sim = sim;
    this.#lb = new LbRig(engine);
  }

  async run(): Promise<void> {
    for (let index = 0; index < SERVERS; index += 1) this.#servers.push(this.#serve());
    await this.#lb.start({ ...WAITS, ...this.#world(SERVERS) });
    const { clients = 30, reloads = 3 } = this.#options;
    for (let index = 0; index < clients; index += 1) this.#clients.push(new StormClient(this));
    let left = reloads;
    for (let ms = 0; ms < STORM_MS_MAX && this.#clients.some(({ done }) => !done); ms += STEP_MS) {
      for (const client of this.#clients) client.step();
      await this.#sim.clock.advanceAsync(STEP_MS);
      if (left > 0 && this.chance(0.02)) {
        left -= 1;
        await this.#reload();
      }
    }
    for (const client of this.#clients) if (!client.done) this.flaw(`client stuck: ${client.waitsFor}`);
    await this.#drain();
  }

  report(): StormReport {
    this.#countPosts();
    const { asked, good, refused, lost } = this;
    return { asked, good, refused, lost, flaws: this.#flaws };
  }

  get nowMs(): number {
    return this.#sim.clock.now();
  }

  flaw(what: string): void {
    this.#flaws.push(what);
  }

  chance(share: number): boolean {
    return this.#rng.next() < share;
  }

  wrong(share = 1): boolean {
    return this.chance(this.#options.wrong * share);
  }

  upTo(most: number): number {
    return Math.floor(this.#rng.next() * (most + 1));
  }

  get requestsPerClient(): number {
    return this.#options.requestsPerClient ?? 8;
  }

  ask(): Asked {
    this.#ids += 1;
    this.asked += 1;
    const method = (["GET", "PUT", "POST"] as const)[this.upTo(2)] ?? "GET";
    return { id: this.#ids, method };
  }

  dial(data: (bytes: Uint8Array) => void): Peer {
    return this.#lb.rig.dial(this.#lb.address, { data: (_peer, bytes) => data(bytes) });
  }

  /** Of the dials to servers and to the lb alike. */
  #plan(target: Address): SimPlan {
    if (!this.wrong()) return {};
    const at = this.chance(0.5) ? this.upTo(300) : this.upTo(100_000);
    switch (this.upTo(5)) {
      case 0:
        return { refused: true };
      case 1:
        return { silent: true };
      case 2:
        return { upResetAtByte: at };
      case 3:
        return { downResetAtByte: at };
      case 4:
        return { upStallAtByte: at };
      default:
        // A client that nothing reaches any more could only give up by itself.
        return target === this.#lb.address ? {} : { downStallAtByte: at };
    }
  }

  #serve(): Server {
    return this.#lb.serve((text, answered, { peer }) => {
      const request = requestAt(text, answered);
      if (request === undefined) return undefined;
      this.#check(request);
      if (this.wrong(0.3)) return this.#misbehave(peer, request);
      if (!this.chance(0.3)) return answerTo(request, this.upTo(2));
      const answer = answerTo(request, this.upTo(2));
      this.#sim.clock.after(this.upTo(300), () => void peer.send(latin1Of(answer)));
      return "";
    });
  }

  #misbehave(peer: Peer, request: string): string {
    const answer = answerTo(request, 0);
    switch (this.upTo(4)) {
      case 0:
        peer.close();
        return "";
      case 1:
        peer.send(latin1Of(answer.slice(0, this.upTo(answer.length))));
        peer.end();
        return "";
      case 2:
        return "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
      case 3:
        // Silence.
        return "";
      default:
        this.#sim.clock.after(this.upTo(50), () => peer.end());
        return answer;
    }
  }

  /** What came of a request must be what its client sent. */
  #check(request: string): void {
    const id = Number(/^[A-Z]+ \/(\d+) HTTP\/1\.1\r\n/.exec(request)?.[1]);
    const body = plainBody(request);
    if (body !== "" && body !== bodyOf(id)) this.flaw(`request ${id} came with another body`);
  }

  async #reload(): Promise<void> {
    const prepared = await this.#lb.worker.prepare(setupOf({ ...WAITS, ...this.#world(1 + this.upTo(SERVERS - 1)) }));
    if (prepared.how !== "in place") return this.flaw("a reload was not in place");
    await prepared.commit();
  }

  #world(count: number): Parameters<typeof setupOf>[0] {
    const servers = this.#servers.slice(0, count).map(({ address }) => address);
    return { servers, upstream: { connectTimeoutMs: 500, balance: this.chance(0.5) ? "least" : "round-robin" } };
  }

  async #drain(): Promise<void> {
    let drained = false;
    void this.#lb.worker.drain(5_000).then(() => (drained = true));
    await this.#sim.clock.advanceAsync(6_000);
    if (!drained) this.flaw("it did not drain");
    this.#flaws.push(...(await this.#lb.end()));
    if (this.#sim.sim.openWires > 0) this.flaw(`${this.#sim.sim.openWires} wires are open`);
  }

  /** A POST is at one connection of one server, or at none. */
  #countPosts(): void {
    const seen = new Map<string, number>();
    for (const { all } of this.#servers) {
      for (const { text } of all) {
        for (const [, id = ""] of text.matchAll(/POST \/(\d+) HTTP/g)) seen.set(id, (seen.get(id) ?? 0) + 1);
      }
    }
    for (const [id, count] of seen) if (count > 1) this.flaw(`POST ${id} reached ${count} connections`);
  }
}

/** Asks its requests over connections that it keeps while it can, some of them ahead. */
class StormClient {
  done = false;
  readonly #storm: Storm;
  #left: number;
  #peer: Peer | undefined;
  #text = "";
  #waiting: Asked[] = [];
  #sinceMs = 0;

  constructor(all: Storm) {
    this.#storm = all;
    this.#left = all.requestsPerClient;
  }

  get waitsFor(): string {
    return this.#waiting.map(({ id, method }) => `${method} ${id}`).join(", ");
  }

  step(): void {
    if (this.done) return;
    this.#read();
    const peer = this.#peer;
    if (peer?.closed === true || peer?.ended === true) this.#over();
    else if (this.#waiting.length > 0) {
      // Nobody waits for ever, and the lb has to notice.
      if (this.#storm.nowMs - this.#sinceMs > CLIENT_PATIENCE_MS) {
        this.#storm.flaw(`no answer and no end for ${this.waitsFor}`);
        this.#over();
      } else if (this.#storm.wrong(0.01)) this.#over();
      return;
    }
    if (this.#left === 0) return this.#finish();
    if (this.#storm.chance(0.3)) this.#ask();
  }

  #ask(): void {
    const storm = this.#storm;
    this.#peer ??= storm.dial((bytes) => void (this.#text += latin1(bytes)));
    const count = Math.min(this.#left, 1 + storm.upTo(2));
    let text = "";
    for (let index = 0; index < count; index += 1) {
      const asked = storm.ask();
      this.#waiting.push(asked);
      text += requestOf(asked, storm.chance(0.3));
    }
    this.#left -= count;
    this.#sinceMs = storm.nowMs;
    const cut = storm.wrong(0.2) ? storm.upTo(text.length) : text.length;
    this.#peer.send(latin1Of(text.slice(0, cut)));
    if (this.#left === 0 || storm.wrong(0.2) || cut < text.length) this.#peer.end();
  }

  #read(): void {
    for (;;) {
      const response = responseIn(this.#text);
      if (response === undefined) return;
      this.#text = this.#text.slice(response.length);
      this.#sinceMs = this.#storm.nowMs;
      const asked = this.#waiting.shift();
      if (asked === undefined) {
        // Whoever sends half a head hears of it, too.
        if (response.status !== 408 && response.status !== 400) this.#storm.flaw("an answer nobody asked for");
        continue;
      }
      if (response.status !== 200) this.#storm.refused += 1;
      else if (response.body === bodyOf(asked.id)) this.#storm.good += 1;
      else this.#storm.flaw(`${asked.method} ${asked.id} got "${response.body.slice(0, 40)}"`);
    }
  }

  #over(): void {
    this.#storm.lost += this.#waiting.length;
    this.#waiting = [];
    this.#text = "";
    this.#peer?.close();
    this.#peer = undefined;
  }

  #finish(): void {
    this.done = true;
    this.#peer?.end();
  }
}

function requestOf({ id, method }: Asked, chunked: boolean): string {
  const start = `${method} /${id} HTTP/1.1\r\nHost: a\r\n`;
  if (method === "GET") return `${start}\r\n`;
  const body = bodyOf(id);
  if (!chunked) return `${start}Content-Length: ${body.length}\r\n\r\n${body}`;
  return `${start}Transfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
}

/** Of the request and of its response: as long as its id says, and unlike any other. */
function bodyOf(id: number): string {
  const text = `<${id}>`;
  return text.repeat(1 + ((id * 7919) % (id % 5 === 0 ? 20_000 : 50)));
}

function plainBody(request: string): string {
  const start = request.indexOf("\r\n\r\n") + 4;
  const body = request.slice(start);
  return /\r\ntransfer-encoding/i.test(request.slice(0, start)) ? unchunked(body) : body;
}

function unchunked(text: string): string {
  let body = "";
  for (let at = 0; ;) {
    const line = text.indexOf("\r\n", at);
    const size = Number.parseInt(text.slice(at, line), 16);
    if (!(size > 0)) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}

function answerTo(request: string, form: number): string {
  const body = bodyOf(Number(/^[A-Z]+ \/(\d+) /.exec(request)?.[1]));
  if (form === 0) return ok(body);
  if (form === 1) return ok(body, "Keep-Alive: timeout=3\r\n");
  const half = Math.floor(body.length / 2);
  const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;
  const chunks = (half > 0 ? chunk(body.slice(0, half)) : "") + chunk(body.slice(half));
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`;
}

interface Response {
  readonly status: number;
  readonly body: string;
  /** Of all of it. */
  readonly length: number;
}

function responseIn(text: string): Response | undefined {
  const start = text.indexOf("\r\n\r\n") + 4;
  if (start < 4) return undefined;
  const head = text.slice(0, start);
  const status = Number(head.slice(9, 12));
  if (/\r\nTransfer-Encoding: chunked\r\n/i.test(head)) {
    const last = text.indexOf("\r\n0\r\n\r\n", start);
    if (last === -1) return undefined;
    return { status, body: unchunked(text.slice(start, last + 7)), length: last + 7 };
  }
  const length = Number(/\r\nContent-Length: (\d+)\r\n/i.exec(head)?.[1] ?? 0);
  if (text.length < start + length) return undefined;
  return { status, body: text.slice(start, start + length), length: start + length };
}

function latin1Of(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}
