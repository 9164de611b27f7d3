/**
 * The heart of a pool on any Net: clients that are past their login, links to a server, and nothing of the role around
 * them. What fails, pins and ends is kept for the test to look at.
 */
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import type { Fault } from "../../proxy/base/fault.ts";
import type { Address } from "../../proxy/base/address.ts";
import type { Listener, Net } from "../../proxy/net/wire.ts";
import { STATUS } from "../../proxy/pg/backend.ts";
import { writeAuthenticationOk, writeReady } from "../../proxy/pg/backend-writer.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { Gather } from "../../proxy/pgconn/gather.ts";
import { LinkPlaces } from "../../proxy/pgconn/link-places.ts";
import type { LinkPool } from "../../proxy/pgconn/link-pool.ts";
import type { LinkKnobs } from "../../proxy/pgconn/link-world.ts";
import type { PinReason } from "../../proxy/pgconn/pins.ts";
import { Replies } from "../../proxy/pgconn/replies.ts";
import { type RollbackLimits, Rollbacks } from "../../proxy/pgconn/rollback.ts";
import { ServerLogin, type ServerSecret } from "../../proxy/pgconn/server-login.ts";
import { serverTls } from "../../proxy/pgconn/server-target.ts";
import { LinkSettings } from "../../proxy/pgconn/settings.ts";
import { LinkStatements, Statements } from "../../proxy/pgconn/statements.ts";
import type { ClientHouse } from "../../proxy/pool/client-house.ts";
import { PoolClient } from "../../proxy/pool/client.ts";
import { Traffic } from "../../proxy/pool/traffic.ts";
import { digest } from "../../src/run/digest.ts";
import { FakePage } from "./limits.ts";
import { KNOBS } from "./link-rig.ts";
import { RecordingLog } from "./log.ts";
import { PgFrontend } from "./pg-frontend.ts";
import { SeededRng } from "./rng.ts";

export interface PoolRigOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly server: Address;
  readonly user?: string;
  readonly database?: string;
  readonly secret?: ServerSecret;
  readonly seed?: number;
  readonly knobs?: Partial<LinkKnobs>;
  readonly isSession?: boolean;
  readonly refusesHolds?: boolean;
  readonly statementsMax?: number;
  readonly rollback?: RollbackLimits;
  readonly at?: Address;
}

export class PoolRig {
  readonly statements = new Statements();
  readonly traffic = new Traffic();
  readonly clients = new Set<PoolClient>();
  readonly failures: Fault[] = [];
  readonly pins: (readonly PinReason[])[] = [];
  readonly rollbacks: Rollbacks;
  readonly places: LinkPlaces;
  readonly pool: LinkPool;
  readonly budget = new Budget(1 << 26);
  readonly listener: Listener;
  /** Of the next clients. */
  startup: ReadonlyMap<string, string> = new Map();
  readonly #net: Net;

  constructor(options: PoolRigOptions) {
    const {
      net,
      clock,
      server,
      user = "shop",
      database = "shop",
      secret,
      seed = 1,
      knobs,
      statementsMax = 200,
    } = options;
    this.#net = net;
    const rng = new SeededRng(seed);
    this.rollbacks = new Rollbacks(clock, options.rollback);
    const limits = new FakePage().of(1);
    this.places = new LinkPlaces({
      world: { net, clock, rng, digest, log: new RecordingLog(), limits, budget: this.budget },
      name: "pool shop",
      target: { address: server, database, tls: serverTls("disable", server) },
      knobs: { ...KNOBS, spillBytesMax: 1 << 20, checkIntervalMs: 0, ...knobs },
      equip: () => ({
        replies: new Replies(),
        statements: new LinkStatements(this.statements, statementsMax),
        settings: new LinkSettings(),
      }),
    });
    this.pool = this.places.pool(new ServerLogin({ user, secret, digest, rng }));
    const house = this.#house(options);
    this.listener = net.listen(options.at ?? { host: "127.0.0.1", port: 0 }, (wire) => {
      const closed = (): void => void this.clients.delete(client);
      const client = new PoolClient({ wire, house, pool: this.pool, settings: this.startup, closed });
      this.clients.add(client);
      const welcome = new Writer(1_000);
      writeAuthenticationOk(welcome);
      writeReady(welcome, STATUS.idle);
      client.send(welcome.bytes, 0, welcome.end);
      return client;
    });
  }

  /** A client that is let in without a word of its own. */
  dial(): PgFrontend {
    return new PgFrontend(this.#net, this.listener.address);
  }

  stop(): void {
    this.listener.stop();
    for (const client of this.clients) client.wire.close();
    this.places.stop();
  }

  #house({ clock, isSession = false, refusesHolds = false }: PoolRigOptions): ClientHouse {
    return {
      ...{ clock, isSession, refusesHolds, budget: this.budget, traffic: this.traffic, statements: this.statements },
      ...{ up: new Gather(), down: new Gather(), rollbacks: this.rollbacks },
      failed: (_client, fault) => void this.failures.push(fault),
      pinned: (_client, reasons) => void this.pins.push(reasons),
    };
  }
}
