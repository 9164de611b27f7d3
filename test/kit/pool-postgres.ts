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
  readonly pid: () => number;
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
  const [user, password, port, data] = ["shop", "pa ss'w@rd", freePort(), join(folder, "data")];
  writeFileSync(join(folder, "password"), `${password}\n`, { mode: 0o644 });
  const made = Bun.spawnSync(
    [
      ...[join(dirname(server), "initdb"), "-D", data, "-U", user, "-A", method, "--no-sync", "-E", "UTF8"],
      ...["--locale=C", `--pwfile=${join(folder, "password")}`],
    ],
    { ...owner, cwd: "/", stdout: "ignore", stderr: "pipe" },
  );
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const all = {
    ...{ port: String(port), listen_addresses: "127.0.0.1", unix_socket_directories: folder, fsync: "off" },
    ...{ max_connections: "60", password_encryption: method === "md5" ? "md5" : "scram-sha-256" },
    ...settings,
  };
  const argv = [server, "-D", data, ...Object.entries(all).flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const spawn = () => Bun.spawn(argv, { ...owner, cwd: "/", stdout: "ignore", stderr: "ignore" });
  let child = spawn();
  const url = `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`;
  const sql = postgres(url, {
    max: 1,
    onnotice: () => undefined,
    idle_timeout: 0,
    connection: { application_name: "watch" },
  });
  const answers = (): Promise<boolean> =>
    sql`select 1`.then(
      () => true,
      () => false,
    );
  await until("postgres answers", answers);
  return {
    ...{ port, user, password, url, sql },
    pid: () => child.pid,
    restart: async () => {
      child.kill("SIGINT");
      await child.exited;
      child = spawn();
      await until("postgres answers again", answers);
    },
    stop: async () => {
      await sql.end({ timeout: 1 });
      child.kill("SIGINT");
      await child.exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
