/** A real Postgres of this machine's packages, in a folder of its own, for what stands before it. */
import { chownSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { freePort } from "./free-port.ts";
import { until } from "./until.ts";

export interface RealPostgres {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly url: string;
  /** A connection beside everything that is tested. */
  readonly sql: postgres.Sql;
  pid(): number;
  /** Ends it at once, and brings it back. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Debian's package makes this user; Postgres does not run as root. */
function ownerOf(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(Bun.spawnSync(["id", flag, "postgres"]).stdout.toString().trim() || "65534");
  return { uid: id("-u"), gid: id("-g") };
}

export interface PostgresOrder {
  /** Path of the server. */
  readonly server: string;
  /** How clients log in. */
  readonly method?: "scram-sha-256" | "md5" | "trust";
  readonly settings?: Readonly<Record<string, string>>;
}

export async function realPostgres({
  server,
  method = "scram-sha-256",
  settings = {},
}: PostgresOrder): Promise<RealPostgres> {
  const owner = ownerOf();
  const folder = mkdtempSync(join(tmpdir(), "scale-pg-"));
  if (owner.uid !== undefined) chownSync(folder, owner.uid, owner.gid ?? owner.uid);
  const [user, password, data] = ["shop", "pa ss'w@rd", join(folder, "data")];
  writeFileSync(join(folder, "password"), `${password}\n`, { mode: 0o644 });
  const made = Bun.spawnSync(
    [
      ...[join(dirname(server), "initdb"), "-D", data, "-U", user, "-A", method, "--no-sync", "-E", "UTF8"],
      ...["--locale=C", `--pwfile=${join(folder, "password")}`],
    ],
    { ...owner, cwd: "/", stdout: "ignore", stderr: "pipe" },
  );
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const common = {
    ...{ listen_addresses: "127.0.0.1", unix_socket_directories: folder, fsync: "off", max_connections: "60" },
    password_encryption: method === "md5" ? "md5" : "scram-sha-256",
    ...settings,
  };
  const spawn = (port: number): Bun.Subprocess => {
    const knobs = Object.entries({ ...common, port: String(port) });
    const argv = [server, "-D", data, ...knobs.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
    return Bun.spawn(argv, { ...owner, cwd: "/", stdout: "ignore", stderr: "ignore" });
  };
  for (let tries = 1; ; tries++) {
    const port = freePort();
    const child = spawn(port);
    const url = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
    const sql = watch(url);
    if (await answers(sql, child)) {
      return new Running({ port, user, password, url, sql, folder, spawn: () => spawn(port) }, child);
    }
    await sql.end({ timeout: 0 });
    // Somebody may have taken the port since it was free.
    if (tries === STARTS_MAX) throw new Error(`Cannot start Postgres: it ended with ${child.exitCode}, ${tries} times`);
  }
}

const STARTS_MAX = 5;

function watch(url: string): postgres.Sql {
  return postgres(url, {
    max: 1,
    onnotice: () => undefined,
    idle_timeout: 0,
    backoff: () => 0.05,
    connection: { application_name: "watch" },
  });
}

/** False when it ends before it has answered. */
async function answers(sql: postgres.Sql, child: Bun.Subprocess): Promise<boolean> {
  let good = false;
  await until("postgres answers, or has ended", async () => {
    if (child.exitCode !== null) return true;
    good = await sql`select 1`.then(
      () => true,
      () => false,
    );
    return good;
  });
  return good;
}

interface RunningParts extends Pick<RealPostgres, "port" | "user" | "password" | "url" | "sql"> {
  readonly folder: string;
  readonly spawn: () => Bun.Subprocess;
}

class Running implements RealPostgres {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly url: string;
  readonly sql: postgres.Sql;
  readonly #parts: RunningParts;
  #child: Bun.Subprocess;

  constructor(parts: RunningParts, child: Bun.Subprocess) {
    this.port = parts.port;
    this.user = parts.user;
    this.password = parts.password;
    this.url = parts.url;
    this.sql = parts.sql;
    this.#parts = parts;
    this.#child = child;
  }

  pid(): number {
    return this.#child.pid;
  }

  async restart(): Promise<void> {
    await this.#end();
    this.#child = this.#parts.spawn();
    if (!(await answers(this.sql, this.#child))) throw new Error("Cannot restart Postgres: it has ended");
  }

  async stop(): Promise<void> {
    await this.sql.end({ timeout: 1 });
    await this.#end();
    rmSync(this.#parts.folder, { recursive: true, force: true });
  }

  async #end(): Promise<void> {
    this.#child.kill("SIGINT");
    await this.#child.exited;
  }
}
