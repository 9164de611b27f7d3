/** The admin console: its words, and its conversation in both protocols, over a simulated network. */
import { describe, expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { STATEMENT } from "../../../../proxy/pg/frontend.ts";
import {
  writeBind,
  writeDescribe,
  writeExecute,
  writeParse,
  writeQuery,
  writeSync,
  writeTerminate,
} from "../../../../proxy/pg/frontend-writer.ts";
import type { NoticeWords } from "../../../../proxy/pg/notice.ts";
import { SQLSTATE } from "../../../../proxy/pg/sqlstate.ts";
import { writeAuthenticationOk, writeReady } from "../../../../proxy/pg/backend-writer.ts";
import { STATUS } from "../../../../proxy/pg/backend.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { ConsoleClient, type ConsoleDesk } from "../../../../proxy/pgconn/console.ts";
import { TABLES, type TableName, type TableRow } from "../../../../proxy/pgconn/console-tables.ts";
import { readCommand } from "../../../../proxy/pgconn/console-words.ts";
import { FakeClock, turn } from "../../../kit/clock.ts";
import { SimNet } from "../../../kit/net-sim.ts";
import { PgFrontend } from "../../../kit/pg-frontend.ts";
import { SeededRng } from "../../../kit/rng.ts";

const AT = { host: "127.0.0.1", port: 6432 };

describe("readCommand", () => {
  test.each([
    ["SHOW POOLS", { kind: "show", table: "pools" }],
    ["show stats_totals ;", { kind: "show", table: "stats_totals" }],
    ["  /* hello */ SHOW -- what\n  Clients;  ", { kind: "show", table: "clients" }],
    ["SHOW", { kind: "help" }],
    ["SHOW HELP", { kind: "help" }],
    ["", { kind: "empty" }],
    [" ; ", { kind: "empty" }],
    ["PAUSE", { kind: "do", verb: "pause", database: undefined }],
    ["pause Shop;", { kind: "do", verb: "pause", database: "shop" }],
    ['RESUME "My ""Shop"', { kind: "do", verb: "resume", database: 'My "Shop' }],
    ["RELOAD", { kind: "do", verb: "reload", database: undefined }],
  ])("%p", (text, command) => expect(readCommand(text)).toEqual(command as never));

  test.each(["SELECT 1", "SHOW NOTHING", "SHOW POOLS; SHOW POOLS", "PAUSE a b", "RELOAD a", 'PAUSE "x', "DROP"])(
    "%p is a syntax error",
    (text) => expect(readCommand(text)).toMatchObject({ kind: "unknown", words: { code: SQLSTATE.syntaxError } }),
  );
});

test("TABLES: PgBouncer's columns in its order", () => {
  const names = (table: TableName): string => TABLES[table].map(([name]) => name).join(",");
  expect(names("pools")).toBe(
    "database,user,cl_active,cl_waiting,cl_active_cancel_req,cl_waiting_cancel_req,sv_active,sv_active_cancel," +
      "sv_being_canceled,sv_idle,sv_used,sv_tested,sv_login,maxwait,maxwait_us,pool_mode,load_balance_hosts",
  );
  const counted =
    "xact_count,query_count,server_assignment_count,received,sent,xact_time,query_time,wait_time,client_parse_count," +
    "server_parse_count,bind_count,client_login_count";
  const averaged = counted.replace("received", "recv");
  const all = [
    ...counted.split(",").map((name) => `total_${name}`),
    ...averaged.split(",").map((name) => `avg_${name}`),
  ];
  expect(names("stats")).toBe(`database,${all.join(",")}`);
  const socket =
    "type,user,database,replication,state,addr,port,local_addr,local_port,connect_time,request_time,wait,wait_us," +
    "close_needed,ptr,link,remote_pid,tls,application_name,prepared_statements,id,pinned";
  expect(names("clients")).toBe(socket);
  expect(names("servers")).toBe(socket);
  expect(names("databases")).toBe(
    "name,host,port,database,force_user,pool_size,min_pool_size,reserve_pool_size,server_lifetime,pool_mode," +
      "load_balance_hosts,max_connections,current_connections,max_client_connections,current_client_connections,paused,disabled",
  );
  expect(names("users")).toBe(
    "name,pool_size,reserve_pool_size,pool_mode,max_user_connections,current_connections,max_user_client_connections," +
      "current_client_connections",
  );
  expect(names("lists")).toBe("list,items");
  expect(names("config")).toBe("key,value,default,changeable");
});

class Talk implements ConsoleDesk {
  readonly clock = new FakeClock();
  readonly net = new SimNet({ clock: this.clock, rng: new SeededRng(3) });
  readonly budget = new Budget(0x1000000);
  readonly client: PgFrontend;
  readonly performed: string[] = [];
  refusal: NoticeWords | undefined;
  rows: readonly TableRow[] = [["PgBouncer 1.25.0"]];
  fails = false;

  constructor(mayCommand = true) {
    this.net.listen(AT, (wire) => {
      const client = new ConsoleClient({
        ...{ wire, desk: this, budget: this.budget, mayCommand },
        closed: () => undefined,
      });
      const writer = new Writer(1_000);
      writeAuthenticationOk(writer);
      writeReady(writer, STATUS.idle);
      wire.write(writer.bytes, 0, writer.end);
      return client;
    });
    this.client = new PgFrontend(this.net, AT);
  }

  async show(): Promise<readonly TableRow[]> {
    if (this.fails) throw new Error("the desk is on fire");
    return this.rows;
  }

  async perform(verb: string, database: string | undefined): Promise<NoticeWords | undefined> {
    this.performed.push(`${verb} ${database ?? "all"}`);
    return this.refusal;
  }

  /** What is said to that, behind the login. */
  async say(write: (writer: Writer) => void): Promise<string> {
    await this.clock.advanceAsync(20);
    this.client.said.splice(0);
    this.client.send(write);
    for (let turns = 0; turns < 10; turns += 1) {
      await this.clock.advanceAsync(20);
      await turn();
    }
    return this.client.words;
  }
}

const query = (text: string) => (writer: Writer) => writeQuery(writer, text);

test("console: answers SHOW in the simple protocol, with types", async () => {
  const talk = new Talk();
  expect(await talk.say(query("SHOW VERSION"))).toBe("rowDescription dataRow commandComplete ready");
  expect(talk.client.valueOf("commandComplete")).toBe("SHOW");
  expect(await talk.say(query(""))).toBe("emptyQuery ready");
  expect(await talk.say(query("SHOW HELP"))).toBe("notice commandComplete ready");
});

test("console: answers pipelined commands one after the other", async () => {
  const talk = new Talk();
  const words = await talk.say((writer) => {
    for (const text of ["SHOW VERSION", "nonsense", "PAUSE shop", "RESUME shop"]) writeQuery(writer, text);
  });
  expect(words).toBe(
    "rowDescription dataRow commandComplete ready error ready commandComplete ready commandComplete ready",
  );
  expect(talk.performed).toEqual(["pause shop", "resume shop"]);
});

test("console: speaks the extended protocol, and skips to Sync behind an error", async () => {
  const talk = new Talk();
  const words = await talk.say((writer) => {
    writeParse(writer, "one", "SHOW VERSION", []);
    writeBind(writer, "", "one");
    writeDescribe(writer, STATEMENT, "one");
    writeExecute(writer, "", 0);
    writeSync(writer);
    writeParse(writer, "", "nonsense", []);
    writeExecute(writer, "", 0);
    writeSync(writer);
  });
  expect(words).toBe(
    "parseComplete bindComplete parameterDescription rowDescription dataRow commandComplete ready error ready",
  );
});

test("console: who may only look changes nothing", async () => {
  const talk = new Talk(false);
  expect(await talk.say(query("PAUSE"))).toBe("error ready");
  expect(talk.client.error.code).toBe(SQLSTATE.insufficientPrivilege);
  expect(talk.performed).toEqual([]);
  expect(await talk.say(query("SHOW VERSION"))).toBe("rowDescription dataRow commandComplete ready");
});

test("console: what the desk refuses or cannot do is the end of the command only", async () => {
  const talk = new Talk();
  talk.refusal = { severity: "ERROR", code: SQLSTATE.invalidDatabaseName, message: "no" };
  expect(await talk.say(query("PAUSE x"))).toBe("error ready");
  talk.fails = true;
  expect(await talk.say(query("SHOW POOLS"))).toBe("error ready");
  talk.fails = false;
  expect(await talk.say(query("SHOW POOLS"))).toBe("rowDescription dataRow commandComplete ready");
});

test("console: a name with a zero byte from elsewhere does not end a row early", async () => {
  const talk = new Talk();
  talk.rows = [["a\0b"]];
  await talk.say(query("SHOW VERSION"));
  expect(talk.client.said.find(({ name }) => name === "dataRow")?.bytes.at(-1)).toBe(0x62);
});

test("console: Terminate closes, and too long a command too", async () => {
  const talk = new Talk();
  await talk.say(writeTerminate);
  expect(talk.client.closed || talk.client.ended).toBe(true);
  const long = new Talk();
  await long.say(query("SHOW ".repeat(50_000)));
  expect(long.client.error.code).toBe(SQLSTATE.programLimitExceeded);
  expect(long.client.closed || long.client.ended).toBe(true);
  long.client.hangUp();
  await long.clock.advanceAsync(100);
  expect(long.budget.lentBytes).toBe(0);
});
