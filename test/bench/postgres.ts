/** What stands behind the poolers: a real Postgres with pgbench's tables, and one that only answers, as fast as it can. */
import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { startDaemon, stopAll, type Daemon, type Owner } from "./daemon.ts";

export interface Store extends Daemon {
  readonly name: string;
  readonly port: number;
}

export const DATABASE = "postgres";
export const USER = "postgres";
const CONNECTIONS_MAX = 200;
/** 100 000 accounts each: all in memory. */
const SCALE_FACTOR = 10;
const SHUTDOWN = "SIGINT";

/** Whom Postgres and PgBouncer run as, which refuse root. */
export function unprivileged(): Owner | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ["-u", "-g"].map((flag) =>
    Number(Bun.spawnSync(["id", flag, "postgres"]).stdout.toString().trim()),
  );
  if (!uid || !gid) throw new Error('Cannot measure as root: there is no user "postgres" to run the servers as');
  return { uid, gid };
}

/** A folder that only they may enter. */
export function folderFor(owner: Owner | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), "scale-bench-"));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  return folder;
}

export async function startPostgres(postgres: string, pgbench: string, owner: Owner | undefined): Promise<Store> {
  const folder = folderFor(owner);
  const data = join(folder, "data");
  const port = freePort();
  const options = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: "",
    max_connections: String(CONNECTIONS_MAX),
    shared_buffers: "512MB",
    fsync: "off",
    autovacuum: "off",
  };
  const settings = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const started: Pick<Daemon, "stop">[] = [{ stop: async () => rmSync(folder, { recursive: true, force: true }) }];
  try {
    run([join(dirname(postgres), "initdb"), "-D", data, "-U", USER, "-A", "trust", "-N"], owner);
    const daemon = await startDaemon({
      argv: [postgres, "-D", data, ...settings],
      ports: [port],
      ...(owner === undefined ? {} : { owner }),
    });
    started.push({ stop: () => stopAtOnce(daemon) });
    run([pgbench, "-i", "-q", "-s", String(SCALE_FACTOR), "-h", "127.0.0.1", "-p", String(port), "-U", USER], owner);
    return { pid: daemon.pid, name: "Postgres", port, stop: () => stopAll(started) };
  } catch (error) {
    await stopAll(started);
    throw error;
  }
}

/** Not waiting for its clients to leave. */
async function stopAtOnce(daemon: Daemon): Promise<void> {
  process.kill(daemon.pid, SHUTDOWN);
  await daemon.stop();
}

export async function startFakePostgres(): Promise<Store> {
  const port = freePort();
  const argv = [process.execPath, join(import.meta.dir, "fake-postgres.ts"), String(port)];
  return { ...(await startDaemon({ argv, ports: [port] })), name: "a server that only answers", port };
}

function run(argv: readonly string[], owner: Owner | undefined): void {
  const { exitCode, stderr } = Bun.spawnSync([...argv], { cwd: "/", stdout: "ignore", ...(owner ?? {}) });
  if (exitCode !== 0) throw new Error(`Cannot measure: "${argv[0]}" failed: ${stderr.toString().trim()}`);
}
