/**
 * An lb worker on a network of any engine, with servers and clients that say exactly what a test wants. What the worker
 * would learn from its box (verdicts, targets) the test says through `box`.
 */
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import type { ListenerSetup, LbSetup, LbTimeouts, RouteSetup, UpstreamSetup } from "../../proxy/lb/setup.ts";
import { LbWorker } from "../../proxy/lb/worker.ts";
import type { TlsContext } from "../../proxy/net/wire.ts";
import type { Host } from "../../proxy/role.ts";
import { clock as realClock } from "../../src/run/clock.ts";
import { FakeBox } from "./host.ts";
import type { FakeHost } from "./host.ts";
import type { Peer, Reactions } from "./net-peer.ts";
import { type Engine, type Rig, SimRig } from "./net-rig.ts";

export interface LbWishes extends Partial<LbTimeouts> {
  readonly servers?: readonly Address[];
  readonly upstream?: Partial<UpstreamSetup>;
  readonly upstreams?: readonly UpstreamSetup[];
  readonly routes?: readonly RouteSetup[];
  readonly listener?: Partial<ListenerSetup>;
  readonly clientsMax?: number;
  readonly workers?: number;
  readonly forwarding?: LbSetup["forwarding"];
}

/** One connection to a scripted server. */
export interface Served {
  readonly peer: Peer;
  /** All that came, one character a byte. */
  text: string;
  /** How many requests were answered. */
  answered: number;
}

export interface Server {
  readonly address: Address;
  /** The connections to it, in order. */
  readonly all: readonly Served[];
  stop(): void;
}

/** What a server says when all of `text` has come and so many requests were answered; undefined waits for more. */
export type Script = (text: string, answered: number, served: Served) => string | undefined;

export class LbRig {
  readonly rig: Rig;
  readonly box: FakeBox;
  readonly host: FakeHost;
  /** Largest content that a row may send. */
  readonly bytesMax: number;
  readonly #workers: LbWorker[] = [];
  #worker: LbWorker | undefined;
  #address: Address | undefined;

  constructor(engine: Engine) {
    this.rig = engine.make();
    this.bytesMax = engine.bytesMax;
    this.box = new FakeBox({ net: this.rig.net, workers: 1 });
    this.host = this.box.workers[0] as FakeHost;
  }

