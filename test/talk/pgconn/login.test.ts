/**
 * Logins to a server, by every method, with TLS and without, on every engine; every refusal; and servers that stall or die
 * at every byte, on the simulated one. After each the places of the limit must be what the server counts.
 */
import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../../proxy/base/clock.ts";
import type { Digest } from "../../../proxy/base/digest.ts";
import type { TlsContext, Wire } from "../../../proxy/net/wire.ts";
import * as say from "../../../proxy/pg/backend-writer.ts";
import { SQLSTATE } from "../../../proxy/pg/sqlstate.ts";
import { Writer } from "../../../proxy/pg/writer.ts";
import { GRACE_MS } from "../../../proxy/pgconn/orphans.ts";
import { refusalWords } from "../../../proxy/pgconn/server-refusal.ts";
import { serverTls, SSL_MODES, type SslMode } from "../../../proxy/pgconn/server-target.ts";
import { deriveKeys } from "../../../proxy/pg/scram.ts";
import { clock as realClock } from "../../../src/run/clock.ts";
import { digest } from "../../../src/run/digest.ts";
import { FakePostgres, type FakePostgresOptions, type Method } from "../../kit/fake-postgres.ts";
import { LinkClient, LinkRig, type LinkRigOptions } from "../../kit/link-rig.ts";
import type { SimPlan } from "../../kit/net-sim.ts";
import { engines, SimRig, type Engine, type Rig } from "../../kit/net-rig.ts";

const pem = (name: string): string => readFileSync(join(import.meta.dir, "../../data/tls", name), "utf8");
const SERVER_TLS: TlsContext = { cert: pem("server.pem"), key: pem("server.key"), verify: "none" };
const CA = pem("ca.pem");
const PASSWORD = "correct horse";

interface Scene {
  readonly engine?: Engine;
  readonly server?: Partial<FakePostgresOptions>;
  readonly mode?: SslMode;
  readonly ca?: string;
  readonly unix?: boolean;
  /** As whom the server is known; its certificate says "server.test". */
  readonly name?: string;
  readonly rig?: Partial<LinkRigOptions>;
}

const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

function clockOf(net: Rig): Clock {
  return net instanceof SimRig ? net.clock : realClock;
}

function stage({
  engine = engines.simulated,
  server,
  mode = "disable",
  ca,
  unix = false,
  rig,
  name = "server.test",
}: Scene) {
  const net = engine.make();
  const postgres = new FakePostgres({ net: net.net, at: net.fresh(unix ? "unix" : "tcp"), ...server });
  const { address } = postgres;
  const named = address.path === undefined ? { host: name, port: address.port } : address;
  const tls = serverTls(mode, named, ca === undefined ? {} : { rootCert: ca });
  const links = new LinkRig({ net: net.net, clock: clockOf(net), target: { address, tls }, ...rig });
  ends.push(async () => {
    links.places.stop();
    postgres.listener.stop();
    await net.until("all links are gone", () => links.places.held === 0);
    expect(await net.end()).toEqual([]);
    expect(links.budget.lentBytes).toBe(0);
  });
  return { net, postgres, links };
}

async function logIn(scene: Scene, secret: string | undefined = PASSWORD) {
  const { net, postgres, links } = stage(scene);
  const client = new LinkClient(links.pool("shop", secret)).take();
  await net.until("the login is over", () => client.link !== undefined || client.refusal !== undefined);
  return { net, postgres, links, client };
}

const METHODS: readonly Method[] = ["trust", "cleartext", "md5", "scram"];

