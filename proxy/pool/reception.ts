/**
 * Who takes over clients that have shown who they are: finds their database and links, welcomes them with what the server
 * says of itself, and gives them the key to cancel by. Clients of the admin database get a console.
 * Invariants: no more than `clientsMax` clients over all workers; a client that goes has given back its place and its key.
 */
import type { Budget } from "../base/byte-queue.ts";
import { faultOf } from "../base/fault.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { isMd5Secret } from "../pg/md5.ts";
import { parseVerifier } from "../pg/scram.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import { ConsoleClient } from "../pgconn/console.ts";
import type { Gate, Newcomer } from "../pgconn/gate.ts";
import type { LinkPool } from "../pgconn/link-pool.ts";
import type { ServerSecret } from "../pgconn/server-login.ts";
import { refusalWords } from "../pgconn/server-refusal.ts";
import { startupSettings } from "../pgconn/settings.ts";
import type { Host } from "../role.ts";
import type { Clients } from "./clients.ts";
import { isConsole, rightsOf } from "./console-rights.ts";
import type { Database, Databases } from "./databases.ts";
import type { Desk } from "./desk.ts";
import { secretOf, shuttingDown, type Reception as Welcomes } from "./doorway.ts";
import { Introduction } from "./introduction.ts";
import type { PoolSetup } from "./setup.ts";
import { consoleParameters, welcomeParameters } from "./welcome.ts";

export interface ReceptionParts {
  readonly host: Host;
  readonly budget: Budget;
  readonly databases: Databases;
  readonly clients: Clients;
  readonly desk: Desk;
  /** A client has those links; to be counted from now on. */
  readonly seen: (database: Database, pool: LinkPool) => void;
}

/** Of one worker: a console's answers can be large. */
const CONSOLES_MAX = 64;

export class Reception implements Welcomes {
  readonly #parts: ReceptionParts;
  readonly #introductions = new Map<Gate, Introduction>();
  readonly #consoles = new Set<ConsoleClient>();
  #setup: PoolSetup;
  #isClosing = false;

  constructor(setup: PoolSetup, parts: ReceptionParts) {
    this.#setup = setup;
    this.#parts = parts;
  }

  obey(setup: PoolSetup): void {
    this.#setup = setup;
  }

  refusal(): NoticeWords | undefined {
    return this.#isClosing ? shuttingDown() : undefined;
  }

  /** Lets nobody in any more. */
  close(): void {
    this.#isClosing = true;
  }

