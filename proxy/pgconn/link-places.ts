/**
 * How many links there are to one database, over all its users in this worker and, by the shared limit, over all workers
 * and both generations of the box: opens one when somebody waits and a place is free, makes room among the users, closes
 * what is old, idle, dirty or too many.
 *
 * Invariants: no wire is dialled without a place of the limit, and a place is given back only when no backend of the server
 * can stand behind it any more; so the server never counts more of us than `size`. Who waited longest is served first.
 */
import type { Timer } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { TracedLimit } from "../base/limits.ts";
import { STATUS } from "../pg/backend.ts";
import { CancelCalls } from "./cancel-call.ts";
import { FairShare } from "./fair-share.ts";
import { Hunger } from "./hunger.ts";
import type { Link, LinkParts } from "./link.ts";
import { LinkOpenings } from "./link-openings.ts";
import { LinkPool, poolOf } from "./link-pool.ts";
import type { LinkKnobs, LinkWorld } from "./link-world.ts";
import { LoginLane } from "./login-lane.ts";
import { Orphans } from "./orphans.ts";
import type { ServerLogin } from "./server-login.ts";
import type { ServerTarget } from "./server-target.ts";
import type { Crowd } from "./waiting-line.ts";

export interface LinkPlacesOptions {
  readonly world: LinkWorld;
  /** Names the limit; the same in all workers and generations. */
  readonly name: string;
  readonly target: ServerTarget;
  readonly knobs: LinkKnobs;
  /** What a new link carries. */
  readonly equip: () => LinkParts;
  /** Somebody waits here and no place is free: another worker may have one to spare. Called now and then while it lasts. */
  readonly starving?: (seen: Starving) => void;
}

export interface Starving {
  readonly waiting: number;
  /** How many links this worker has. */
  readonly held: number;
}

/** No limit of a box is larger; a smaller one can grow up to here without a new page. */
export const LINKS_MAX = 10_000;
const SWEEP_MS = 250;
/** How long another user's client waits in vain until a link is closed for it although its own users wait too. */
const UNFAIR_MS = 200;
const NONE = -1;
const TERMINATE = new Uint8Array([0x58, 0, 0, 0, 4]);
export class LinkPlaces {
  readonly name: string;
  readonly target: ServerTarget;
  /** One for each user. */
  readonly pools: LinkPool[] = [];
  /** The clock as of the last sweep: near enough for what counts in seconds, and free. */
  coarseMs: number;
  readonly #byUser = new Map<string, LinkPool>();
  readonly #crowd: Crowd = { count: 0 };
  readonly #options: LinkPlacesOptions;
  readonly #world: LinkWorld;
  readonly #limit: TracedLimit;
  readonly #fair: FairShare;
  readonly #cancels: CancelCalls;
  readonly #orphans: Orphans;
  readonly #openings: LinkOpenings;
  readonly #hunger: Hunger;
  readonly #sweep: Timer;
  #knobs: LinkKnobs;
  #epoch = 0;
  #yields = 0;
  #isPaused = false;
  #isClosing = false;
  #empty: (() => void)[] = [];

