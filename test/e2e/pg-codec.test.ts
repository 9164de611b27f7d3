/**
 * The codec against a real Postgres, the one that `scale up` brings: login, simple and extended protocol, pipelines with
 * errors, COPY both ways, function calls, notices, notifications, cancel. Every byte that the server sends is framed and
 * read, in chunks of random sizes. The seed is printed; SCALE_SEED repeats a run.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { PORTAL, STATEMENT } from "../../proxy/pg/frontend.ts";
import {
  writeBind,
  writeClose,
  writeCopyData,
  writeCopyDone,
  writeCopyFail,
  writeDescribe,
  writeExecute,
  writeFlush,
  writeParse,
  writeQuery,
  writeSync,
} from "../../proxy/pg/frontend-writer.ts";
import { isMd5Secret, md5Secret } from "../../proxy/pg/md5.ts";
import { parseVerifier, SCRAM } from "../../proxy/pg/scram.ts";
import { ScramClient } from "../../proxy/pg/scram-client.ts";
import { ScramServer } from "../../proxy/pg/scram-server.ts";
import { writeCancelRequest } from "../../proxy/pg/startup.ts";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import { digest } from "../../src/run/digest.ts";
import { openFolder } from "../kit/open-folder.ts";
import { askForTls, dialPg, loginOf, PgRefusal, type Login, type PgTalk, type Said } from "../kit/pg-talk.ts";
import { SeededRng } from "../kit/rng.ts";
import { scaleUp, type Up } from "../kit/scale-up.ts";

const START_MS = 60_000;
const SEED = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
const rng = new SeededRng(SEED);
const folder = openFolder("pg-codec");
let up: Up | undefined;
let login: Login;

beforeAll(async () => {
  console.log(`pg-codec: SCALE_SEED=${SEED}`);
  up = await scaleUp({ folder, words: ["--ephemeral"] });
  login = loginOf(up.databaseUrl);
}, START_MS);
afterAll(async () => {
  await up?.stop();
  rmSync(folder, { recursive: true, force: true });
}, START_MS);

async function talking<T>(use: (talk: PgTalk) => Promise<T>, minor = 0): Promise<T> {
  const talk = await dialPg(login, rng);
  await talk.logIn(login, minor);
  const result = await use(talk);
  await talk.end();
  expect(talk.budget.lentBytes).toBe(0);
  return result;
}

async function query(talk: PgTalk, text: string): Promise<readonly Said[]> {
  talk.send((writer) => writeQuery(writer, text));
  return talk.until("ready");
}

function names(said: readonly Said[]): string[] {
  return said.map(({ name }) => name);
}

function valueOf(said: readonly Said[], name: string): unknown {
  return said.find((one) => one.name === name)?.value;
}

/** Of the first column of each row, as text. */
function firstValues(said: readonly Said[]): string[] {
  const rows = said.filter(({ name }) => name === "dataRow").map(({ bytes }) => bytes);
  return rows.map((bytes) => {
    const length = new DataView(bytes.buffer, bytes.byteOffset).getInt32(7);
    return new TextDecoder().decode(bytes.subarray(11, 11 + length));
  });
}

test("login: SCRAM, then what a session begins with", async () => {
  const talk = await dialPg(login, rng);
  const said = await talk.logIn(login, 0, [["application_name", "codec"]]);
  expect(said.at(-1)?.value).toBe("I");
  const statuses = said.filter(({ name }) => name === "parameterStatus").map(({ value }) => value);
  expect(statuses).toContainEqual(["application_name", "codec"]);
  expect(statuses).toContainEqual(["client_encoding", "UTF8"]);
  expect(valueOf(said, "backendKeyData")).toMatchObject({ key: { length: 4 } });
  await talk.end();
});

test("login: a wrong password is 28P01, whether the user exists or not", async () => {
  for (const user of [login.user, "nobody-of-this-name"]) {
    const talk = await dialPg(login, rng);
    const refusal = await talk.logIn({ ...login, user, password: "wrong" }).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(PgRefusal);
    expect((refusal as PgRefusal).fields).toMatchObject({ code: "28P01", severityPlain: "FATAL" });
  }
});

test("login: protocol 3.2 has a longer key, and more than the server has is negotiated", async () => {
  const newer = await dialPg(login, rng);
  const said = await newer.logIn(login, 2);
  expect((valueOf(said, "backendKeyData") as { readonly key: Uint8Array }).key.length).toBeGreaterThan(4);
  await newer.end();
  const newest = await dialPg(login, rng);
  newest.send((writer) =>
    writer
      .beginUntagged()
      .uint16(3)
      .uint16(9999)
      .text("user")
      .text(login.user)
      .text("_pq_.grease")
      .text("1")
      .byte(0)
      .close(),
  );
  const [negotiation] = await newest.until("negotiateVersion");
  expect(negotiation?.value).toEqual({ minor: 2, extensions: ["_pq_.grease"] });
  await newest.until("authentication");
});

test("login: a wish for TLS is answered by one byte", async () => {
  expect(["granted", "refused"]).toContain(await askForTls(login));
});

