/**
 * A box of role app with its front and a database, from a copy of the executable (which an upgrade can then replace), and a
 * program whose every answer says which request it belongs to.
 */
import { copyFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { ProcessStatus, StatusJson } from "../../src/admin/view.ts";
import { isAlive } from "../../src/run/proc.ts";
import { freePort } from "./free-port.ts";
import { type AppBox, runApp, SCALE_BIN, writeApp } from "./scale-app.ts";
import { until } from "./until.ts";

/** Answers /tag, /echo and /deal as `storm-clients.ts` wants it; /hold takes a link for a while, /who and /ws say who answers. */
const PROGRAM = `
import { db } from "scale";
const deal = (id) => db.begin(async (sql) => {
  const [{ pid }] = await sql\`select pg_backend_pid() as pid, set_config('storm.id', \${id}, true)\`;
  await sql\`insert into deals (id) values (\${id})\`;
  const [row] = await sql\`select pg_backend_pid() as pid, current_setting('storm.id') as id, count(*)::int as found from deals where id = \${id}\`;
  if (row.pid !== pid || row.found !== 1) throw new Error(\`\${row.pid} is not \${pid}, or \${row.found} is not 1\`);
  return row.id;
});
Bun.serve({
  fetch: async (request, server) => {
    const [, verb, id] = new URL(request.url).pathname.split("/");
    if (verb === "tag") return new Response("tag " + id);
    if (verb === "echo") return new Response(await request.arrayBuffer());
    if (verb === "deal") return new Response("deal " + (await deal(id)));
    if (verb === "hold") return Response.json((await db\`select pg_backend_pid() as pid, pg_sleep(0.5)\`)[0].pid);
    if (verb === "ws" && server.upgrade(request)) return undefined;
    return Response.json({ pid: process.pid, round: process.env.ROUND });
  },
  error: (error) => new Response(String(error), { status: 500 }),
  websocket: { message: (socket, text) => void socket.send(text) },
});`;

export interface StormBoxOrder {
  readonly store: string;
  readonly workers?: number;
  readonly max?: number;
  /** More lines of [app]. */
  readonly lines?: string;
}

export interface StormBox extends AppBox {
  readonly port: number;
  readonly url: string;
  /** The copy it runs. */
  readonly executable: string;
  status(): Promise<StatusJson>;
  pidsOf(process: string): Promise<readonly number[]>;
  /** `scale WORDS` for this box: what it printed as JSON. */
  command(...words: readonly string[]): Promise<Record<string, unknown>>;
  /** Writes the file anew; the program then says this round. */
  configure(round: string): void;
  /** Resolves when the box serves as it should, and this process, which was killed, has a successor. */
  recovered(from: ProcessStatus): Promise<void>;
  /** Ends all of it, in whatever state it is. */
  remove(): Promise<void>;
}

export async function stormBox(order: StormBoxOrder): Promise<StormBox> {
  const port = freePort();
  const app = writeApp({ "server.ts": PROGRAM });
  const [config, executable] = [join(app.folder, "scale.toml"), join(app.folder, "scale")];
  copyFileSync(SCALE_BIN, executable);
  const configure = (round: string): void => writeFileSync(config, tomlOf(order, port, round));
  configure("0");
  const box = runApp({ words: ["--config", config], executable });
  const status = async (): Promise<StatusJson> => (await (await adminFetch(box.admin, "/status")).json()) as StatusJson;
  const pidsOf = async (process: string): Promise<readonly number[]> =>
    (await status()).processes.filter((one) => one.process === process).map(({ pid }) => pid);
  const command = async (...words: readonly string[]): Promise<Record<string, unknown>> => {
    const child = Bun.spawn([executable, ...words, "--admin", box.admin, "--json"], { stderr: "inherit" });
    return JSON.parse(await child.stdout.text()) as Record<string, unknown>;
  };
  const recovered = (from: ProcessStatus): Promise<void> =>
    until(`another ${from.process} ${from.index} is ready`, async () => {
      const now = await status().catch(() => undefined);
      const next = now?.processes.find(({ process, index }) => process === from.process && index === from.index);
      return now?.ready === true && next?.state === "ready" && next.pid !== from.pid;
    });
  const remove = async (): Promise<void> => {
    for (const pid of [box.pid, ...(await pidsOf("keeper").catch(() => []))]) kill(pid);
    await box.exited;
    app.remove();
  };
  await until("the box is ready", () =>
    status().then(
      ({ ready }) => ready,
      () => false,
    ),
  );
  const url = `http://127.0.0.1:${port}`;
  return { ...box, port, url, executable, status, pidsOf, command, configure, recovered, remove };
}

function tomlOf({ store, workers = 2, max = 16, lines = "" }: StormBoxOrder, port: number, round: string): string {
  return `[postgres.main]
primary = ${JSON.stringify(store)}
[app]
entry = "./server.ts"
listen = ${port}
workers = ${workers}
${lines}
[app.pool]
max = ${max}
[app.env]
ROUND = "${round}"
[log]
format = "json"
`;
}

function kill(pid: number): void {
  if (isAlive(pid)) process.kill(pid, "SIGKILL");
}
