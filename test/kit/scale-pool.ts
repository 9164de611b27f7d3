/** A box of role pool, started from the built executable, before a real Postgres. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { freePort } from "./free-port.ts";
import { type AppBox, runApp } from "./scale-app.ts";
import { until } from "./until.ts";

export interface PoolOrder {
  readonly store: string;
  readonly workers: number;
  /** Of the database "shop". */
  readonly size?: number;
  readonly mode?: "transaction" | "session";
  /** Lines of TOML in [pool]. */
  readonly pool?: string;
  /** Whole sections behind all others. */
  readonly more?: string;
}

export interface PoolBox extends AppBox {
  readonly port: number;
  /** The folder of its unix socket and its file. */
  readonly folder: string;
  readonly url: (database?: string) => string;
  status(): Promise<StatusJson>;
  workerPids(): Promise<readonly number[]>;
  /** Writes the file anew; a reload is another's. */
  configure(order: Partial<PoolOrder>): void;
}

/** Resolves when it takes clients. */
export async function scalePool(order: PoolOrder): Promise<PoolBox> {
  const folder = mkdtempSync(join(tmpdir(), "scale-pool-"));
  const port = freePort();
  const file = join(folder, "scale.toml");
  const write = (now: PoolOrder): void => writeFileSync(file, tomlOf(now, port, folder));
  write(order);
  const box = runApp({ role: "pool", words: ["--config", file] });
  const { username, password } = new URL(order.store);
  const status = async (): Promise<StatusJson> => (await (await adminFetch(box.admin, "/status")).json()) as StatusJson;
  const pool: PoolBox = {
    ...box,
    ...{ port, folder, status },
    url: (database = "shop") => `postgres://${username}:${password}@127.0.0.1:${port}/${database}`,
    workerPids: async () =>
      (await status()).processes.filter(({ process }) => process === "worker").map(({ pid }) => pid),
    configure: (changed) => write({ ...order, ...changed }),
    stop: async () => {
      const code = await box.stop();
      rmSync(folder, { recursive: true, force: true });
      return code;
    },
  };
  const isReady = (): Promise<boolean> =>
    adminFetch(box.admin, "/readyz").then(
      (answer) => answer.status === 200,
      () => false,
    );
  const ended = box.exited.then((code) => {
    throw new Error(`the pool ended with ${code}:\n${box.said()}`);
  });
  ended.catch(() => undefined);
  await Promise.race([until("the pool is ready", isReady), ended]);
  return pool;
}

function tomlOf(
  { store, workers, size = 5, mode = "transaction", pool = "", more = "" }: PoolOrder,
  port: number,
  folder: string,
) {
  return [
    `[postgres.main]\nprimary = ${JSON.stringify(store)}`,
    `[pool]\nlisten = ["127.0.0.1:${port}", "unix:${folder}"]\nworkers = ${workers}\n${pool}`,
    `[pool.databases.shop]\nstore = "main"\nsize = ${size}\nmode = "${mode}"`,
    `[log]\nformat = "json"\n${more}`,
  ].join("\n");
}
