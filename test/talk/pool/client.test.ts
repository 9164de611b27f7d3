/**
 * One client, one link: what is said and what is heard, on every engine, and cut at every place. The server is the model;
 * what the real one says to the same and more is `test/e2e/pool-differential.test.ts`.
 */
import { describe, expect, test } from "bun:test";
import { PORTAL, STATEMENT } from "../../../proxy/pg/frontend.ts";
import * as say from "../../../proxy/pg/frontend-writer.ts";
import { Writer } from "../../../proxy/pg/writer.ts";
import { FakeClock } from "../../kit/clock.ts";
import { ModelPostgres } from "../../kit/model-postgres.ts";
import { SimNet } from "../../kit/net-sim.ts";
import { StingyNet } from "../../kit/net-stingy.ts";
import { PoolRig, type PoolRigOptions } from "../../kit/pool-rig.ts";
import { SeededRng } from "../../kit/rng.ts";

interface Row {
  readonly name: string;
  readonly write: (writer: Writer) => void;
  /** The first letter of each message that is heard. */
  readonly heard: string;
  readonly options?: Partial<PoolRigOptions>;
}

const DATA = new TextEncoder().encode("a row\n");

function copyData(writer: Writer): void {
  say.writeCopyData(writer, { bytes: DATA, start: 0, end: DATA.length });
}

function batch(writer: Writer, name: string, text: string | undefined, value = "x"): void {
  if (text !== undefined) say.writeParse(writer, name, text);
  say.writeBind(writer, "", name, [value]);
  say.writeDescribe(writer, PORTAL, "");
  say.writeExecute(writer, "", 0);
  say.writeSync(writer);
}

function queries(...texts: readonly string[]): (writer: Writer) => void {
  return (writer) => texts.forEach((text) => say.writeQuery(writer, text));
}

const ROWS: readonly Row[] = [
  { name: "a simple query", write: queries("tag a"), heard: "DCZ" },
  { name: "a transaction", write: queries("begin", "tag a", "commit"), heard: "CZDCZCZ" },
  { name: "an error in one", write: queries("begin", "fail", "tag a", "rollback", "tag b"), heard: "CZEZEZCZDCZ" },
  { name: "a batch", write: (writer) => batch(writer, "", "tag $1"), heard: "12nDCZ" },
  {
    name: "a statement that stays, and is asked for in a later transaction",
    write: (writer) => {
      batch(writer, "s", "tag $1");
      say.writeQuery(writer, "tag between");
      batch(writer, "s", undefined);
    },
    heard: "12nDCZDCZ2nDCZ",
  },
  {
    name: "an unnamed statement, asked for in a later transaction",
    write: (writer) => {
      batch(writer, "", "tag $1");
      batch(writer, "", undefined);
    },
    heard: "12nDCZ2nDCZ",
  },
  {
    name: "an unnamed statement behind a simple query is gone",
    write: (writer) => {
      batch(writer, "", "tag $1");
      say.writeQuery(writer, "tag a");
      batch(writer, "", undefined);
    },
    heard: "12nDCZDCZEZ",
  },
  {
    name: "an error in a batch, and a query inside of it that is never answered",
    write: (writer) => {
      say.writeBind(writer, "", "nobody");
      say.writeQuery(writer, "tag never");
      say.writeExecute(writer, "", 0);
      say.writeSync(writer);
      say.writeQuery(writer, "tag a");
    },
    heard: "EZDCZ",
  },
  {
    name: "a name that is taken",
    write: (writer) => {
      batch(writer, "s", "tag $1");
      batch(writer, "s", "tag other");
      batch(writer, "s", undefined);
    },
    heard: "12nDCZEZ2nDCZ",
  },
  {
    name: "Close, of a name and of nothing; then the name is free",
    write: (writer) => {
      batch(writer, "s", "tag $1");
      say.writeClose(writer, STATEMENT, "s");
      say.writeClose(writer, STATEMENT, "nobody");
      say.writeSync(writer);
      batch(writer, "s", "tag $1");
    },
    heard: "12nDCZ33Z12nDCZ",
  },
  {
    name: "more statements than a link keeps",
    write: (writer) => {
      for (const name of ["a", "b", "c", "d"]) batch(writer, name, `tag ${name} $1`);
      for (const name of ["a", "b", "c", "d"]) batch(writer, name, undefined);
    },
    heard: "12nDCZ".repeat(4) + "2nDCZ".repeat(4),
    options: { statementsMax: 2 },
  },
  {
    name: "COPY in, by a query",
    write: (writer) => {
      say.writeQuery(writer, "copyin");
      copyData(writer);
      copyData(writer);
      say.writeCopyDone(writer);
    },
    heard: "GCZ",
  },
  {
    name: "COPY in that the client fails, and data that comes too late",
    write: (writer) => {
      say.writeQuery(writer, "copyin");
      copyData(writer);
      say.writeCopyFail(writer, "no");
      copyData(writer);
      say.writeCopyDone(writer);
      say.writeQuery(writer, "tag a");
    },
    heard: "GEZDCZ",
  },
  {
    name: "COPY in, by a batch whose Sync it swallows",
    write: (writer) => {
      batch(writer, "", "copyin");
      copyData(writer);
      say.writeCopyDone(writer);
      say.writeSync(writer);
    },
    heard: "12nGCZ",
  },
  {
    name: "a Sync, a Flush, and the end of a COPY that is none, without a link",
    write: (writer) => {
      say.writeFlush(writer);
      say.writeCopyDone(writer);
      say.writeSync(writer);
      say.writeSync(writer);
    },
    heard: "ZZ",
  },
  {
    name: "settings: what is set is there, what was rolled back is not",
    write: queries("set shop.a = x", "begin", "set shop.a = y", "rollback", "show shop.a"),
    heard: "CZCZCZCZDCZ",
  },
  { name: "what is refused", write: queries("listen a", "tag a"), heard: "EZDCZ", options: { refusesHolds: true } },
  { name: "a session", write: queries("listen a", "tag a"), heard: "CZDCZ", options: { isSession: true } },
];