  dismissConsoles(words: NoticeWords): void {
    for (const console of [...this.#consoles]) console.dismiss(words);
  }

  enter(newcomer: Newcomer, gate: Gate): void {
    if (this.#isClosing) return gate.refuse(shuttingDown());
    if (isConsole(newcomer.database, this.#setup)) return this.#openConsole(newcomer, gate);
    const database = this.#parts.databases.get(newcomer.database);
    if (database === undefined) return gate.refuse(noDatabase(newcomer.database));
    const settings = startupSettings(newcomer.startup.parameters);
    if (settings === undefined) return gate.refuse(badOptions());
    const pool = this.#poolOf(newcomer, database);
    if (pool === undefined) return gate.refuse(notAllowed(newcomer));
    if (pool.welcome !== undefined) return this.#admit({ newcomer, gate, database, pool, settings });
    const introduction = new Introduction(pool, (refusal) => {
      this.#introductions.delete(gate);
      if (refusal !== undefined) gate.refuse({ ...refusalWords(refusal), severity: "FATAL" });
      else this.#admit({ newcomer, gate, database, pool, settings });
    });
    this.#introductions.set(gate, introduction);
    try {
      introduction.begin();
    } catch (thrown) {
      this.#introductions.delete(gate);
      gate.refuse({ ...refusalWords(faultOf(thrown)), severity: "FATAL" });
    }
  }

  gone(gate: Gate): void {
    this.#introductions.get(gate)?.leave();
    this.#introductions.delete(gate);
  }

  cancel(processId: number, key: Uint8Array, done: () => void): void {
    this.#parts.clients.cancel(processId, key, done);
  }

  #admit(entry: Entry): void {
    const { newcomer, gate, pool, settings } = entry;
    const { clients } = this.#parts;
    this.#parts.seen(entry.database, pool);
    const place = clients.takePlace();
    if (place === undefined) return gate.refuse(tooMany());
    const client = clients.announce(newcomer, entry.database, place);
    let begun = false;
    gate.open({
      parameters: welcomeParameters(pool.welcome ?? new Map(), settings),
      processId: client.key.processId,
      key: client.key.secret,
      begin: (wire) => {
        begun = true;
        return clients.begin(client, { wire, pool, settings });
      },
      abandoned: () => {
        if (!begun) clients.forget(client);
      },
    });
  }

  /** Undefined for a user who may not use that database. */
  #poolOf({ user, database: name, keys, proven }: Newcomer, { cluster, setup }: Database): LinkPool | undefined {
    const stored = secretOf(this.#setup, user, name);
    const isStoreUser = user === setup.cluster.primary.user;
    const isListed =
      Object.hasOwn(this.#setup.users, user) || (isStoreUser && Object.keys(this.#setup.users).length === 0);
    if (!isListed && !(this.#setup.auth === "trust" && !proven)) return undefined;
    return cluster.poolOf(user, serverSecret(stored, keys));
  }

  #openConsole({ user }: Newcomer, gate: Gate): void {
    const rights = rightsOf(user, gate.wire, this.#setup);
    if (rights === undefined) return gate.refuse(noRights());
    if (this.#consoles.size >= CONSOLES_MAX) return gate.refuse(tooMany());
    gate.open({
      parameters: consoleParameters(this.#setup.version),
      processId: 0,
      key: new Uint8Array(4),
      begin: (wire) => this.#console(wire, rights === "command"),
      abandoned: () => undefined,
    });
  }

  #console(wire: Wire, mayCommand: boolean): WireEvents {
    const { desk, budget } = this.#parts;
    const client = new ConsoleClient({
      ...{ wire, desk, budget, mayCommand },
      closed: (gone) => this.#consoles.delete(gone),
    });
    this.#consoles.add(client);
    return client;
  }
}

interface Entry {
  readonly newcomer: Newcomer;
  readonly gate: Gate;
  readonly database: Database;
  readonly pool: LinkPool;
  readonly settings: ReadonlyMap<string, string>;
}

/** What we can log in with as that user: a password, an MD5 secret, or the keys of its own SCRAM login. */
function serverSecret(stored: string | undefined, keys: Newcomer["keys"]): ServerSecret | undefined {
  if (stored === undefined) return undefined;
  return parseVerifier(stored) !== undefined && !isMd5Secret(stored) ? keys : stored;
}

function noDatabase(name: string): NoticeWords {
  const message = `database "${name}" does not exist`;
  return { severity: "FATAL", code: SQLSTATE.invalidDatabaseName, message };
}

function badOptions(): NoticeWords {
  return {
    severity: "FATAL",
    code: SQLSTATE.featureNotSupported,
    message: "the start-up parameters hold something else than settings, or too many of them",
    hint: 'In "options" the pool understands -c name=value and --name=value.',
  };
}

function notAllowed({ user, database }: Newcomer): NoticeWords {
  const message = `user "${user}" may not use database "${database}"`;
  return { severity: "FATAL", code: SQLSTATE.invalidAuthorization, message };
}

function noRights(): NoticeWords {
  return {
    severity: "FATAL",
    code: SQLSTATE.insufficientPrivilege,
    message: "not allowed to use the admin console",
    hint: "Name the user in pool.admin_users or pool.stats_users.",
  };
}

function tooMany(): NoticeWords {
  return {
    severity: "FATAL",
    code: SQLSTATE.tooManyConnections,
    message: "the pool has no room for more clients",
    hint: "Close connections that are not needed, or raise pool.clients_max.",
  };
}