for (const engine of Object.values(engines)) {
  describe(`login on ${engine.name}`, () => {
    for (const method of METHODS) {
      for (const way of ["plain", "tls", "unix"] as const) {
        if (method === "cleartext" && way === "plain") continue;
        test(`${method}, ${way}: lets us in, and the link answers`, async () => {
          const server = { method, password: PASSWORD, ...(way === "tls" ? { tls: SERVER_TLS } : {}) };
          const scene = { engine, server, unix: way === "unix", mode: way === "tls" ? "require" : "disable" } as const;
          const { net, client, postgres, links } = await logIn(scene);
          expect(client.refusal?.message).toBeUndefined();
          expect(client.link?.parameters.get("server_version")).toBe("15.18");
          expect(client.link?.wire.tls !== undefined).toBe(way === "tls");
          expect(postgres.startups.at(-1)?.get("database")).toBe("shop");
          client.ask("select 1");
          await net.until("it answers", () => client.readies === 1);
          client.give();
          expect(links.pool("shop", PASSWORD).user).toBe("shop");
          expect(links.places.taken).toBe(1);
        });
      }
    }

    test("a wrong password: the client hears 28P01, and nothing of whose it is", async () => {
      const { client, net, links } = await logIn({ engine, server: { method: "scram", password: "other" } });
      expect(client.refusal?.code).toBe("SERVER_LOGIN");
      const words = refusalWords(client.refusal!);
      expect(words.code).toBe("28P01");
      expect(JSON.stringify(words)).not.toContain("secret");
      await net.until("the place is free", () => links.places.taken === 0);
    });
  });
}

describe("login", () => {
  test("sslmode: what each does with a server that speaks TLS, and with one that does not", async () => {
    const seen: Record<string, string> = {};
    for (const mode of SSL_MODES) {
      for (const tls of [SERVER_TLS, undefined]) {
        const { client } = await logIn({ mode, ca: CA, server: tls === undefined ? {} : { tls } });
        const how =
          client.link === undefined ? client.refusal?.code : client.link.wire.tls === undefined ? "plain" : "tls";
        seen[`${mode} ${tls === undefined ? "without" : "with"}`] = how ?? "";
      }
    }
    expect(seen).toEqual({
      "disable with": "plain",
      "disable without": "plain",
      "prefer with": "tls",
      "prefer without": "plain",
      "require with": "tls",
      "require without": "SERVER_LOGIN",
      "verify-ca with": "tls",
      "verify-ca without": "SERVER_LOGIN",
      "verify-full with": "tls",
      "verify-full without": "SERVER_LOGIN",
    });
  });

  test("a certificate of another name: only verify-full looks", async () => {
    const scene = { ca: CA, server: { tls: SERVER_TLS }, name: "other.test" };
    expect((await logIn({ ...scene, mode: "verify-ca" })).client.link).toBeDefined();
    expect((await logIn({ ...scene, mode: "verify-full" })).client.refusal?.code).toBe("SERVER_LOGIN");
  });

  test("a certificate of nobody we trust: verify-ca, verify-full and require with a root refuse it", async () => {
    const tls = { cert: pem("stranger.pem"), key: pem("stranger.key"), verify: "none" } as const;
    for (const mode of ["require", "verify-ca", "verify-full"] as const) {
      const { client } = await logIn({ mode, ca: CA, server: { tls } });
      expect([mode, client.refusal?.code]).toEqual([mode, "SERVER_LOGIN"]);
    }
    expect((await logIn({ mode: "require", server: { tls } })).client.link).toBeDefined();
  });

  test("a password in the clear is not said on a wire that others read", async () => {
    const { client } = await logIn({ server: { method: "cleartext", password: PASSWORD } });
    expect(client.refusal?.message).toBe(
      "Cannot log in: the server wants the password in the clear, on a wire that is not encrypted",
    );
  });

  test("scram: rounds are computed once, and again when the salt has changed", async () => {
    let derived = 0;
    const pbkdf2Sha256: Digest["pbkdf2Sha256"] = (password, salt, iterations) => {
      derived += 1;
      return digest.pbkdf2Sha256(password, salt, iterations);
    };
    const rig = { digest: { ...digest, pbkdf2Sha256 } };
    const { net, client, postgres } = await logIn({ server: { method: "scram", password: PASSWORD }, rig });
    const clients = [new LinkClient(client.pool).take()];
    await net.until("another link", () => clients[0]?.link !== undefined);
    expect(derived).toBe(1);
    postgres.options = { ...postgres.options, salt: new Uint8Array(16).fill(8) };
    const third = new LinkClient(client.pool).take();
    await net.until("a third link", () => third.link !== undefined);
    expect(derived).toBe(2);
  });

  test("scram: keys that a client has shown are enough", async () => {
    const keys = deriveKeys(digest, PASSWORD, { salt: new Uint8Array(16).fill(7), iterations: 2 });
    const { net, links } = stage({ server: { method: "scram", password: PASSWORD } });
    const client = new LinkClient(links.pool("shop", keys)).take();
    await net.until("a link", () => client.link !== undefined);
  });

  test("a parameter that an old server does not know is left out at the second try", async () => {
    const { postgres, client } = await logIn({ server: { unknown: ["client_connection_check_interval"] } });
    expect(client.link).toBeDefined();
    expect(postgres.startups.map((one) => one.get("client_connection_check_interval"))).toEqual(["2000", undefined]);
  });

  for (const [code, faultCode] of [
    ["28000", "SERVER_LOGIN"],
    ["3D000", "SERVER_LOGIN"],
    ["42501", "SERVER_LOGIN"],
  ] as const) {
    test(`refused with ${code}: the waiter hears it at once`, async () => {
      const refusal = { severity: "FATAL", code, message: "no" } as const;
      const { client } = await logIn({ server: { refusal } });
      expect(client.refusal?.code).toBe(faultCode);
      expect(refusalWords(client.refusal!).code).toBe(code);
    });
  }

  for (const code of ["57P03", "53300"] as const) {
    test(`refused with ${code}: who waits goes on waiting, and is let in later`, async () => {
      const { net, postgres, links } = stage({ server: { refusal: { severity: "FATAL", code, message: "not now" } } });
      const client = new LinkClient(links.pool()).take();
      await net.until("it was refused thrice", () => postgres.startups.length === 3);
      expect(client.refusal).toBeUndefined();
      const { refusal: _, ...kind } = postgres.options;
      postgres.options = kind;
      await net.until("it is in", () => client.link !== undefined);
    });
  }

  test("who waits too long hears why the server let nobody in", async () => {
    const refusal = { severity: "FATAL", code: "57P03", message: "the database system is starting up" } as const;
    const { net, links } = stage({ server: { refusal }, rig: { knobs: { waitTimeoutMs: 1_000 } } });
    const client = new LinkClient(links.pool()).take();
    await net.until("it gives up", () => client.refusal !== undefined);
    expect(refusalWords(client.refusal!)).toMatchObject({ code: SQLSTATE.cannotConnectNow, message: refusal.message });
  });

  test("nobody listens: logins come ever more slowly", async () => {
    const { net, postgres, links } = stage({});
    postgres.listener.stop();
    const client = new LinkClient(links.pool()).take();
    await (net as SimRig).clock.advanceAsync(20_000);
    const tries = links.log.entries.filter(({ event }) => event === "link_refused").length;
    expect(tries).toBeGreaterThan(6);
    expect(tries).toBeLessThan(16);
    expect(client.refusal).toBeUndefined();
    expect(links.places.taken).toBe(0);
  });
});

