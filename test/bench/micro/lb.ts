/**
 * What one worker of the lb does for a request, without a socket: 64 clients and their servers on wires that take everything
 * and answer at once, in nanoseconds per exchange, best of some rounds. What the kernel adds is in `npm run bench -- lb`.
 * Run: npm run --silent bun -- test/bench/micro/lb.ts
 */
import type { LbSetup } from "../../../proxy/lb/setup.ts";
import { LbWorker } from "../../../proxy/lb/worker.ts";
import type { Listener, Net, Wire, WireEvents } from "../../../proxy/net/wire.ts";
import type { Host } from "../../../proxy/role.ts";
import { clock } from "../../../src/run/clock.ts";
import { FakeBox, type FakeHost } from "../../kit/host.ts";
import { REALISTIC, RESPONSE, SMALL } from "./http-messages.ts";

const ROUNDS = 12;
const TURNS = 1_000;
const CLIENTS = 64;
const ADDRESS = { host: "127.0.0.1", port: 1 };

/** Takes everything; what a client's gets is counted, what a server's gets is answered at the turn's end. */
class StillWire implements Wire {
  readonly local = ADDRESS;
  readonly remote = ADDRESS;
  readonly peerUid = undefined;
  readonly tls = undefined;
  readonly #written: (wire: StillWire) => void;
  events: WireEvents | undefined;

  constructor(written: (wire: StillWire) => void) {
    this.#written = written;
  }

  write(_bytes: Uint8Array, start: number, end: number): number {
    this.#written(this);
    return end - start;
  }

  pause(): void {}
  resume(): void {}
  end(): void {}
  close(): void {}
  startTls(): void {}
  peek(): Uint8Array {
    return new Uint8Array(0);
  }
}

class StillNet implements Net {
  readonly clients: StillWire[] = [];
  answers = 0;
  #asked: StillWire[] = [];
  #runs: (() => void)[] = [];

  listen(_at: unknown, accept: (wire: Wire) => WireEvents): Listener {
    for (let count = 0; count < CLIENTS; count += 1) {
      const wire = new StillWire(() => void (this.answers += 1));
      wire.events = accept(wire);
      this.clients.push(wire);
    }
    return { address: ADDRESS, fd: undefined, stop: () => {} };
  }

  dial(_target: unknown, _deadlineMs: number, events: WireEvents): Wire {
    const wire = new StillWire((asked) => void this.#asked.push(asked));
    wire.events = events;
    this.#runs.push(() => events.drain(wire));
    return wire;
  }

  afterTurn(run: () => void): void {
    this.#runs.push(run);
  }

  /** Every client asks once, and has its answer when this returns. */
  exchange(request: Uint8Array): void {
    for (const wire of this.clients) wire.events?.data(wire, request, 0, request.length);
    while (this.#runs.length > 0 || this.#asked.length > 0) {
      for (const run of this.#runs.splice(0)) run();
      for (const wire of this.#asked.splice(0)) wire.events?.data(wire, RESPONSE, 0, RESPONSE.length);
    }
  }
}

async function measure(what: string, request: Uint8Array): Promise<void> {
  const net = new StillNet();
  const worker = new LbWorker(setup(), { ...verbs(new FakeBox().workers[0] as FakeHost), clock, net });
  await worker.start();
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = Bun.nanoseconds();
    for (let turn = 0; turn < TURNS; turn += 1) net.exchange(request);
    best = Math.min(best, (Bun.nanoseconds() - from) / (TURNS * CLIENTS));
  }
  await worker.stop();
  if (net.answers !== ROUNDS * TURNS * CLIENTS) throw new Error(`Cannot measure: only ${net.answers} answers came`);
  console.log(`${best.toFixed(0).padStart(6)} ns  ${what}`);
}

function setup(): LbSetup {
  return {
    workers: 1,
    clientsMax: 1_000,
    listeners: [{ address: ADDRESS, mode: "http" }],
    upstreams: [
      {
        name: "app",
        servers: [{ key: "one", address: { host: "127.0.0.1", port: 2 }, weight: 1 }],
        balance: "least",
        connectTimeoutMs: 1_000,
        queueMax: 16,
      },
    ],
    routes: [{ path: "/", upstream: "app" }],
    timeouts: { headMs: 10_000, idleMs: 60_000, requestMs: 60_000 },
    forwarding: "edge",
  };
}

/** Methods of a class are not copied with the object. */
function verbs(host: FakeHost): Host {
  const bound: Record<string, unknown> = { ...host };
  for (const name of ["rng", "digest", "log", "metrics", "limits", "leases", "box", "note"] as const)
    bound[name] = host[name];
  for (const name of ["push", "onPush", "report", "onReport", "gather", "onGather", "command", "fail"] as const)
    bound[name] = host[name].bind(host);
  return bound as unknown as Host;
}

await measure("an exchange, small", SMALL);
await measure("an exchange, 14 fields", REALISTIC);
process.exit(0);
