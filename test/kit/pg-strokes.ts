/**
 * Random conversations of a Postgres client, valid and not, out of a seed: batches of messages that may be said to any
 * server, each ended so that its end can be seen. For comparing a server with what stands before it.
 */
import type { Rng } from "../../proxy/base/rng.ts";
import { PORTAL, STATEMENT } from "../../proxy/pg/frontend.ts";
import * as say from "../../proxy/pg/frontend-writer.ts";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import type { Writer } from "../../proxy/pg/writer.ts";

export interface Stroke {
  /** For people: what failed is printed by it. */
  readonly name: string;
  write(writer: Writer): void;
}

const SIMPLE: readonly string[] = [
  "select 1",
  "select 1; select 2",
  "begin",
  "begin",
  "commit",
  "rollback",
  "selec",
  "select 1/0",
  "begin; select 1/0; select 2",
  "insert into t values (1), (2)",
  "insert into t values (3); select 1/0",
  "select count(*) from t",
  "delete from t",
  "savepoint a",
  "rollback to a",
  "copy t from stdin",
  "copy t to stdout",
  "copy t from stdin; select 5",
  "set statement_timeout = '7s'",
  "set local statement_timeout = '3s'",
  "begin; set statement_timeout = '9s'; rollback",
  "show statement_timeout",
  "reset statement_timeout",
  "set shop.tenant = 'a''b\\c'",
  "select coalesce(nullif(current_setting('shop.tenant', true), ''), 'none')",
  "select set_config('work_mem', '1MB', false)",
  "show work_mem",
  "show search_path",
  "set application_name = 'x y'",
  "show application_name",
  "set timezone to 'Asia/Tokyo'",
  "show timezone",
  "reset all",
  "discard all",
  "deallocate all",
  "deallocate a",
  "prepare z as select 3",
  "execute z",
  "deallocate z",
  "declare c cursor for select generate_series(1, 5)",
  "declare h cursor with hold for select generate_series(1, 5)",
  "fetch 2 from c",
  "fetch 2 from h",
  "close h",
  "create temp table if not exists tt (a int)",
  "insert into tt values (1)",
  "drop table if exists tt",
  "select pg_advisory_lock(7)",
  "select pg_advisory_unlock(7)",
  "listen a",
  "unlisten *",
  "do $$ begin raise notice 'hello'; end $$",
  "select repeat('x', 20000), generate_series(1, 3)",
];

const PREPARED: readonly string[] = [
  "select 1",
  "select $1::int",
  "select generate_series(1, 4)",
  "insert into t values (9)",
  "begin",
  "commit",
  "rollback",
  "selec",
  "select 1/0",
  "copy t from stdin",
  "copy t to stdout",
  "set statement_timeout = '8s'",
  "show statement_timeout",
  "deallocate a",
  "discard all",
  `select 'a long text of its own ${"x".repeat(300)}'`,
];

const STATEMENTS = ["", "", "a", "b", "scale_1"] as const;
const PORTALS = ["", "", "p"] as const;

/** What a batch ends with: whatever state the server is in, it answers the last of these, and says so by an emptyQuery. */
export function writeEnd(writer: Writer): void {
  say.writeCopyFail(writer, "the batch has ended");
  say.writeSync(writer);
  say.writeQuery(writer, "");
}

export function strokes(rng: Rng, count: number): readonly Stroke[] {
  return Array.from({ length: count }, () => stroke(rng));
}

function stroke(rng: Rng): Stroke {
  const draw = rng.next();
  if (draw < 0.35) {
    const text = pick(rng, SIMPLE);
    return { name: text.slice(0, 60), write: (writer) => say.writeQuery(writer, text) };
  }
  if (draw < 0.5) return whole(rng);
  if (draw < 0.97) return single(rng);
  return broken(rng);
}

