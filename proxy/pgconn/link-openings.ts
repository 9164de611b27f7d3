/**
 * Opens links: dials, logs in, and sees to what follows from how that ends. When one is opened, and for whom, is
 * `link-places.ts`.
 * Invariant: every login that begins is counted in its pool's lane until it has ended.
 */
import { readInt32 } from "../base/bytes.ts";
import type { Fault } from "../base/fault.ts";
import type { TracedLimit } from "../base/limits.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { Link, type LinkParts } from "./link.ts";
import { poolOf, type LinkPool } from "./link-pool.ts";
import type { LinkKnobs, LinkWorld } from "./link-world.ts";
import { Login, type LoginOutcome } from "./login.ts";
import { refusalOf } from "./server-refusal.ts";
import type { ServerTarget } from "./server-target.ts";

export interface LinkOpeningsOptions {
  readonly world: LinkWorld;
  readonly target: ServerTarget;
  readonly limit: TracedLimit;
  readonly knobs: () => LinkKnobs;
  readonly equip: () => LinkParts;
  /** A login has failed: its link must be closed, and it may be somebody's turn. */
  readonly failed: (link: Link) => void;
  /** A link has been handed on. */
  readonly opened: () => void;
}

/** Links do not all end their lives at once. */
const LIFETIME_SPREAD = 0.2;
const SECRET_BYTES = 4;
/** The backend looks that often whether we are still there while it works. Since Postgres 14, where poll can tell. */
const CHECK_PARAMETER = "client_connection_check_interval";
/** How a server says that it does not know it. */
const UNKNOWN_PARAMETER: ReadonlySet<string> = new Set([
  SQLSTATE.undefinedObject,
  SQLSTATE.invalidParameterValue,
  SQLSTATE.protocolViolation,
  SQLSTATE.featureNotSupported,
]);

export class LinkOpenings implements LoginOutcome {
  readonly #options: LinkOpeningsOptions;
  #serial = 0;
  /** The server does not know CHECK_PARAMETER. */
  #isPlain = false;
  #isEncrypted: boolean;

  constructor(options: LinkOpeningsOptions) {
    this.#options = options;
    this.#isEncrypted = options.target.tls.wish === "must";
  }

  /** Whether TLS stood at the last login. */
  get isEncrypted(): boolean {
    return this.#isEncrypted;
  }

  /** Over a place of the limit that is the link's from now on. */
  open(pool: LinkPool, place: number, epoch: number): void {
    const { world, target, equip, knobs } = this.#options;
    const { loginTimeoutMs, spillBytesMax, wholeBytesMax } = knobs();
    const { net, clock, budget, digest } = world;
    this.#serial += 1;
    const link = new Link({
      ...{ owner: pool, parts: equip(), budget, spillBytesMax, wholeBytesMax, place, epoch },
      ...{ serial: this.#serial, nowMs: clock.now() },
    });
    const parameters = this.#parameters(pool);
    const login = new Login({ link, target, login: pool.login, parameters, digest, outcome: this });
    link.user = login;
    pool.add(link);
    pool.lane.begun();
    link.closing = clock.after(loginTimeoutMs, () => login.expire(loginTimeoutMs));
    link.attach(net.dial(target.address, loginTimeoutMs, link));
  }

  announced(link: Link): void {
    link.isAnnounced = true;
  }

  keyed(link: Link): void {
    const { processId, secret } = link.cancelKey;
    if (secret.length !== SECRET_BYTES) return;
    this.#options.limit.trace(link.place, { processId, secret: readInt32(secret, 0, SECRET_BYTES) });
  }

  succeeded(link: Link): void {
    const pool = poolOf(link);
    const { world, knobs, opened } = this.#options;
    const { lifetimeMs } = knobs();
    const spread = 1 - LIFETIME_SPREAD * world.rng.next();
    link.closing?.cancel();
    link.expiresMs = lifetimeMs === 0 ? Infinity : world.clock.now() + lifetimeMs * spread;
    this.#isEncrypted = link.wire.tls !== undefined;
    pool.lane.succeeded();
    pool.welcome = new Map(link.parameters);
    pool.settle(link);
    opened();
  }

  failed(link: Link, fault: Fault): void {
    const pool = poolOf(link);
    link.closing?.cancel();
    if (!this.#isPlain && UNKNOWN_PARAMETER.has(refusalOf(fault)?.code ?? "")) {
      this.#isPlain = true;
      pool.lane.undone();
    } else this.#note(pool, fault);
    this.#options.failed(link);
  }

  #note(pool: LinkPool, fault: Fault): void {
    pool.lane.failed(fault);
    this.#options.world.log.warn("link_refused", { user: pool.user, why: fault.message });
    if (fault.code === "SERVER_LOGIN" && pool.living === 0) pool.refuseAll(fault);
  }

  #parameters(pool: LinkPool): ReadonlyMap<string, string> {
    const { checkIntervalMs } = this.#options.knobs();
    if (this.#isPlain || checkIntervalMs === 0) return pool.login.parameters;
    return new Map([[CHECK_PARAMETER, String(checkIntervalMs)], ...pool.login.parameters]);
  }
}
