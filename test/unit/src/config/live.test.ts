/** What `check --live` makes of answers; the servers are ours and say what a test wants. Real ones: test/e2e/check-live. */
import { afterEach, describe, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { checkLive } from "../../../../src/config/live.ts";
import { load } from "../../../../src/config/load.ts";

type Answer = Readonly<Record<string, string>> | { readonly sqlstate: string } | "silent" | "hang up";

const HEALTHY = { version: "180004", places: "97", wal_level: "replica", prepared: "0", in_recovery: "f" };
const OIDS: Readonly<Record<string, number>> = {
  version: 23,
  places: 23,
  wal_level: 25,
  prepared: 23,
  in_recovery: 16,
};

const listeners: TCPSocketListener[] = [];
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.stop(true);
});

function frame(tag: string, ...parts: readonly (string | number | Uint8Array)[]): Buffer {
  const body = Buffer.concat(
    parts.map((part) =>
      typeof part === "string" ? Buffer.from(`${part}\0`) : typeof part === "number" ? int32(part) : part,
    ),
  );
  return Buffer.concat([Buffer.from(tag), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

const READY = frame("Z", Buffer.from("I"));

function rowFrames(facts: Readonly<Record<string, string>>): Buffer {
  const names = Object.keys(facts);
  const columns = names.map((name) =>
    Buffer.concat([
      Buffer.from(`${name}\0`),
      int32(0),
      int16(0),
      int32(OIDS[name] ?? 25),
      int16(-1),
      int32(-1),
      int16(0),
    ]),
  );
  const values = Object.values(facts).map((value) => Buffer.concat([int32(value.length), Buffer.from(value)]));
  return Buffer.concat([
    frame("T", int16(names.length), ...columns),
    frame("D", int16(names.length), ...values),
    frame("C", "SELECT 1"),
    READY,
  ]);
}

/** A server that lets everyone in and answers each query the same; returns its port. */
function fakePostgres(answer: Answer): number {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket, bytes) {
        if (answer === "silent") return;
        if (answer === "hang up") return void socket.end();
        if ("sqlstate" in answer)
          return void socket.write(
            frame("E", "SFATAL", "VFATAL", `C${answer["sqlstate"]}`, "Mhunter2", Buffer.alloc(1)),
          );
        const isStartup = bytes[0] === 0;
        if (isStartup)
          socket.write(Buffer.concat([frame("R", 0), frame("S", "server_version", "18.4"), frame("K", 1, 2), READY]));
        else if (bytes[0] === "Q".charCodeAt(0)) socket.write(rowFrames(answer as Readonly<Record<string, string>>));
      },
    },
  });
  listeners.push(listener);
  return listener.port;
}

async function problemsOf(set: Readonly<Record<string, string | number>>): Promise<string[]> {
  const flags = Object.entries(set).map(([path, text]) => ({ path, text: String(text), flag: "--set" }));
  const loaded = await load({ flags, env: {}, folder: import.meta.dir });
  const problems = await checkLive(loaded, 300);
  for (const { parts, message } of problems) {
    expect(parts.where?.file).toBe("flag --set");
    expect(`${message} ${parts.fix}`).not.toContain("hunter2");
  }
  return problems.map(({ code, message }) => `${code} ${message}`);
}

const url = (port: number) => `postgres://shop:hunter2@127.0.0.1:${port}/shop`;

