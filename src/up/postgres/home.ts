/**
 * The folder in which a cluster keeps everything, opened: it is ours alone for as long as the lock is held, and what all
 * its servers share (password, access rules, the folder of sockets, the ledger) is there and read.
 * Invariant: no file in it is written that another user could have put a link in the place of.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { Problem } from "../../problem/problem.ts";
import { look } from "../trust.ts";
import { homePaths, nodePaths, type HomePaths, type NodePaths } from "./layout.ts";
import { readLedger, writeLedger, type Ledger } from "./ledger.ts";
import { takeLock, type Lock } from "./lock.ts";
import { postgresOwner, type Owner } from "./owner.ts";
import { choosePlace, removePlace, type Place, type PlaceOptions } from "./place.ts";
import { giveTo, passwordOf, writePassfile } from "./secrets.ts";
import { ACCESS } from "./settings.ts";

const NAME = /^[a-z][a-z0-9]{0,30}$/;
/** Other things in the folder have these names. */
const NAMES_TAKEN: readonly string[] = ["password", "run"];

/** Throws UP_DATA_…, UP_NO_PLAIN_USER, or UP_ALREADY_RUNNING when another process has the cluster open. */
export function openHome(options: Omit<PlaceOptions, "owner">, cluster: string): Home {
  if (!NAME.test(cluster) || NAMES_TAKEN.includes(cluster)) {
    throw new RangeError(`Cannot name a cluster "${cluster}": wanted are small letters and digits`);
  }
  const owner = postgresOwner();
  const place = choosePlace({ ...options, owner });
  const paths = homePaths(place.home, cluster);
  const lock = locked(paths.lock);
  try {
    return new Home(cluster, { owner, place, paths, lock });
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Ground {
  readonly owner: Owner;
  readonly place: Place;
  readonly paths: HomePaths;
  readonly lock: Lock;
}

export class Home {
  readonly owner: Owner;
  readonly place: Place;
  readonly paths: HomePaths;
  readonly password: string;
  readonly #cluster: string;
  readonly #lock: Lock;
  #ledger: Ledger;

  /** For `openHome`. */
  constructor(cluster: string, { owner, place, paths, lock }: Ground) {
    this.#cluster = cluster;
    this.#lock = lock;
    this.owner = owner;
    this.place = place;
    this.paths = paths;
    this.password = passwordOf(paths.password);
    writeFileSync(paths.access, ACCESS, { mode: 0o644 });
    writePassfile(paths.passfile, this.password, owner);
    if (look(paths.sockets) === undefined) {
      mkdirSync(paths.sockets, { mode: 0o700 });
      giveTo(owner, paths.sockets);
    }
    const ledger = readLedger(paths.ledger);
    if (ledger === undefined) throw unreadableLedger(paths.ledger);
    this.#ledger = ledger;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  remember(ledger: Ledger): void {
    writeLedger(this.paths.ledger, ledger);
    this.#ledger = ledger;
  }

  node(index: number): NodePaths {
    return nodePaths(this.place.home, this.#cluster, index);
  }

  /** Lets others open it; an ephemeral one is gone. */
  close(): void {
    removePlace(this.place);
    this.#lock.release();
  }
}

function locked(path: string): Lock {
  const lock = takeLock(path);
  if (!("heldBy" in lock)) return lock;
  const holder = lock.heldBy === undefined ? "another scale up" : `scale up with pid ${lock.heldBy}`;
  throw new Problem("UP_ALREADY_RUNNING", {
    what: `Cannot open this project's database: ${holder} has it open`,
    fix: "Use that one, stop it with scale stop, or give --ephemeral for a database of this run only.",
  });
}

function unreadableLedger(path: string): Problem {
  return new Problem("UP_DATA_FOREIGN", {
    what: `Cannot read "${path}": it does not name a primary and ports`,
    why: "Which of the data folders holds the latest data stands in this file.",
    fix: "Bring it back. If there is one data folder only, or no replica was ever promoted, remove the file.",
  });
}
