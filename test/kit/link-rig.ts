/** Links to a server on some engine: what `LinkPlaces` needs of a process, and users of links that do what a test says. */
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Digest } from "../../proxy/base/digest.ts";
import { Fault } from "../../proxy/base/fault.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import type { Limits } from "../../proxy/base/limits.ts";
import type { Net } from "../../proxy/net/wire.ts";
import { readReady } from "../../proxy/pg/backend.ts";
import { MORE, NOTHING } from "../../proxy/pg/framer.ts";
import { writeQuery } from "../../proxy/pg/frontend-writer.ts";
import { Notice } from "../../proxy/pg/notice.ts";
import { BACKEND } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import type { Link, LinkParts } from "../../proxy/pgconn/link.ts";
import { LinkPlaces, type LinkPlacesOptions } from "../../proxy/pgconn/link-places.ts";
import type { LinkPool, LinkTicket, LinkWaiter } from "../../proxy/pgconn/link-pool.ts";
import type { LinkKnobs } from "../../proxy/pgconn/link-world.ts";
import { Replies } from "../../proxy/pgconn/replies.ts";
import { ServerLogin, type ServerSecret } from "../../proxy/pgconn/server-login.ts";
import { serverTls, type ServerTarget } from "../../proxy/pgconn/server-target.ts";
import { LinkSettings } from "../../proxy/pgconn/settings.ts";
import { LinkStatements, Statements } from "../../proxy/pgconn/statements.ts";
import { Ticket } from "../../proxy/pgconn/waiting-line.ts";
import { digest as realDigest } from "../../src/run/digest.ts";
import { FakePage } from "./limits.ts";
import { RecordingLog } from "./log.ts";
import { SeededRng } from "./rng.ts";

export const KNOBS: LinkKnobs = {
  size: 3,
  workers: 1,
  waitersMax: 1_000,
  waitTimeoutMs: 0,
  idleTimeoutMs: 0,
  lifetimeMs: 0,
  loginTimeoutMs: 2_000,
  closeTimeoutMs: 1_000,
  checkIntervalMs: 2_000,
  spillBytesMax: 65_536,
  wholeBytesMax: 16_384,
};

export interface LinkRigOptions {
  readonly net: Net;
  readonly clock: Clock;
  readonly seed?: number;
  readonly limits?: Limits;
  readonly target: Partial<ServerTarget> & Pick<ServerTarget, "address">;
  readonly knobs?: Partial<LinkKnobs>;
  readonly starving?: LinkPlacesOptions["starving"];
  readonly digest?: Digest;
}

/** One worker. */
export class LinkRig {
  readonly log = new RecordingLog();
  readonly budget = new Budget(1 << 24);
  readonly rng: SeededRng;
  readonly places: LinkPlaces;
  readonly knobs: LinkKnobs;

  readonly #digest: Digest;

  constructor(options: LinkRigOptions) {
    const {
      net,
      clock,
      seed = 1,
      limits = new FakePage().of(1),
      target,
      knobs,
      starving,
      digest = realDigest,
    } = options;
    this.rng = new SeededRng(seed);
    this.#digest = digest;
    this.knobs = { ...KNOBS, ...knobs };
    const world = { net, clock, rng: this.rng, digest, log: this.log, limits, budget: this.budget };
    this.places = new LinkPlaces({
      world,
      name: "pool shop",
      target: { database: "shop", tls: serverTls("disable", target.address), ...target },
      knobs: this.knobs,
      equip,
      ...(starving === undefined ? {} : { starving }),
    });
  }

  pool(user = "shop", secret?: ServerSecret, parameters?: ReadonlyMap<string, string>): LinkPool {
    const more = parameters === undefined ? {} : { parameters };
    return this.places.pool(new ServerLogin({ user, secret, digest: this.#digest, rng: this.rng, ...more }));
  }
}

const STATEMENTS_MAX = 64;
const statements = new Statements();

function equip(): LinkParts {
  return {
    replies: new Replies(),
    statements: new LinkStatements(statements, STATEMENTS_MAX),
    settings: new LinkSettings(),
  };
}

const writer = new Writer(1 << 20);

/** Who takes links, asks by simple queries, and keeps what it heard. */
export class LinkClient implements LinkWaiter {
  readonly ticket: LinkTicket = new Ticket<LinkWaiter>(this);
  readonly pool: LinkPool;
  link: Link | undefined;
  refusal: Fault | undefined;
  ending: Fault | undefined;
  /** SQLSTATEs of errors, in order. */
  errors: string[] = [];
  readies = 0;
  /** Does it, as soon as it has a link. */
  onLink: ((link: Link) => void) | undefined;

  constructor(pool: LinkPool) {
    this.pool = pool;
  }

  take(): this {
    try {
      const link = this.pool.take(this);
      if (link !== undefined) this.linked(link);
    } catch (thrown) {
      if (!(thrown instanceof Fault)) throw thrown;
      this.refusal = thrown;
    }
    return this;
  }

  ask(text: string): void {
    writer.clear();
    writeQuery(writer, text);
    this.link?.send(writer.bytes, 0, writer.end);
  }

  give(): void {
    const link = this.link;
    if (link === undefined) throw new Error("Cannot give a link: there is none");
    this.link = undefined;
    this.pool.give(link);
  }

  linked(link: Link): void {
    if (this.link !== undefined || link.user !== this)
      throw new Error("Cannot be linked: it has a link, or is not its user");
    this.link = link;
    this.onLink?.(link);
  }

  refused(fault: Fault): void {
    this.refusal = fault;
  }

  received(link: Link, bytes: Uint8Array, start: number, end: number): void {
    if (link !== this.link) throw new Error("Cannot receive: that is another's link");
    link.framer.feed(bytes, start, end);
    let readies = 0;
    for (let shown = link.framer.next(); shown !== NOTHING; shown = link.framer.next()) {
      if (shown >= MORE) continue;
      if (link.framer.tag === BACKEND.error) this.errors.push(new Notice().read(link.framer).text("code"));
      if (link.framer.tag !== BACKEND.ready) continue;
      link.status = readReady(link.framer);
      readies += 1;
    }
    this.readies += readies;
    if (readies > 0) this.answered?.();
  }

  /** Called when a ReadyForQuery came, at the end of its chunk. */
  answered: (() => void) | undefined;

  drained(): void {
    return undefined;
  }

  ended(_link: Link, fault: Fault): void {
    this.link = undefined;
    this.ending = fault;
  }
}
