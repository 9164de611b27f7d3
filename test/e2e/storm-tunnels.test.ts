/** WebSockets through a reload under load: they go on until the drain deadline, are told 1001, and nobody else notices. */
import { afterAll, beforeAll, expect } from "bun:test";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { type StormBox, stormBox } from "../kit/storm-box.ts";
import { keepsWord, wordsOf } from "../kit/storm-check.ts";
import { type Load, startLoad } from "../kit/storm-load.ts";
import { until } from "../kit/until.ts";

const { describe, test, path } = needs("postgres");
const START_MS = 60_000;
const DRAIN_MS = 4_000;
const SOCKETS = 16;

describe("WebSockets at tier 2 under load", () => {
  let store: RealPostgres;
  let box: StormBox;
  let load: Load | undefined;

  beforeAll(async () => {
    store = await realPostgres({ server: path("postgres") });
    await store.sql`create table deals (id text primary key)`;
    box = await stormBox({ store: store.url, lines: `drain_timeout = "${DRAIN_MS}ms"` });
  }, START_MS);
  afterAll(async () => {
    await load?.remove();
    await box.remove();
    await store.stop();
  }, START_MS);

  test("a reload tells each of them 1001 at the deadline, and until then each is answered", async () => {
    load = await startLoad({ port: box.port });
    await load.more(200);
    const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => open(box.port)));
    const startedAt = performance.now();
    const reloaded = box.command("reload");
    await until("workers drain", async () => (await box.status()).processes.some(({ state }) => state === "draining"));
    for (const [at, one] of sockets.entries()) one.socket.send(`still ${at}`);
    await until("each is answered", () => sockets.every(({ heard }) => heard.length === 1));
    expect(sockets.map(({ heard }) => heard[0])).toEqual(sockets.map((_, at) => `still ${at}`));
    expect(await Promise.all(sockets.map(({ closed }) => closed))).toEqual(sockets.map(() => 1_001));
    expect(performance.now() - startedAt).toBeGreaterThan(DRAIN_MS / 2);
    expect(await reloaded).toMatchObject({ ok: true });
    const count = await load.stop();
    expect([...count.failed.map(wordsOf), ...count.wrong]).toEqual([]);
    await keepsWord(store, load.seed, count);
  });
});

interface Opened {
  readonly socket: WebSocket;
  readonly heard: string[];
  /** The code it is told. */
  readonly closed: Promise<number>;
}

async function open(port: number): Promise<Opened> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  const heard: string[] = [];
  socket.addEventListener("message", ({ data }) => void heard.push(String(data)));
  const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  return { socket, heard, closed };
}