test("simple protocol: several statements, none, notices, errors", async () => {
  await talking(async (talk) => {
    const several = await query(talk, "select 1 as a; select 'é', null; create temp table t (a int)");
    expect(names(several)).toEqual([
      "rowDescription",
      "dataRow",
      "commandComplete",
      "rowDescription",
      "dataRow",
      "commandComplete",
      "commandComplete",
      "ready",
    ]);
    expect(firstValues(several)).toEqual(["1", "é"]);
    expect(names(await query(talk, ""))).toEqual(["emptyQuery", "ready"]);
    const noticed = await query(talk, "do $$ begin raise notice 'hear %', repeat('!', 3000); end $$");
    expect(names(noticed)).toEqual(["notice", "commandComplete", "ready"]);
    expect(valueOf(noticed, "notice")).toMatchObject({ severityPlain: "NOTICE", message: `hear ${"!".repeat(3000)}` });
    const failed = await query(talk, "begin; select 1; select wrong");
    expect(valueOf(failed, "error")).toMatchObject({ code: "42703", position: "25", routine: "errorMissingColumn" });
    expect(failed.at(-1)?.value).toBe("E");
    expect((await query(talk, "rollback")).at(-1)?.value).toBe("I");
  });
});

test("simple protocol: many rows, and rows and queries of many megabytes", async () => {
  await talking(async (talk) => {
    expect(valueOf(await query(talk, "select * from generate_series(1, 20000)"), "commandComplete")).toBe(
      "SELECT 20000",
    );
    const [row] = firstValues(await query(talk, "select repeat('x', 5000000)"));
    expect(row?.length).toBe(5_000_000);
    expect(firstValues(await query(talk, `select length('${"y".repeat(3_000_000)}')`))).toEqual(["3000000"]);
  });
}, 30_000);

test("extended protocol: a pipeline of three batches, the second of which fails", async () => {
  await talking(async (talk) => {
    talk.send((writer) => {
      writeParse(writer, "s", "select $1::int + 1, $2::text", [0, 25]);
      writeDescribe(writer, STATEMENT, "s");
      writeBind(writer, "p", "s", ["41", null]);
      writeDescribe(writer, PORTAL, "p");
      writeExecute(writer, "p", 0);
      writeSync(writer);
      writeBind(writer, "", "s", ["no number", null]);
      writeExecute(writer, "", 0);
      writeBind(writer, "", "s", ["1", null]);
      writeSync(writer);
      writeBind(writer, "", "s", ["1", "text"]);
      writeExecute(writer, "", 0);
      writeClose(writer, STATEMENT, "s");
      writeSync(writer);
    });
    const first = await talk.until("ready");
    expect(names(first)).toEqual([
      "parseComplete",
      "parameterDescription",
      "rowDescription",
      "bindComplete",
      "rowDescription",
      "dataRow",
      "commandComplete",
      "ready",
    ]);
    expect([valueOf(first, "parameterDescription"), firstValues(first)]).toEqual([2, ["42"]]);
    const second = await talk.until("ready");
    expect(names(second)).toEqual(["error", "ready"]);
    expect(valueOf(second, "error")).toMatchObject({ code: "22P02" });
    const third = await talk.until("ready");
    expect(names(third)).toEqual(["bindComplete", "dataRow", "commandComplete", "closeComplete", "ready"]);
  });
});

test("extended protocol: Flush without Sync, a suspended portal, nothing to describe", async () => {
  await talking(async (talk) => {
    talk.send((writer) => {
      writeParse(writer, "", "select * from generate_series(1, 5)");
      writeBind(writer, "c", "");
      writeExecute(writer, "c", 2);
      writeFlush(writer);
    });
    expect(firstValues(await talk.until("portalSuspended"))).toEqual(["1", "2"]);
    talk.send((writer) => {
      writeExecute(writer, "c", 0);
      writeParse(writer, "", "");
      writeDescribe(writer, STATEMENT, "");
      writeBind(writer, "", "");
      writeExecute(writer, "", 0);
      writeSync(writer);
    });
    const rest = await talk.until("ready");
    expect(firstValues(rest)).toEqual(["3", "4", "5"]);
    expect(names(rest).slice(4)).toEqual([
      "parseComplete",
      "parameterDescription",
      "noData",
      "bindComplete",
      "emptyQuery",
      "ready",
    ]);
  });
});

test("a message whose fields lie: Postgres answers with an error and goes on, as our readers say", async () => {
  await talking(async (talk) => {
    talk.send((writer) => {
      writer.begin(FRONTEND.query).raw(new TextEncoder().encode("select 1\0 2\0"), 0, 12).close();
      writer.begin(FRONTEND.bind).text("").text("").uint16(0).uint16(9).uint16(0).uint16(0).close();
      writeSync(writer);
    });
    const first = await talk.until("ready");
    expect(valueOf(first, "error")).toMatchObject({ code: "08P01", severityPlain: "ERROR" });
    expect(names(await talk.until("ready")).at(0)).toBe("error");
    expect(firstValues(await query(talk, "select 1"))).toEqual(["1"]);
  });
});

