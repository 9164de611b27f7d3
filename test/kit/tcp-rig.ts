/** An lb's TCP service before servers on any engine: clients dial it, servers are the test's peers. */
import type { Address } from "../../proxy/base/address.ts";
import { Budget } from "../../proxy/base/byte-queue.ts";
import { Group } from "../../proxy/lb/groups.ts";
import type { LbTimeouts, UpstreamSetup } from "../../proxy/lb/setup.ts";
import type { TcpDoor } from "../../proxy/lb/tcp-client.ts";
import { makeTcpCounts } from "../../proxy/lb/tcp-counts.ts";
import { TcpService } from "../../proxy/lb/tcp-service.ts";
import type { TlsContext } from "../../proxy/net/wire.ts";
import { clock as realClock } from "../../src/run/clock.ts";
import { RecordingLog } from "./log.ts";
import type { Peer, Reactions } from "./net-peer.ts";
import { type Rig, SimRig } from "./net-rig.ts";
import { SeededRng } from "./rng.ts";

const BUDGET_BYTES = 64 * 1_048_576;

export interface TcpRigOptions {
  readonly setup?: Partial<UpstreamSetup>;
  readonly timeouts?: Partial<LbTimeouts>;
  readonly tls?: TlsContext;
}

export class TcpRig {
  readonly log = new RecordingLog();
  readonly budget = new Budget(BUDGET_BYTES);
  readonly group: Group;
  readonly service: TcpService;
  readonly door: TcpDoor;
  /** The addresses of targets that were found unreachable. */
  readonly unreachable: Address[] = [];
  /** How many clients have ended. */
  ended = 0;
  readonly rig: Rig;
  readonly address: Address;

  constructor(rig: Rig, servers: readonly Address[], { setup = {}, timeouts = {}, tls }: TcpRigOptions = {}) {
    this.rig = rig;
    const clock = rig instanceof SimRig ? rig.clock : realClock;
    const whole: UpstreamSetup = {
      name: "redis",
      servers: servers.map((address, index) => ({ key: `s${index}`, address, weight: 1 })),
      balance: "round-robin",
      connectTimeoutMs: 1_000,
      queueMax: 4,
      ...setup,
    };
    const leaver = { idle: () => undefined, gone: () => undefined };
    this.group = new Group(whole, { clock, rng: new SeededRng(3), leaver });
    this.service = new TcpService({
      net: rig.net,
      clock,
      log: this.log,
      budget: this.budget,
      timeouts: () => ({ headMs: 1_000, idleMs: 5_000, requestMs: 5_000, ...timeouts }),
      unreachable: (_group, { address }) => void this.unreachable.push(address),
      ended: () => (this.ended += 1),
    });
    this.door = { group: this.group, tls, counts: makeTcpCounts() };
    const listener = rig.net.listen(rig.fresh("tcp"), (wire) => this.service.accept(wire, this.door));
    this.address = listener.address;
    this.#stop = () => listener.stop();
  }

  readonly #stop: () => void;

  client(reactions: Reactions = {}): Peer {
    return this.rig.dial(this.address, reactions);
  }

  /** Ends all, and says what is left that should not be. */
  async end(): Promise<readonly string[]> {
    this.#stop();
    this.service.stop();
    const broken = await this.rig.end();
    const { targets } = this.group.upstream;
    const left = [
      ["clients", this.service.open],
      ["budget", this.budget.lentBytes],
      ["in flight", targets.reduce((sum, { inFlight }) => sum + inFlight, 0)],
      ["waiting", this.group.upstream.waiting.length],
      ["open", this.door.counts.open],
      ["not ended", this.door.counts.connections - this.ended],
    ] as const;
    return [...broken, ...left.filter(([, count]) => count !== 0).map(([what, count]) => `${what}: ${count}`)];
  }
}