/** A statement as drivers say it. */
function whole(rng: Rng): Stroke {
  const [drawn, text, sync] = [pick(rng, STATEMENTS), pick(rng, PREPARED), rng.next() < 0.8];
  const name = nameFor(text, drawn);
  const isNew = rng.next() < 0.6;
  const values = text.includes("$1") ? ["5"] : [];
  return {
    name: `${isNew ? `parse "${name}" ${text.slice(0, 40)} ` : ""}bind "${name}" describe execute${sync ? " sync" : ""}`,
    write: (writer) => {
      if (isNew) say.writeParse(writer, name, text);
      say.writeBind(writer, "", name, values);
      say.writeDescribe(writer, PORTAL, "");
      say.writeExecute(writer, "", 0);
      if (sync) say.writeSync(writer);
    },
  };
}

function single(rng: Rng): Stroke {
  const [drawn, portal, text] = [pick(rng, STATEMENTS), pick(rng, PORTALS), pick(rng, PREPARED)];
  const name = nameFor(text, drawn);
  const data = new TextEncoder().encode(rng.next() < 0.8 ? "4\n" : "no number\n");
  const rows = rng.next() < 0.5 ? 0 : 2;
  return pick<Stroke>(rng, [
    { name: `parse "${name}" ${text.slice(0, 40)}`, write: (writer) => say.writeParse(writer, name, text) },
    { name: `bind "${portal}" "${name}"`, write: (writer) => say.writeBind(writer, portal, name) },
    { name: `bind "${portal}" "${name}" 5`, write: (writer) => say.writeBind(writer, portal, name, ["5"]) },
    { name: `describe statement "${name}"`, write: (writer) => say.writeDescribe(writer, STATEMENT, name) },
    { name: `describe portal "${portal}"`, write: (writer) => say.writeDescribe(writer, PORTAL, portal) },
    { name: `execute "${portal}" ${rows}`, write: (writer) => say.writeExecute(writer, portal, rows) },
    { name: `close statement "${name}"`, write: (writer) => say.writeClose(writer, STATEMENT, name) },
    { name: `close portal "${portal}"`, write: (writer) => say.writeClose(writer, PORTAL, portal) },
    { name: "flush", write: say.writeFlush },
    { name: "sync", write: say.writeSync },
    { name: "sync", write: say.writeSync },
    { name: "copy data", write: (writer) => say.writeCopyData(writer, { bytes: data, start: 0, end: data.length }) },
    { name: "copy done", write: say.writeCopyDone },
    { name: "copy fail", write: (writer) => say.writeCopyFail(writer, "no") },
    { name: "function call", write: functionCall },
  ]);
}

/** A pool knows what DEALLOCATE means where it stands alone or is unnamed, as drivers say it, and not behind a name. */
function nameFor(text: string, drawn: string): string {
  return text.startsWith("deallocate") ? "" : drawn;
}

/** Frames whose ends are right, and whose fields are not. */
function broken(rng: Rng): Stroke {
  return pick<Stroke>(rng, [
    {
      name: "bind that lies",
      write: (writer) => void writer.begin(FRONTEND.bind).text("").text("").uint16(9).int32(0).close(),
    },
    {
      name: "parse without end",
      write: (writer) => void writer.begin(FRONTEND.parse).text("").characters("select 1").close(),
    },
    { name: "query without end", write: (writer) => void writer.begin(FRONTEND.query).characters("select 1").close() },
    { name: "describe nothing", write: (writer) => void writer.begin(FRONTEND.describe).byte(0x58).text("a").close() },
    {
      name: "execute too long",
      write: (writer) => void writer.begin(FRONTEND.execute).text("").int32(0).int32(0).close(),
    },
  ]);
}

/** `int4abs(-5)`, by its object id. */
function functionCall(writer: Writer): void {
  writer.begin(FRONTEND.functionCall).int32(1251).uint16(0).uint16(1).value("-5").uint16(0).close();
}

function pick<T>(rng: Rng, from: readonly T[]): T {
  return from[Math.floor(rng.next() * from.length)] as T;
}