test("COPY: out, in, and given up", async () => {
  await talking(async (talk) => {
    await query(talk, "create temp table t (a int, b text)");
    const lines = Array.from({ length: 500 }, (_, index) => new TextEncoder().encode(`${index}\tline ${index}\n`));
    talk.send((writer) => writeQuery(writer, "copy t from stdin"));
    expect((await talk.until("copyIn")).at(-1)?.value).toBe(2);
    talk.send((writer) => {
      for (const bytes of lines) writeCopyData(writer, { bytes, start: 0, end: bytes.length });
      writeCopyDone(writer);
    });
    expect(valueOf(await talk.until("ready"), "commandComplete")).toBe("COPY 500");
    const out = await query(talk, "copy t to stdout");
    expect(names(out).slice(-3)).toEqual(["copyDone", "commandComplete", "ready"]);
    expect(out.filter(({ name }) => name === "copyData").map(({ bytes }) => bytes.subarray(5))).toEqual(lines);
    talk.send((writer) => {
      writeQuery(writer, "copy t from stdin");
      writeCopyFail(writer, "changed my mind");
    });
    const given = await talk.until("ready");
    expect(valueOf(given, "error")).toMatchObject({
      code: "57014",
      message: expect.stringContaining("changed my mind"),
    });
  });
});

test("function call, and notifications", async () => {
  await talking(async (talk) => {
    const [id] = firstValues(await query(talk, "select 'pg_catalog.abs(integer)'::regprocedure::oid"));
    talk.send((writer) =>
      writer.begin(FRONTEND.functionCall).uint32(Number(id)).uint16(0).uint16(1).value("-5").uint16(0).close(),
    );
    const called = await talk.until("ready");
    expect(names(called)).toEqual(["functionResult", "ready"]);
    expect(new TextDecoder().decode(valueOf(called, "functionResult") as Uint8Array)).toBe("5");
    const heard = await query(talk, "listen here; notify here, 'words'");
    expect(valueOf(heard, "notification")).toEqual(["here", "words"]);
  });
});

test.each([0, 2])("cancel: with the key of protocol 3.%p", async (minor) => {
  const talk = await dialPg(login, rng);
  const said = await talk.logIn(login, minor);
  const { processId, key } = valueOf(said, "backendKeyData") as {
    readonly processId: number;
    readonly key: Uint8Array;
  };
  talk.send((writer) => writeQuery(writer, "select pg_sleep(60)"));
  // Until the server is in it: a cancel that comes earlier is lost, as it should be.
  const sleeping = `select 1 from pg_stat_activity where pid = ${processId} and wait_event = 'PgSleep'`;
  await talking(async (other) => {
    while (firstValues(await query(other, sleeping)).length === 0);
  });
  const canceller = await dialPg(login, rng);
  canceller.send((writer) => writeCancelRequest(writer, processId, key));
  expect(valueOf(await talk.until("ready"), "error")).toMatchObject({ code: "57014" });
  await talk.end();
});

test("passwords of every alphabet: Postgres prepares them as we do, and its verifiers are ours", async () => {
  const passwords = [
    "plain",
    "pässwörd",
    "I\u00adX\u2168",
    "a\u00a0b\u200bc",
    "\u0627\u0031\ufe81",
    "\u0627\u0031\u2168",
  ];
  const odd = ["\u2168\u{1f600}", "\u00ad", "\u2168\ue000", "пароль", "e\u0301", "tab\there"];
  await talking(async (talk) => {
    for (const password of [...passwords, ...odd]) {
      await query(talk, `drop role if exists codec; create role codec login password '${password}'`);
      const [stored = ""] = firstValues(await query(talk, "select rolpassword from pg_authid where rolname = 'codec'"));
      const verifier = parseVerifier(stored);
      if (verifier === undefined) throw new Error(`Cannot read the verifier "${stored}"`);
      const nonce = { digest, nonce: "x" };
      const server = new ScramServer({ ...nonce, verifier });
      const options = { secret: { password }, mechanisms: server.mechanisms, iterationsMax: 10_000 };
      const client = new ScramClient({ ...nonce, ...options });
      client.verify(server.finish(client.final(server.challenge(SCRAM, client.first()))));
      const other = await dialPg(login, rng);
      expect((await other.logIn({ ...login, user: "codec", password })).at(-1)?.value).toBe("I");
      await other.end();
    }
    await query(talk, "drop role codec");
  });
}, 30_000);

test("md5: what the server stores is what we say it does", async () => {
  await talking(async (talk) => {
    await query(talk, "set password_encryption = 'md5'; create role codec_md5 login password 'pencil'");
    const [stored = ""] = firstValues(
      await query(talk, "select rolpassword from pg_authid where rolname = 'codec_md5'"),
    );
    expect([isMd5Secret(stored), stored]).toEqual([true, md5Secret(digest, "codec_md5", "pencil")]);
    await query(talk, "drop role codec_md5");
  });
});