/** A server that says `words` to the start-up packet, whatever it is. */
function liar(net: Rig, write: (writer: Writer) => void, answer?: Uint8Array) {
  const writer = new Writer(1 << 20);
  write(writer);
  const heard: Uint8Array[] = [];
  const listener = net.net.listen(net.fresh("tcp"), () => ({
    data(wire: Wire, bytes: Uint8Array, start: number, end: number) {
      heard.push(bytes.slice(start, end));
      if (answer !== undefined && heard.length === 1) wire.write(answer, 0, answer.length);
      else if (writer.length > 0) wire.write(writer.bytes, 0, writer.end);
      writer.clear();
    },
    drain() {},
    end: (wire: Wire) => wire.end(),
    close() {},
  }));
  return { listener, heard };
}

describe("a server that lies", () => {
  const ROWS: readonly (readonly [string, (writer: Writer) => void, string])[] = [
    ["goes on before it has asked", (w) => say.writeReady(w, 0x49), '"ready" is not awaited while proving'],
    ["sends a row", (w) => say.writeDataRow(w, ["x"]), "is not allowed in the phase login"],
    [
      "asks twice",
      (w) => (say.writeAuthenticationMd5(w, new Uint8Array(4)), say.writeAuthenticationMd5(w, new Uint8Array(4))),
      "does not follow",
    ],
    [
      "believes in the middle of SCRAM",
      (w) => (say.writeAuthenticationSasl(w, ["SCRAM-SHA-256"]), say.writeAuthenticationOk(w)),
      "has not proved",
    ],
    [
      "continues SCRAM that was not begun",
      (w) => say.writeAuthenticationSaslContinue(w, "r=x,s=eA==,i=1"),
      "does not follow",
    ],
    [
      "wants ten million rounds",
      (w) => (
        say.writeAuthenticationSasl(w, ["SCRAM-SHA-256"]),
        say.writeAuthenticationSaslContinue(w, "r=x,s=eA==,i=10000000")
      ),
      "nonce",
    ],
    [
      "begins inside of a transaction",
      (w) => (say.writeAuthenticationOk(w), say.writeReady(w, 0x54)),
      "inside of a transaction",
    ],
    [
      "says rows behind its last word",
      (w) => (say.writeAuthenticationOk(w), say.writeReady(w, 0x49), say.writeDataRow(w, ["x"])),
      "it is idle",
    ],
    ["offers another version", (w) => say.writeNegotiation(w, { minor: 2, extensions: [] }), "is not awaited"],
    ["offers no mechanism of ours", (w) => say.writeAuthenticationSasl(w, ["OAUTHBEARER"]), "offers no SCRAM-SHA-256"],
    ["wants GSS", (w) => w.begin(0x52).int32(7).close(), "which is not spoken"],
  ];
  for (const [name, write, what] of ROWS) {
    test(`${name}: the login fails, and the next waits`, async () => {
      const net = engines.simulated.make();
      const { listener } = liar(net, write);
      const links = new LinkRig({ net: net.net, clock: clockOf(net), target: { address: listener.address } });
      const client = new LinkClient(links.pool("shop", PASSWORD)).take();
      await net.until("it failed", () => links.log.entries.some(({ event }) => event === "link_refused"));
      expect(String(links.log.entries.find(({ event }) => event === "link_refused")?.fields["why"])).toContain(what);
      links.places.stop();
      expect(client.link).toBeUndefined();
      await net.until("its places are free or watched", () => links.places.held === 0);
    });
  }

  for (const [name, answer] of [
    ["plaintext behind its yes", new Uint8Array([0x53, 0x52])],
    ["plaintext behind its no", new Uint8Array([0x4e, 0x52])],
    ["an error to the wish for TLS", new Uint8Array([0x45, 0, 0, 0, 8])],
  ] as const) {
    test(`${name}: refused, and nothing more is said`, async () => {
      const net = engines.simulated.make();
      const { listener, heard } = liar(net, () => undefined, answer);
      const tls = serverTls("prefer", { host: "localhost", port: 1 });
      const links = new LinkRig({ net: net.net, clock: clockOf(net), target: { address: listener.address, tls } });
      new LinkClient(links.pool("shop", PASSWORD)).take();
      await net.until("it failed", () => links.log.entries.some(({ event }) => event === "link_refused"));
      expect(Buffer.concat(heard).length).toBe(8);
      links.places.stop();
    });
  }
});

