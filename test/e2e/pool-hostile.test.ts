/**
 * Clients that have logged in, and then send frames that lie: every type of message truncated, oversize, with a length or
 * counts that are not true, cut at several points, outside and inside of a transaction. Other clients go on meanwhile, no
 * worker is lost, and no link.
 */
import { afterAll, beforeAll, describe, expect } from "bun:test";
import type { Socket } from "node:net";
import pg from "pg";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { needs } from "../kit/needs.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { scalePool, type PoolBox } from "../kit/scale-pool.ts";
import { until } from "../kit/until.ts";

const { test, path } = needs("postgres");
const START_MS = 60_000;
const RUN_MS = 240_000;
const SIZE = 3;
const AT_ONCE = 12;
/** Where a frame is cut; what is behind its end cuts nothing. */
const SPLITS = [0, 1, 4, 5, 9] as const;
const LENGTHS = [0, 3, 4, 5, 1_000, 0x100_0000, 0x7fff_ffff, -1] as const;

let store: RealPostgres | undefined;

beforeAll(async () => {
  store = await realPostgres({ server: path("postgres") });
}, START_MS);
afterAll(() => store?.stop(), START_MS);

interface Attack {
  readonly bytes: Uint8Array;
  readonly split: number;
  readonly inTransaction: boolean;
}

for (const workers of [1, 2]) {
  describe(`pool with ${workers} worker${workers === 1 ? "" : "s"}`, () => {
    let box: PoolBox;

    beforeAll(async () => {
      box = await scalePool({ store: store?.url ?? "", workers, size: SIZE });
    }, START_MS);
    afterAll(() => box?.stop(), START_MS);

    test(
      "frames that lie end their own conversation, and no other; links are not lost",
      async () => {
        const before = await box.workerPids();
        const witness = await loggedIn(box);
        let isOver = false;
        const going = goOn(witness, () => isOver);
        const all = attacks();
        for (let at = 0; at < all.length; at += AT_ONCE) {
          await Promise.all(all.slice(at, at + AT_ONCE).map((one) => attack(box, one)));
        }
        isOver = true;
        expect(await going).toBeGreaterThan(0);
        expect(await box.workerPids()).toEqual(before);
        expect(box.said()).not.toContain('"code":"BUG"');
        await until("every link is idle", async () => (await states()).every((state) => state === "idle"));
        await allLinksServe(box);
        await witness.end();
      },
      RUN_MS,
    );
  });
}

async function loggedIn(box: PoolBox): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: box.url() });
  client.on("error", () => undefined);
  await client.connect();
  return client;
}

/** Asks again and again; returns how often it was answered. */
async function goOn(client: pg.Client, isOver: () => boolean): Promise<number> {
  let count = 0;
  for (; !isOver(); count++) {
    const { rows } = await client.query("select $1::int as n", [count]);
    expect(rows).toEqual([{ n: count }]);
  }
  return count;
}

/** Resolves when the pool has closed the connection, of which no more than our half was closed before. */
async function attack(box: PoolBox, { bytes, split, inTransaction }: Attack): Promise<void> {
  const client = await loggedIn(box);
  if (inTransaction) await client.query("begin");
  const { stream } = (client as unknown as { readonly connection: { readonly stream: Socket } }).connection;
  const closed = Promise.withResolvers<void>();
  stream.removeAllListeners("data");
  stream.on("data", () => undefined);
  stream.once("close", () => closed.resolve());
  stream.setNoDelay(true);
  if (split > 0) await new Promise<void>((resolve) => void stream.write(bytes.subarray(0, split), () => resolve()));
  stream.end(bytes.subarray(split));
  await closed.promise;
}

/** As many transactions at once as there are links: each of them is still there. */
async function allLinksServe(box: PoolBox): Promise<void> {
  const clients = await Promise.all(Array.from({ length: SIZE }, () => loggedIn(box)));
  await Promise.all(clients.map((client) => client.query("begin")));
  const pids = await Promise.all(clients.map((client) => client.query("select pg_backend_pid() as pid")));
  expect(new Set(pids.map(({ rows }) => rows[0].pid)).size).toBe(SIZE);
  await Promise.all(clients.map((client) => client.query("rollback")));
  await Promise.all(clients.map((client) => client.end()));
}

async function states(): Promise<readonly string[]> {
  if (store === undefined) throw new Error("Cannot ask Postgres: it has not started");
  const rows = await store.sql`
    select coalesce(state, '') as state from pg_stat_activity
    where backend_type = 'client backend' and pid <> pg_backend_pid()`;
  return rows.map(({ state }) => String(state));
}

/** Each frame at one of the points where it may be cut, in turn, so that every type meets every point. */
function attacks(): readonly Attack[] {
  return frames().flatMap((bytes, index) =>
    [SPLITS[index % SPLITS.length], SPLITS[(index + 2) % SPLITS.length]].map((split = 0, turn) => ({
      ...{ bytes, split: Math.min(split, bytes.length), inTransaction: (index + turn) % 2 === 0 },
    })),
  );
}

function frames(): readonly Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (const tag of Object.values(FRONTEND)) {
    for (const length of LENGTHS) {
      const frame = new Uint8Array(24);
      frame[0] = tag;
      new DataView(frame.buffer).setInt32(1, length);
      rows.push(frame, frame.subarray(0, 5), frame.subarray(0, 3));
    }
    rows.push(...lyingFields(tag));
  }
  for (const tag of [0, 1, 0x7e, 0xff]) rows.push(Uint8Array.of(tag, 0, 0, 0, 4, tag, 0, 0, 0, 9, 1, 2, 3, 4, 5));
  return rows;
}

/** Frames whose ends are right, followed by a Sync; what is inside is not: counts of more than there is, texts without end. */
function lyingFields(tag: number): readonly Uint8Array[] {
  const bodies: readonly ((writer: Writer) => Writer)[] = [
    (writer) => writer.text("").text("").uint16(0xffff).uint16(0xffff),
    (writer) => writer.text("").text("").uint16(0).uint16(1).int32(0x7fff_ffff).uint16(0),
    (writer) => writer.text("").uint16(0xffff).int32(-2),
    (writer) => writer.characters("no end of this text"),
    (writer) => writer.byte(0xff),
  ];
  return bodies.map((body) => {
    const writer = new Writer(1_000);
    body(writer.begin(tag)).close();
    writer.begin(FRONTEND.sync).close();
    return writer.bytes.slice(writer.start, writer.end);
  });
}
