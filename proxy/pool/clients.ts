/**
 * All clients of this worker that are let in: their places in the limit of the box, their keys, and the cancel requests
 * that come for them.
 * Invariant: a client is here from the moment its key is told until its wire has closed.
 */
import type { Limit } from "../base/limits.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import type { Newcomer } from "../pgconn/gate.ts";
import type { LinkPool } from "../pgconn/link-pool.ts";
import type { Host } from "../role.ts";
import { CancelKeys, type CancelKey } from "./cancel-keys.ts";
import type { PoolClient } from "./client.ts";
import type { Database } from "./databases.ts";
import { REPORT, type CancelAsked } from "./letters.ts";
import type { PoolSetup } from "./setup.ts";

/** One client, from the moment that it is let in. */
export interface Member {
  readonly serial: number;
  readonly user: string;
  readonly database: Database;
  key: CancelKey;
  readonly place: Place;
  /** By the clock. */
  readonly sinceMs: number;
  wire: Wire | undefined;
  client: PoolClient | undefined;
}

interface Place {
  readonly limit: Limit;
  readonly number: number;
}

export interface Beginning {
  readonly wire: Wire;
  readonly pool: LinkPool;
  readonly settings: ReadonlyMap<string, string>;
}

/** Makes the conversation of a client that has heard that it is let in. */
export type MakeClient = (member: Member, beginning: Beginning, closed: () => void) => PoolClient;

/** What the page that all processes map is made for; `clients_max` cannot be more. */
const PLACES_MAX = 65_536;
const NONE = -1;
/** A cancel request is waited for so long, and looked after so often. */
const CANCEL_LOOK_MS = 10;
const CANCEL_LOOKS_MAX = 500;
/** More cancel requests of other workers' keys than this in a second are guesses. */
const PASSED_ON_MAX = 200;

export class Clients {
  readonly members = new Set<Member>();
  readonly #host: Host;
  readonly #make: MakeClient;
  readonly #keys: CancelKeys<Member>;
  #limit: Limit;
  #clientsMax: number;
  #serial = 0;
  #passedOn = 0;
  #passedOnMs = 0;

  constructor(setup: PoolSetup, host: Host, make: MakeClient) {
    this.#host = host;
    this.#make = make;
    const secret = Uint8Array.fromBase64(setup.mockSecret);
    const mask = new DataView(host.digest.hmacSha256(secret, new TextEncoder().encode("cancel keys")).buffer).getInt32(
      0,
    );
    this.#keys = new CancelKeys(host.rng, host.box.owner, mask);
    this.#clientsMax = placesOf(setup);
    this.#limit = this.#limitOf();
  }

  /** From the next client on. */
  obey(setup: PoolSetup): void {
    this.#clientsMax = placesOf(setup);
    if (this.#clientsMax > this.#limit.capacity) this.#limit = this.#limitOf();
  }

  takePlace(): Place | undefined {
    const number = this.#limit.take(this.#clientsMax);
    return number === NONE ? undefined : { limit: this.#limit, number };
  }

  announce({ user }: Newcomer, database: Database, place: Place): Member {
    this.#serial += 1;
    const member: Member = {
      ...{ serial: this.#serial, user, database, place, sinceMs: this.#host.clock.now() },
      ...{ key: NO_KEY, wire: undefined, client: undefined },
    };
    member.key = this.#keys.issue(member);
    this.members.add(member);
    database.traffic.logins += 1;
    return member;
  }

  begin(member: Member, beginning: Beginning): WireEvents {
    member.wire = beginning.wire;
    member.client = this.#make(member, beginning, () => this.forget(member));
    return member.client;
  }

  forget(member: Member): void {
    if (!this.members.delete(member)) return;
    this.#keys.forget(member.key);
    member.place.limit.give(member.place.number);
  }

  /** A cancel request of somebody who knows the key; a key of another worker is passed on, and a wrong one does nothing. */
  cancel(processId: number, secret: Uint8Array, done: () => void): void {
    if (this.#keys.isOurs(processId)) return this.#cancelOurs(processId, secret, done);
    const now = this.#host.clock.now();
    if (now - this.#passedOnMs > 1_000) {
      this.#passedOnMs = now;
      this.#passedOn = 0;
    }
    this.#passedOn += 1;
    if (this.#passedOn <= PASSED_ON_MAX) {
      const asked: CancelAsked = { processId, secret };
      this.#host.report(REPORT.cancel, asked);
    }
    done();
  }

  /** The command of the steward. */
  passedOn({ processId, secret }: CancelAsked): void {
    this.#cancelOurs(processId, secret, () => undefined);
  }

  #cancelOurs(processId: number, secret: Uint8Array, done: () => void): void {
    const client = this.#keys.find(processId, secret)?.client;
    const link = client?.link;
    if (link === undefined || client?.cancel() !== true) return done();
    // Who cancels waits for our end: only then its next statement is safe from this request.
    let looks = 0;
    const look = (): void => {
      looks += 1;
      if (link.cancels > 0 && looks < CANCEL_LOOKS_MAX) this.#host.clock.after(CANCEL_LOOK_MS, look);
      else done();
    };
    look();
  }

  /** A limit cannot grow, so a larger one is another: until the clients of the smaller are gone there may be more. */
  #limitOf(): Limit {
    return this.#host.limits.limit(`pool clients ${this.#clientsMax}`, this.#clientsMax);
  }
}

const NO_KEY: CancelKey = { processId: 0, secret: new Uint8Array(0) };

function placesOf({ clientsMax }: PoolSetup): number {
  return Math.min(clientsMax, PLACES_MAX);
}