/** The first login meets the accident, the second does not. */
async function accident(kind: keyof SimPlan, at: number): Promise<void> {
  const net = new SimRig(at + 1, undefined, { plan: (_, count) => (count === 0 ? { [kind]: at } : {}) });
  const server = { method: "scram", password: PASSWORD, tls: SERVER_TLS } as const;
  const postgres = new FakePostgres({ net: net.net, ...server });
  const tls = serverTls("require", postgres.address);
  const knobs = { size: 2, loginTimeoutMs: 300, closeTimeoutMs: 200 };
  const links = new LinkRig({ net: net.net, clock: net.clock, target: { address: postgres.address, tls }, knobs });
  const client = new LinkClient(links.pool("shop", PASSWORD)).take();
  await net.until(`a link (${kind} ${at})`, () => {
    // A handshake that was cut off looks like a server that refuses: whoever hears it may try again.
    if (client.refusal !== undefined && client.link === undefined && !client.ticket.waits) client.take();
    return client.link !== undefined;
  });
  client.give();
  await net.clock.advanceAsync(GRACE_MS + 2_000);
  expect([at, links.places.taken]).toEqual([at, 1]);
  links.places.stop();
}

describe("a server that stalls or dies", () => {
  const BYTES = 420;
  for (const kind of ["downResetAtByte", "upResetAtByte", "downStallAtByte", "upStallAtByte"] as const) {
    test(`${kind}, at every byte of a SCRAM login over TLS: the next try gets in, and no place is lost`, async () => {
      const stride = kind.includes("Stall") ? 7 : 1;
      for (let at = 0; at < BYTES; at += stride) await accident(kind, at);
    }, 60_000);
  }
});