const ENGINES = ["simulated", "stingy"] as const;

/** All that is said in two parts, the second later. */
function talk(row: Row, engine: (typeof ENGINES)[number], cut: number | undefined): string {
  const clock = new FakeClock();
  const rng = new SeededRng(7);
  const sim = new SimNet({ clock, rng });
  const net = engine === "stingy" ? new StingyNet(sim, { rng }) : sim;
  const server = new ModelPostgres(sim);
  const rig = new PoolRig({ net, clock, server: server.address, knobs: { size: 1 }, ...row.options });
  const client = rig.dial();
  clock.advance(100);
  const writer = new Writer(1 << 20);
  row.write(writer);
  const bytes = writer.bytes.slice(0, writer.end);
  client.said.length = 0;
  client.send(bytes.slice(0, cut ?? bytes.length));
  clock.advance(200);
  if (cut !== undefined && cut < bytes.length) client.send(bytes.slice(cut));
  clock.advance(3_000);
  expect(server.complaints).toEqual([]);
  expect(rig.failures).toEqual([]);
  client.wire.close();
  clock.advance(20_000);
  expect(rig.pool.counts).toMatchObject({ taken: 0 });
  return client.said.map((said) => String.fromCharCode(said.bytes[0] ?? 0)).join("");
}

for (const engine of ENGINES) {
  describe(`a client of a pool, ${engine}`, () => {
    for (const row of ROWS) test(row.name, () => expect(talk(row, engine, undefined)).toBe(row.heard));
  });
}

describe("a client of a pool, cut at every place", () => {
  for (const row of ROWS) {
    test(row.name, () => {
      const writer = new Writer(1 << 20);
      row.write(writer);
      for (let cut = 1; cut < writer.end; cut++) expect([cut, talk(row, "simulated", cut)]).toEqual([cut, row.heard]);
    });
  }
});
