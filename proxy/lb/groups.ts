/**
 * The upstreams of a worker as they stand now: who serves, how they are dialled, what may be spent on retries, what was
 * counted. A group outlives reloads that leave its name; its connections belong to its targets, not to a configuration.
 */
import { formatAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { Rng } from "../base/rng.ts";
import type { TlsContext } from "../net/wire.ts";
import { EJECTION } from "../upstream/ejection.ts";
import { RETRY, RetryBudget } from "../upstream/retry.ts";
import type { Leaver, Listed, Target } from "../upstream/target.ts";
import { Upstream } from "../upstream/upstream.ts";
import type { UpstreamSetup } from "./setup.ts";

/** A connection to a server that nobody uses just now. */
export interface IdleOrigin {
  /** Closes it; it leaves the list by itself. */
  discard(): void;
}

/** What hangs on a target. */
export class Server<Origin extends IdleOrigin = IdleOrigin> {
  /** The one that was used last stands last, and is taken first. */
  readonly idle: Origin[] = [];
  /** `Host` of requests that name none. */
  readonly fallbackHost: string;
  /** Its name, for TLS. */
  readonly host: string;
  /** Of the group's TLS as it was when this was made. */
  tls: { readonly of: UpstreamSetup["tls"]; readonly context: TlsContext } | undefined;
  connections = 0;
  reuses = 0;
  retries = 0;
  gone = 0;

  constructor({ address }: Listed) {
    this.host = address.path === undefined ? address.host : "localhost";
    this.fallbackHost = address.path === undefined ? formatAddress(address) : "localhost";
  }

  discardIdle(): void {
    for (const origin of [...this.idle]) origin.discard();
  }
}

export interface GroupParts {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly leaver: Leaver<Server>;
}

export class Group {
  readonly name: string;
  readonly upstream: Upstream<Server>;
  readonly retries: RetryBudget;
  /** Changes at a reload. */
  setup: UpstreamSetup;
  /** Of its exchanges, by the first digit of the status. */
  readonly responses = [0, 0, 0, 0, 0, 0];
  requests = 0;
  bytesIn = 0;
  bytesOut = 0;

  constructor(setup: UpstreamSetup, { clock, rng, leaver }: GroupParts) {
    this.name = setup.name;
    this.setup = setup;
    const own = (listed: Listed): Server => new Server(listed);
    this.upstream = new Upstream<Server>(setup.name, setup, { clock, rng, leaver, ejection: EJECTION, own });
    this.retries = new RetryBudget(RETRY, clock);
    if (setup.servers !== "pushed") this.upstream.retarget(setup.servers);
  }

  configure(setup: UpstreamSetup): void {
    const spokenTo = JSON.stringify(this.setup.tls);
    this.setup = setup;
    this.upstream.configure(setup);
    if (setup.servers !== "pushed") this.upstream.retarget(setup.servers);
    // What speaks another TLS than is wanted now is not used again.
    if (JSON.stringify(setup.tls) !== spokenTo) for (const { own } of this.upstream.targets) own.discardIdle();
  }

  /** No upstream of that name is left. */
  retire(): void {
    const { waiting } = this.upstream;
    this.upstream.retarget([]);
    // Nobody looks at this queue from now on: whoever stood in it would wait for ever.
    waiting.placesMax = 0;
    waiting.sweep(Number.POSITIVE_INFINITY);
  }

  /** How this target is spoken to in TLS, if it is. */
  tlsOf({ own }: Target<Server>): TlsContext | undefined {
    const { tls } = this.setup;
    if (tls === undefined) return undefined;
    if (own.tls?.of !== tls) {
      const { verify, ca } = tls;
      const context = { verify, serverName: own.host, alpn: ALPN, ...(ca === undefined ? {} : { ca }) };
      own.tls = { of: tls, context };
    }
    return own.tls?.context;
  }
}

export const ALPN = ["http/1.1"] as const;