  constructor(options: LinkPlacesOptions) {
    const { world, name, target, knobs } = options;
    this.name = name;
    this.target = target;
    this.#options = options;
    this.#world = world;
    this.#knobs = knobs;
    this.#limit = world.limits.traced(name, LINKS_MAX);
    this.#fair = new FairShare(world.limits, name, this.#limit);
    this.#fair.look({ ...knobs, orphaned: 0 }, 0);
    this.#cancels = new CancelCalls(world, target);
    this.#hunger = new Hunger(world.clock, { retry: () => this.#serve(), tell: () => this.#tellStarving() });
    this.#openings = new LinkOpenings({
      ...{ world, target, limit: this.#limit, equip: options.equip, knobs: () => this.#knobs },
      failed: (link) => this.#giveUp(link),
      opened: () => this.#serve(),
    });
    this.#orphans = new Orphans({
      ...{ world, name, limit: this.#limit, cancels: this.#cancels, pools: this.pools },
      isEncrypted: () => this.#openings.isEncrypted,
      freed: () => this.#serve(),
    });
    this.coarseMs = world.clock.now();
    this.#sweep = world.clock.every(SWEEP_MS, () => this.#sweepAll());
  }

  /** The one pool of that user. Where the secret has changed, clients of before go on, over links of the new one. */
  pool(login: ServerLogin): LinkPool {
    const known = this.#byUser.get(login.user);
    if (known !== undefined) return this.#renewed(known, login);
    const lane = new LoginLane(this.#world.clock, this.#world.rng, () => this.#serve());
    const pool = new LinkPool({ places: this, login, lane, crowd: this.#crowd });
    this.#byUser.set(login.user, pool);
    this.pools.push(pool);
    return pool;
  }

  #renewed(pool: LinkPool, login: ServerLogin): LinkPool {
    if (pool.login === login) return pool;
    pool.login = login;
    pool.lane.clear();
    // Whether the server takes the new secret the next client hears before it is let in.
    pool.welcome = undefined;
    for (let idle = pool.oldestIdle; idle !== undefined; idle = pool.oldestIdle) this.retire(idle, "another secret");
    for (const link of pool.links) link.expiresMs = -Infinity;
    return pool;
  }

  get size(): number {
    return this.#knobs.size;
  }

  /** Links of this worker in any state. */
  get held(): number {
    return this.pools.reduce((sum, pool) => sum + pool.links.size, 0);
  }

  get waiting(): number {
    return this.#crowd.count;
  }

  /** Places taken by all processes, the orphans' too. */
  get taken(): number {
    return this.#limit.taken();
  }

  get orphans(): number {
    return this.#orphans.count;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  nowMs(): number {
    return this.#world.clock.now();
  }

  /** New values, of what is opened, given back or swept from now on. */
  setKnobs(knobs: LinkKnobs): void {
    this.#knobs = knobs;
    this.#shareOut(this.#limit.orphaned());
    this.#serve();
  }

  /** Closes every link that is not in use, and the others when they are given back; resolves when none is left. */
  pause(): Promise<void> {
    this.#isPaused = true;
    this.#retireIdle("paused");
    return this.#whenEmpty();
  }

  /** Those who waited meanwhile have waited since now. */
  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    for (const pool of this.pools) pool.line.restamp(this.nowMs());
    this.#serve();
  }

  /** Every link that is open now is closed as soon as nobody uses it. */
  reconnect(): void {
    this.#epoch += 1;
    for (const pool of this.pools) pool.lane.clear();
    this.#retireIdle("reconnect");
    this.#serve();
  }

  /** Opens nothing more, refuses who waits, closes as `pause` does; resolves when none is left. */
  close(): Promise<void> {
    this.#isClosing = true;
    for (const pool of this.pools) pool.refuseAll(drainingFault());
    this.#retireIdle("closing");
    return this.#whenEmpty();
  }

  /** Lets go of everything at once; what was not closed in order is left to the orphans' watch of another process. */
  stop(): void {
    this.#isClosing = true;
    this.#sweep.cancel();
    this.#sated();
    this.#orphans.stop();
    this.#cancels.close();
    for (const pool of this.pools) {
      pool.lane.clear();
      pool.refuseAll(drainingFault());
      for (const link of pool.links) link.wire.close();
    }
  }

  /**
   * Another worker starves: closes an idle link, or the next that is given back if more than `share` are held. False when
   * there is nothing to spare.
   */
  yieldOne(share: number): boolean {
    const idle = this.#oldestIdle();
    if (idle !== undefined) this.retire(idle, "yielded");
    else if (this.held - this.#closing - this.#yields > share) this.#yields += 1;
    else return false;
    return true;
  }

  /** For `LinkPool`: throws Fault when a client of that pool may not wait. */
  checkMayWait(pool: LinkPool): void {
    if (this.#isClosing) throw drainingFault();
    if (pool.line.length >= this.#knobs.waitersMax) {
      throw new Fault("OVERLOADED", `Cannot wait for a link: ${pool.line.length} wait already`);
    }
    const reason = pool.lane.reason;
    if (reason?.code === "SERVER_LOGIN" && pool.living === 0 && !pool.lane.isOpen) throw again(reason);
  }

  /** For `LinkPool`: somebody waits. */
  joined(): void {
    if (!this.#hunger.isOn) this.#serve();
  }

  /** For `LinkPool`: a link is idle, and may be in another user's way. */
  idled(): void {
    if (this.#crowd.count > 0) this.#serve();
  }

  /** For `LinkPool`: why a link that nobody uses must not be handed on; undefined when it may. */
  whyRetire(pool: LinkPool, link: Link): string | undefined {
    if (this.#isPaused) return "paused";
    if (this.#isClosing) return "closing";
    if (link.isTainted) return "a cancel request may still arrive";
    if (link.framer.inside) return "the server is in the middle of a message";
    if (link.epoch !== this.#epoch) return "reconnect";
    if (link.expiresMs <= this.coarseMs) return "lifetime";
    if (this.#yields > 0) {
      this.#yields -= 1;
      return "yielded";
    }
    const tooMuch = this.#fair.isPressed
      ? this.#fair.whyGiveUp({ held: this.held, closing: this.#closing })
      : undefined;
    if (tooMuch !== undefined) return tooMuch;
    return this.#crowd.count > pool.line.length && this.#isUnfair(pool) ? "another user waits" : undefined;
  }

  /** For `LinkPool`: closes a link that nobody uses any more, in order where that can be. */
  retire(link: Link, why: string): void {
    const pool = poolOf(link);
    if (link.state === "closing" || link.state === "gone") return;
    const isQuiet = link.state !== "opening" && link.status === STATUS.idle && link.replies.quiet;
    link.user = undefined;
    pool.move(link, "closing");
    this.#world.log.debug("link_closing", { link: link.serial, process: link.cancelKey.processId, why });
    if (!link.isAnnounced) return link.wire.close();
    if (isQuiet) link.send(TERMINATE, 0, TERMINATE.length);
    link.hangUp();
    link.resume();
    link.closing = this.#world.clock.after(this.#knobs.closeTimeoutMs, () => link.wire.close());
  }

  /** For `LinkPool`: closes a link that said, unasked, what it may not say, or that its server ends it. */
  distrust(link: Link, fault: Fault): void {
    if (fault.code !== "SERVER_GONE") {
      this.#world.log.warn("link_distrusted", {
        database: this.name,
        process: link.cancelKey.processId,
        why: fault.message,
      });
    }
    this.retire(link, fault.message);
  }

  /** For `LinkPool`: false when too many cancel requests are under way. */
  cancel(link: Link): boolean {
    const { cancelKey } = link;
    if (cancelKey.processId === 0) return false;
    const isEncrypted = link.wire.tls !== undefined;
    const begun = this.#cancels.call(cancelKey, isEncrypted, (mayArrive) => {
      link.cancels -= 1;
      link.isTainted ||= mayArrive;
      if (link.state === "held" && link.cancels === 0) poolOf(link).settle(link);
    });
    if (begun) link.cancels += 1;
    return begun;
  }

  /** For `LinkPool`: a link is gone. Of one that was never logged in `failed` tells the rest. */
  left(link: Link, fault: Fault, { clean, hasFailed }: { readonly clean: boolean; readonly hasFailed: boolean }): void {
    link.closing?.cancel();
    this.#world.log.debug("link_gone", { link: link.serial, process: link.cancelKey.processId, why: fault.message });
    if (clean || !link.isAnnounced) this.#limit.give(link.place);
    else this.#orphans.keep(link.place);
    this.#tellIfEmpty();
    if (!hasFailed) this.#serve();
  }

  #giveUp(link: Link): void {
    this.retire(link, "login failed");
    this.#serve();
  }

  /** Opens as many links as are waited for, may be tried, and have a place. */
  #serve(): void {
    if (this.#isPaused || this.#isClosing) return this.#sated();
    for (let pool = this.#neediest(); pool !== undefined; pool = this.#neediest()) {
      const { held } = this;
      const place = this.#fair.mayTake(held) ? this.#limit.take(Math.min(this.#knobs.size, LINKS_MAX)) : NONE;
      if (place === NONE) {
        this.#makeRoom(pool);
        this.#fair.hungers(held);
        return this.#hunger.begin();
      }
      this.#openings.open(pool, place, this.#epoch);
    }
    this.#sated();
  }

  #sated(): void {
    this.#hunger.end();
    this.#fair.sate();
  }

  /** Closes idle links that are too many, or one that another worker needs more. */
  #shareOut(orphaned: number): void {
    const { size, workers } = this.#knobs;
    this.#fair.look({ size, workers, orphaned }, this.held);
    for (let left = this.#fair.spare - this.#closing; left > 0; left -= 1) {
      const idle = this.#oldestIdle();
      if (idle === undefined) return;
      this.retire(idle, "others need it");
    }
  }

  /** Whose first client waits longest, of those for whom a login can be tried. */
  #neediest(): LinkPool | undefined {
    let found: LinkPool | undefined;
    let sinceMs = Infinity;
    for (const pool of this.pools) {
      const first = pool.line.first;
      if (first === undefined || first.sinceMs >= sinceMs) continue;
      if (pool.line.length <= pool.counts.opening || !pool.lane.isOpen) continue;
      found = pool;
      sinceMs = first.sinceMs;
    }
    return found;
  }

  /** Closes an idle link of another user, unless enough are being closed already. */
  #makeRoom(needy: LinkPool): void {
    if (this.#closing >= needy.line.length) return;
    const idle = this.#oldestIdle();
    if (idle !== undefined) this.retire(idle, "another user waits");
  }

  /** Whether another user has nothing at all and waits for longer than this one. */
  #isUnfair(pool: LinkPool): boolean {
    for (const other of this.pools) {
      const first = other === pool || other.links.size > 0 ? undefined : other.line.first;
      if (first === undefined || this.coarseMs - first.sinceMs < UNFAIR_MS) continue;
      if (this.#closing === 0 && first.sinceMs < (pool.line.first?.sinceMs ?? Infinity)) return true;
    }
    return false;
  }

  #oldestIdle(): Link | undefined {
    let found: Link | undefined;
    for (const pool of this.pools) {
      const idle = pool.oldestIdle;
      if (idle !== undefined && idle.sinceMs < (found?.sinceMs ?? Infinity)) found = idle;
    }
    return found;
  }

  get #closing(): number {
    return this.pools.reduce((sum, pool) => sum + pool.counts.closing, 0);
  }

  #retireIdle(why: string): void {
    for (const pool of this.pools) {
      for (let idle = pool.oldestIdle; idle !== undefined; idle = pool.oldestIdle) this.retire(idle, why);
    }
  }

  #sweepAll(): void {
    const nowMs = this.nowMs();
    this.coarseMs = nowMs;
    const { waitTimeoutMs, idleTimeoutMs } = this.#knobs;
    for (const pool of this.pools) {
      if (waitTimeoutMs > 0 && !this.#isPaused)
        pool.refuseOld(nowMs - waitTimeoutMs, () => waitedFault(pool, waitTimeoutMs));
      this.#retireOld(pool, idleTimeoutMs === 0 ? -Infinity : nowMs - idleTimeoutMs);
    }
    const orphaned = this.#limit.orphaned();
    this.#orphans.sweep(nowMs, orphaned);
    this.#shareOut(orphaned);
    if (!this.#hunger.isOn) this.#serve();
  }

  #retireOld(pool: LinkPool, sinceMs: number): void {
    for (let idle = pool.oldestIdle; idle !== undefined && idle.sinceMs <= sinceMs; idle = pool.oldestIdle) {
      this.retire(idle, "idle");
    }
    for (const link of pool.links) {
      if (link.state === "idle" && link.expiresMs <= this.coarseMs) this.retire(link, "lifetime");
    }
  }

  #tellStarving(): void {
    this.#options.starving?.({ waiting: this.waiting, held: this.held });
  }

  #whenEmpty(): Promise<void> {
    return new Promise((resolve) => {
      this.#empty.push(resolve);
      this.#tellIfEmpty();
    });
  }

  #tellIfEmpty(): void {
    if (this.#empty.length === 0 || this.held > 0) return;
    for (const resolve of this.#empty.splice(0)) resolve();
  }
}

function drainingFault(): Fault {
  return new Fault("DRAINING", "Cannot wait for a link: the pool is closing");
}

/** The last reason of the server's is worth more to a client than that it has waited. */
function waitedFault(pool: LinkPool, waitTimeoutMs: number): Fault {
  const reason = pool.lane.reason;
  return reason !== undefined
    ? again(reason)
    : new Fault("OVERLOADED", `Cannot wait for a link: none was free for ${waitTimeoutMs} ms`);
}

function again({ code, message, cause }: Fault): Fault {
  return new Fault(code, message, { cause });
}