  get worker(): LbWorker {
    if (this.#worker === undefined) throw new Error("Cannot use the worker: it was not started");
    return this.#worker;
  }

  get clock(): Clock {
    return this.rig instanceof SimRig ? this.rig.clock : realClock;
  }

  get address(): Address {
    if (this.#address === undefined) throw new Error("Cannot dial: nothing listens");
    return this.#address;
  }

  async start(wishes: LbWishes = {}): Promise<void> {
    const { clock, host } = this;
    const seen: Address[] = [];
    const net: Host["net"] = {
      listen: (at, accept) => {
        const listener = this.rig.net.listen(at, accept);
        seen.push(listener.address);
        return listener;
      },
      dial: (target, deadlineMs, events) => this.rig.net.dial(target, deadlineMs, events),
      afterTurn: (run) => this.rig.net.afterTurn(run),
    };
    const worker = new LbWorker(setupOf(wishes), { ...verbsOf(host), clock, net });
    host.duty = worker;
    this.#worker = worker;
    this.#workers.push(worker);
    await worker.start();
    this.#address = seen[0];
  }

  /** A server that answers by a script; all connections to it, in order. */
  serve(script: Script, reactions: Reactions = {}, kind: "tcp" | "unix" = "tcp", tls?: TlsContext): Server {
    const all: Served[] = [];
    const of = new Map<Peer, Served>();
    const listener = this.rig.listen(
      this.rig.fresh(kind),
      {
        end: (peer) => peer.end(),
        ...reactions,
        data: (peer, bytes) => {
          const served = of.get(peer);
          if (served === undefined) return;
          served.text += latin1(bytes);
          for (let answer = script(served.text, served.answered, served); answer !== undefined;) {
            served.answered += 1;
            if (answer !== "") peer.send(latin1Bytes(answer));
            answer = script(served.text, served.answered, served);
          }
        },
      },
      (peer) => {
        const served: Served = { peer, text: "", answered: 0 };
        of.set(peer, served);
        all.push(served);
        if (tls !== undefined) peer.startTls(tls, "server");
      },
    );
    return { address: listener.address, all, stop: () => listener.stop() };
  }

  /** A client, connected. */
  async dial(reactions: Reactions = {}): Promise<Peer> {
    const client = this.rig.dial(this.address, reactions);
    await this.rig.until("the client is connected", () => client.drains > 0);
    return client;
  }

  /** Ends all, and says what is left that should not be, and which rules of the wires were broken. */
  async end(): Promise<readonly string[]> {
    for (const worker of this.#workers) await worker.stop();
    const broken = [...(await this.rig.end())];
    for (const worker of this.#workers) {
      if (worker.budget.lentBytes > 0) broken.push(`${worker.budget.lentBytes} bytes of memory are left`);
      if (worker.clients > 0) broken.push(`${worker.clients} clients are left`);
      if (worker.origins > 0) broken.push(`${worker.origins} server connections are left`);
    }
    for (const { event, fields } of this.box.log.entries)
      if (event === "bug") broken.push(`bug: ${String(fields["why"])}`);
    return broken;
  }
}

export function setupOf(wishes: LbWishes): LbSetup {
  const { servers = [], upstream, routes, listener } = wishes;
  return {
    workers: wishes.workers ?? 1,
    clientsMax: wishes.clientsMax ?? 1_000,
    listeners: [{ address: { host: "127.0.0.1", port: 0 }, mode: "http", ...listener }],
    upstreams: wishes.upstreams ?? [upstreamOf("app", servers, upstream)],
    routes: routes ?? [{ path: "/", upstream: "app" }],
    timeouts: {
      headMs: wishes.headMs ?? 10_000,
      idleMs: wishes.idleMs ?? 60_000,
      requestMs: wishes.requestMs ?? 30_000,
    },
    forwarding: wishes.forwarding ?? "edge",
  };
}

export function upstreamOf(
  name: string,
  servers: readonly Address[],
  more: Partial<UpstreamSetup> = {},
): UpstreamSetup {
  return {
    name,
    servers: servers.map((address) => ({ key: formatAddress(address), address, weight: 1 })),
    balance: "round-robin",
    connectTimeoutMs: 2_000,
    queueMax: 16,
    ...more,
  };
}

/** A request whose head, and body by its length, is there from `from` on; undefined when it is not all there yet. */
export function requestAt(text: string, index: number): string | undefined {
  let rest = text;
  for (let skipped = 0; ; skipped += 1) {
    const end = requestEnd(rest);
    if (end === undefined) return undefined;
    if (skipped === index) return rest.slice(0, end);
    rest = rest.slice(end);
  }
}

function requestEnd(text: string): number | undefined {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return undefined;
  const body = head + 4;
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(text.slice(0, body))) {
    const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(text.slice(body));
    return last === null ? undefined : body + last.index + last[0].length;
  }
  const length = Number(/\r\ncontent-length: (\d+)\r\n/i.exec(text.slice(0, body))?.[1] ?? 0);
  return text.length >= body + length ? body + length : undefined;
}

/** Answers every request as soon as it is whole. */
export function answering(answer: (request: string) => string): Script {
  return (text, answered) => {
    const request = requestAt(text, answered);
    return request === undefined ? undefined : answer(request);
  };
}

export function ok(body: string, fields = ""): string {
  return `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n${fields}\r\n${body}`;
}

export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

export function latin1Bytes(text: string): Uint8Array {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** Methods of a host use what is private to it, so they are called on it. */
function verbsOf(host: FakeHost): Omit<Host, "clock" | "net"> {
  const { rng, digest, log, metrics, limits, leases, note, box } = host;
  return {
    ...{ rng, digest, log, metrics, limits, leases, note, box },
    push: (topic, state) => host.push(topic, state),
    onPush: (topic, take) => host.onPush(topic, take),
    report: (topic, seen) => host.report(topic, seen),
    onReport: (topic, take) => host.onReport(topic, take),
    gather: (question) => host.gather(question),
    onGather: (question, answer) => host.onGather(question, answer),
    command: (name, argument) => host.command(name, argument),
    fail: (reason) => host.fail(reason),
    reload: () => host.reload(),
  };
}
