/**
 * Looks after places of the shared limit behind which a server's backend may run that nobody speaks to: those of a worker
 * that was killed, and our own links whose server did not close. It cancels what they do, asks the server over a link
 * whether they are still there, and frees the places of those that are not.
 *
 * Invariants: a place is freed only when the server has said that its backend is gone, or, where nobody can be asked, when
 * it was an orphan for GRACE_MS; one process at a time looks after the places of the dead.
 */
import type { Limit, TracedLimit, TracedPlace } from "../base/limits.ts";
import type { CancelCalls } from "./cancel-call.ts";
import type { LinkPool } from "./link-pool.ts";
import type { LinkWorld } from "./link-world.ts";
import { OrphanCheck } from "./orphan-check.ts";

export interface OrphansOptions {
  readonly world: LinkWorld;
  /** Of the limit. */
  readonly name: string;
  readonly limit: TracedLimit;
  readonly cancels: CancelCalls;
  /** Whether the links are encrypted, and so are their cancel requests. */
  readonly isEncrypted: () => boolean;
  /** Of whom a link can be had. */
  readonly pools: readonly LinkPool[];
  /** Places were freed. */
  readonly freed: () => void;
}

/** As long as a backend may live that cannot be asked about: twice the time after which it looks for us (`CHECK_PARAMETER`). */
export const GRACE_MS = 4_000;
/** How many are asked about at once. */
const ASKED_MAX = 64;
/** How often what a backend does for nobody is cancelled. */
const CANCEL_MS = 2_000;
const NONE = -1;

/** A place whose backend may live. */
interface Suspect {
  readonly place: TracedPlace;
  readonly sinceMs: number;
  /** When it is to be cancelled again, because a request may be lost, and what it does may have begun behind one. */
  cancelMs: number;
}

export class Orphans {
  readonly #options: OrphansOptions;
  /** The right to look after the places of the dead. */
  readonly #guard: Limit;
  readonly #suspects = new Map<number, Suspect>();
  /** Places of ours, of links whose server did not close. */
  readonly #ours = new Set<number>();
  #guarded = NONE;
  #check: OrphanCheck | undefined;

  constructor(options: OrphansOptions) {
    this.#options = options;
    this.#guard = options.world.limits.limit(`orphans of ${options.name}`, 1);
  }

  /** How many are looked after here. */
  get count(): number {
    return this.#suspects.size;
  }

  /** A place of this process stays taken until its backend is known to be gone. */
  keep(place: number): void {
    this.#ours.add(place);
  }

  /** Called every now and then; `orphaned` is how many the limit has. */
  sweep(nowMs: number, orphaned: number): void {
    if (this.#ours.size === 0 && orphaned === 0) return this.#rest();
    const guards = this.#guards();
    const traces = this.#options.limit.traces();
    this.#update(
      traces.filter(({ place, orphan }) => (orphan ? guards : this.#ours.has(place))),
      nowMs,
    );
    this.#cancel(nowMs);
    this.#freeReused(traces);
    this.#freeUnknown(nowMs);
    this.#ask();
  }

  stop(): void {
    this.#check?.stop();
    this.#rest();
  }

  #guards(): boolean {
    if (this.#options.pools.length === 0) return false;
    if (this.#guarded === NONE) this.#guarded = this.#guard.take();
    return this.#guarded !== NONE;
  }

  #rest(): void {
    this.#suspects.clear();
    if (this.#guarded !== NONE) this.#guard.give(this.#guarded);
    this.#guarded = NONE;
  }

  /** The suspects are those places now; one that was another's before is a new suspect. */
  #update(places: readonly TracedPlace[], nowMs: number): void {
    const gone = new Set(this.#suspects.keys());
    for (const place of places) {
      gone.delete(place.place);
      const known = this.#suspects.get(place.place)?.place;
      if (known?.owner === place.owner && known.processId === place.processId && known.orphan === place.orphan)
        continue;
      this.#suspects.set(place.place, { place, sinceMs: nowMs, cancelMs: nowMs });
    }
    for (const place of gone) this.#suspects.delete(place);
  }

  /** What a backend does for nobody it shall not do. */
  #cancel(nowMs: number): void {
    const { cancels, isEncrypted, freed } = this.#options;
    for (const suspect of this.#suspects.values()) {
      const { processId, secret } = suspect.place;
      if (processId === 0 || suspect.cancelMs > nowMs) continue;
      if (!cancels.call({ processId, secret: bytesOf(secret) }, isEncrypted(), freed)) return;
      suspect.cancelMs = nowMs + CANCEL_MS;
    }
  }

  /** A backend's number is given again only when the backend is gone. */
  #freeReused(traces: readonly TracedPlace[]): void {
    const living = new Set<number>();
    for (const { place, processId } of traces) if (!this.#suspects.has(place)) living.add(processId);
    for (const suspect of [...this.#suspects.values()]) {
      const { processId } = suspect.place;
      if (processId !== 0 && living.has(processId)) this.#free(suspect, "its number is in use again");
    }
  }

  /**
   * Of what was never traced nobody can be asked. And where no link can be had, one place is freed after the other, so that
   * somebody can log in and ask about the rest.
   */
  #freeUnknown(nowMs: number): void {
    const isAlone = this.#options.pools.every((pool) => pool.living === 0);
    let freedForAsking = false;
    for (const suspect of [...this.#suspects.values()]) {
      if (nowMs - suspect.sinceMs < GRACE_MS) continue;
      if (suspect.place.processId === 0) this.#free(suspect, "it was never traced");
      else if (isAlone && !freedForAsking) {
        freedForAsking = true;
        this.#free(suspect, "nobody could be asked");
      }
    }
  }

  #ask(): void {
    if (this.#check !== undefined) return;
    const asked = [...this.#suspects.values()].filter(({ place }) => place.processId !== 0).slice(0, ASKED_MAX);
    const pool = this.#options.pools.find(({ living }) => living > 0) ?? this.#options.pools[0];
    if (asked.length === 0 || pool === undefined) return;
    const processIds = asked.map(({ place }) => place.processId);
    this.#check = new OrphanCheck(this.#options.world, processIds, (living) => {
      this.#check = undefined;
      for (const suspect of living === undefined ? [] : asked) {
        if (!living?.has(suspect.place.processId)) this.#free(suspect, "the server says so");
      }
    });
    this.#check.begin(pool);
  }

  #free(suspect: Suspect, why: string): void {
    const { place } = suspect;
    if (this.#suspects.get(place.place) !== suspect) return;
    this.#suspects.delete(place.place);
    const { limit, world, freed } = this.#options;
    if (place.orphan) limit.free(place);
    else if (this.#ours.delete(place.place)) limit.give(place.place);
    world.log.info("orphan_gone", { process: place.processId, why });
    freed();
  }
}

function bytesOf(secret: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setInt32(0, secret);
  return bytes;
}
