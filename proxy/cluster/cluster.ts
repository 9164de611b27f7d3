/**
 * One Postgres cluster as one database of ours sees it, in one worker: today its primary alone, and the links to it, a
 * `LinkPool` for each user. Who is primary, replicas and positions come here.
 * Invariant: all links of a database count against one limit, whoever their user is.
 */
import type { Digest } from "../base/digest.ts";
import type { Rng } from "../base/rng.ts";
import type { LinkParts } from "../pgconn/link.ts";
import { LinkPlaces, type Starving } from "../pgconn/link-places.ts";
import type { LinkPool } from "../pgconn/link-pool.ts";
import type { LinkKnobs, LinkWorld } from "../pgconn/link-world.ts";
import { ServerLogin, type ServerSecret } from "../pgconn/server-login.ts";
import { serverTls, type ServerTarget } from "../pgconn/server-target.ts";
import type { ClusterSetup, ServerSetup } from "./setup.ts";

/** More users than can be configured. Beyond it only trust can lead, where a user may be any name. */
const USERS_MAX = 2_048;

export interface ClusterOptions {
  readonly setup: ClusterSetup;
  /** Names the limit of its links; the same in all workers and generations. */
  readonly limit: string;
  readonly knobs: LinkKnobs;
  readonly world: LinkWorld;
  readonly equip: () => LinkParts;
  readonly starving: (seen: Starving) => void;
}

interface Login {
  readonly secret: ServerSecret | undefined;
  readonly login: ServerLogin;
}

export class Cluster {
  readonly primary: LinkPlaces;
  readonly #digest: Digest;
  readonly #rng: Rng;
  readonly #server: ServerSetup;
  readonly #logins = new Map<string, Login>();

  constructor({ setup, limit, knobs, world, equip, starving }: ClusterOptions) {
    this.#digest = world.digest;
    this.#rng = world.rng;
    this.#server = setup.primary;
    this.primary = new LinkPlaces({ world, name: limit, target: targetOf(setup.primary), knobs, equip, starving });
  }

  /**
   * The links of that user. `own` is what we know of the user's secret, from our own list or the user's own login; the
   * store's user has the store's. Undefined when there are too many users.
   */
  poolOf(user: string, own: ServerSecret | undefined): LinkPool | undefined {
    const secret = user === this.#server.user ? (this.#server.password ?? own) : own;
    const known = this.#logins.get(user);
    if (known !== undefined && isSame(known.secret, secret)) return this.primary.pool(known.login);
    if (known === undefined && this.#logins.size >= USERS_MAX) return undefined;
    const parameters = new Map(Object.entries(this.#server.parameters));
    const login = new ServerLogin({ user, secret, digest: this.#digest, rng: this.#rng, parameters });
    this.#logins.set(user, { secret, login });
    return this.primary.pool(login);
  }

  get pools(): readonly LinkPool[] {
    return this.primary.pools;
  }
}

export function targetOf({ address, database, sslMode, ca, cert, key }: ServerSetup): ServerTarget {
  const files = {
    ...(ca === undefined ? {} : { rootCert: ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  };
  return { address, database, tls: serverTls(sslMode, address, files) };
}

/** SCRAM keys come anew with every login, and are the same while the password is. */
function isSame(one: ServerSecret | undefined, other: ServerSecret | undefined): boolean {
  if (typeof one !== "object" || typeof other !== "object") return one === other;
  return one.iterations === other.iterations && one.clientKey.toHex() === other.clientKey.toHex();
}