describe("checkLive: Postgres", () => {
  test("a good primary and a good replica are no problem", async () => {
    const set = {
      "postgres.main.primary": url(fakePostgres(HEALTHY)),
      "postgres.main.replicas": url(fakePostgres({ ...HEALTHY, in_recovery: "t" })),
      "app.pool.max": 97,
    };
    expect(await problemsOf(set)).toEqual([]);
  });

  test.each<[string, Readonly<Record<string, string>>, string[]]>([
    [
      "too old",
      { version: "130012" },
      ["CONFIG_LIVE_VERSION Cannot use postgres.main.primary: it is Postgres 13, wanted 14 or later"],
    ],
    [
      "in recovery",
      { in_recovery: "t" },
      ["CONFIG_LIVE_ROLE Cannot use postgres.main.primary: it is in recovery and takes no writes"],
    ],
    [
      "too small",
      { places: "19" },
      ["CONFIG_LIVE_CONNECTIONS Cannot open 20 connections to postgres.main.primary: it accepts 19"],
    ],
    ["without replicas, minimal", { wal_level: "minimal" }, []],
  ])("a primary that is %s", async (_, facts, expected) => {
    const set = { "postgres.main.primary": url(fakePostgres({ ...HEALTHY, ...facts })), "app.listen": 0 };
    expect(await problemsOf(set)).toEqual(expected);
  });

  test("a primary of replicas needs its wal_level, a replica must follow", async () => {
    const set = {
      "postgres.main.primary": url(fakePostgres({ ...HEALTHY, wal_level: "minimal" })),
      "postgres.main.replicas": url(fakePostgres(HEALTHY)),
    };
    expect(await problemsOf(set)).toEqual([
      'CONFIG_LIVE_WAL_LEVEL Cannot have replicas of postgres.main.primary: its wal_level is "minimal", wanted "replica" or "logical"',
      "CONFIG_LIVE_ROLE Cannot use postgres.main.replicas[0]: it is not in recovery and follows nobody",
    ]);
  });

  test("what several roles want of one store is added up; a shard needs two-phase commits", async () => {
    const set = {
      "postgres.main.primary": url(fakePostgres({ ...HEALTHY, places: "50" })),
      "pool.databases.a.store": "main",
      "pool.databases.a.size": 30,
      "pool.databases.b.store": "main",
      "pool.listen": 0,
      "router.shards": "main",
      "router.listen": 0,
    };
    expect(await problemsOf(set)).toEqual([
      "CONFIG_LIVE_CONNECTIONS Cannot open 70 connections to postgres.main.primary: it accepts 50",
      "CONFIG_LIVE_PREPARED Cannot commit over several shards on postgres.main.primary: its max_prepared_transactions is 0",
    ]);
  });

  test.each<[string, Answer, string]>([
    [
      "refuses the password",
      { sqlstate: "28P01" },
      "CONFIG_LIVE_LOGIN Cannot log in to postgres.main.primary: it refuses the user or the password (SQLSTATE 28P01)",
    ],
    [
      "has no such database",
      { sqlstate: "3D000" },
      "CONFIG_LIVE_LOGIN Cannot log in to postgres.main.primary: there is no such database (SQLSTATE 3D000)",
    ],
    ["is starting up", { sqlstate: "57P03" }, "CONFIG_LIVE_UNREACHABLE Cannot reach postgres.main.primary: 57P03"],
    [
      "is no Postgres",
      "hang up",
      "CONFIG_LIVE_UNREACHABLE Cannot reach postgres.main.primary: no answer in time, so it may not be Postgres",
    ],
    ["says nothing", "silent", "CONFIG_LIVE_UNREACHABLE Cannot reach postgres.main.primary: no answer in time"],
  ])(
    "a server that %s",
    async (_, answer, expected) => {
      expect(await problemsOf({ "postgres.main.primary": url(fakePostgres(answer)) })).toEqual([expected]);
    },
    15_000,
  );

  test("nobody there, and no such host", async () => {
    const port = fakePostgres(HEALTHY);
    for (const listener of listeners.splice(0)) listener.stop(true);
    expect(await problemsOf({ "postgres.main.primary": url(port) })).toEqual([
      "CONFIG_LIVE_UNREACHABLE Cannot reach postgres.main.primary: nobody listens there",
    ]);
  });
});

describe("checkLive: addresses", () => {
  test("a port that another process has, and one that is free", async () => {
    const port = fakePostgres("silent");
    expect(
      await problemsOf({ "app.listen": port, "lb.listen": `127.0.0.1:0,127.0.0.1:${port}`, "admin.listen": 0 }),
    ).toEqual([
      "CONFIG_LIVE_LISTEN Cannot listen on app.listen: another process has it",
      "CONFIG_LIVE_LISTEN Cannot listen on lb.listen[1].address: another process has it",
    ]);
  });

  test("an address of another machine; a unix socket is left alone", async () => {
    expect(await problemsOf({ "app.listen": "192.0.2.1:3000", "admin.listen": "unix:/nowhere/at/all" })).toEqual([
      "CONFIG_LIVE_LISTEN Cannot listen on app.listen: it is not an address of this machine",
    ]);
  });
});
