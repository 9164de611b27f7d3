/** A client at the gate, over a simulated network in which every byte may come alone: what it is told, and what it is not. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import type { Fault } from "../../../../proxy/base/fault.ts";
import type { TlsContext, Wire, WireEvents } from "../../../../proxy/net/wire.ts";
import { writePassword, writeQuery, writeSaslAnswer, writeSaslInitial } from "../../../../proxy/pg/frontend-writer.ts";
import { md5Answer, md5Secret } from "../../../../proxy/pg/md5.ts";
import type { NoticeWords } from "../../../../proxy/pg/notice.ts";
import { makeNonce, SCRAM, SCRAM_PLUS } from "../../../../proxy/pg/scram.ts";
import { ScramClient } from "../../../../proxy/pg/scram-client.ts";
import { SQLSTATE } from "../../../../proxy/pg/sqlstate.ts";
import { writeCancelRequest, writeGssRequest, writeSslRequest, writeStartup } from "../../../../proxy/pg/startup.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { Credentials } from "../../../../proxy/pgconn/credentials.ts";
import { ALPN, Gate, type Gatehouse, type Newcomer, type Welcome } from "../../../../proxy/pgconn/gate.ts";
import { digest } from "../../../../src/run/digest.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { SimNet } from "../../../kit/net-sim.ts";
import { StingyNet } from "../../../kit/net-stingy.ts";
import { PgFrontend } from "../../../kit/pg-frontend.ts";
import { SeededRng } from "../../../kit/rng.ts";

const AT = { host: "127.0.0.1", port: 6432 };
const TLS = join(import.meta.dir, "../../../data/tls");
const server: TlsContext = {
  cert: readFileSync(join(TLS, "server.pem"), "utf8"),
  key: readFileSync(join(TLS, "server.key"), "utf8"),
  verify: "none",
};
const BINDING = new Uint8Array(32).fill(7);
const MOCK_SECRET = new Uint8Array(32).fill(9);
const DEADLINE_MS = 60_000;

/** What stands behind the gate once a client is in: it keeps what it hears. */
class Inside implements WireEvents {
  heard: number[] = [];
  closed = false;
  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    this.heard.push(...bytes.subarray(start, end));
  }
  drain(): void {
    return undefined;
  }
  end(wire: Wire): void {
    wire.end();
  }
  close(): void {
    this.closed = true;
  }
}

interface HouseOptions {
  readonly tls?: TlsContext;
  readonly tlsRequired?: boolean;
  /** By user; "trust" needs nothing. */
  readonly users?: Readonly<Record<string, string>>;
  readonly refusal?: NoticeWords;
  /** Does not answer by itself. */
  readonly silent?: boolean;
}

class House implements Gatehouse {
  readonly clock = new FakeClock();
  readonly rng: SeededRng;
  readonly net: SimNet;
  readonly digest = digest;
  readonly budget = new Budget(0x100000);
  readonly writer = new Writer(0x10000);
  readonly gates = new Set<Gate>();
  readonly faults: string[] = [];
  readonly newcomers: Newcomer[] = [];
  readonly cancels: { processId: number; key: Uint8Array; done: () => void }[] = [];
  readonly inside = new Inside();
  readonly options: HouseOptions;
  abandoned = 0;
  readonly #credentials = new Credentials(digest, MOCK_SECRET);

  constructor(options: HouseOptions = {}, seed = 1) {
    this.options = options;
    this.rng = new SeededRng(seed);
    this.net = new SimNet({ clock: this.clock, rng: this.rng });
    const net = seed % 2 === 1 ? this.net : new StingyNet(this.net, { rng: this.rng });
    net.listen(AT, (wire) => {
      const gate = new Gate(this, wire);
      this.gates.add(gate);
      return gate;
    });
  }

  get tls(): TlsContext | undefined {
    return this.options.tls;
  }
  get tlsRequired(): boolean {
    return this.options.tlsRequired ?? false;
  }
  get binding(): Uint8Array | undefined {
    return this.options.tls === undefined ? undefined : BINDING;
  }
  refusal(): NoticeWords | undefined {
    return this.options.refusal;
  }
  demandOf(user: string) {
    const stored = this.options.users?.[user];
    if (this.options.users === undefined || stored === "trust") return { how: "nothing" } as const;
    return this.#credentials.demandOf(user, stored, Object.values(this.options.users));
  }
  enter(newcomer: Newcomer, gate: Gate): void {
    this.newcomers.push(newcomer);
    if (this.options.silent !== true) gate.open(this.welcome());
  }
  welcome(): Welcome {
    return {
      parameters: [["server_version", "18"]],
      processId: 77,
      key: new Uint8Array([1, 2, 3, 4]),
      begin: () => this.inside,
      abandoned: () => void (this.abandoned += 1),
    };
  }
  cancel(processId: number, key: Uint8Array, done: () => void): void {
    this.cancels.push({ processId, key, done });
  }
  left(gate: Gate): void {
    this.gates.delete(gate);
  }
  failed(fault: Fault): void {
    this.faults.push(fault.code);
  }

  dial(): PgFrontend {
    return new PgFrontend(this.net, AT);
  }

  pass(ms = 2_000): void {
    this.clock.advance(ms);
  }
}

const startup =
  (user: string, more: readonly (readonly [string, string])[] = [], minor = 0) =>
  (writer: Writer): void =>
    writeStartup(writer, minor, [["user", user], ...more]);

function scram(house: House, client: PgFrontend, password: string, binding?: Uint8Array): void {
  const { mechanisms } = client.valueOf("authentication") as { readonly mechanisms: readonly string[] };
  const scramClient = new ScramClient({
    ...{ digest, nonce: makeNonce(house.rng), secret: { password }, mechanisms, iterationsMax: 10_000 },
    ...(binding === undefined ? {} : { binding }),
  });
  client.send((writer) => writeSaslInitial(writer, scramClient.mechanism, scramClient.first()));
  house.pass();
  const { words } = client.valueOf("authentication") as { readonly words: string };
  if (client.error.code === undefined) client.send((writer) => writeSaslAnswer(writer, scramClient.final(words)));
  house.pass();
}

const IN = "authentication parameterStatus backendKeyData ready";

for (const [engine, seed] of [
  ["as it comes", 1],
  ["byte by byte", 2],
] as const) {
  describe(`gate, ${engine}`, () => {
    test("lets a trusted client in and hands it over", () => {
      const house = new House({}, seed);
      const client = house.dial();
      client.send(startup("bob", [["application_name", "x"]]));
      house.pass();
      expect(client.words).toBe(IN);
      expect(house.newcomers[0]).toMatchObject({ user: "bob", database: "bob", proven: false });
      client.send((writer) => writeQuery(writer, "select 1"));
      house.pass();
      expect(house.inside.heard[0]).toBe(0x51);
      expect(house.gates.size).toBe(0);
    });

    test("hands over what was sent in the same breath as the start", () => {
      const house = new House({}, seed);
      const client = house.dial();
      client.send((writer) => {
        startup("bob")(writer);
        writeQuery(writer, "select 1");
      });
      house.pass();
      expect(client.words).toBe(IN);
      expect(house.inside.heard).toHaveLength(14);
    });

    test("keeps what comes early until the house answers", () => {
      const house = new House({ silent: true }, seed);
      const client = house.dial();
      client.send(startup("bob"));
      house.pass();
      client.send((writer) => writeQuery(writer, "select 1"));
      house.pass();
      expect(house.inside.heard).toHaveLength(0);
      for (const gate of house.gates) gate.open(house.welcome());
      house.pass();
      expect(house.inside.heard).toHaveLength(14);
    });

    test("SCRAM: right and wrong passwords, and users who do not exist", () => {
      for (const [user, password, good] of [
        ["bob", "secret", true],
        ["bob", "wrong", false],
        ["eve", "secret", false],
      ] as const) {
        const house = new House({ users: { bob: "secret" } }, seed);
        const client = house.dial();
        client.send(startup(user));
        house.pass();
        expect(client.valueOf("authentication")).toMatchObject({ mechanisms: [SCRAM] });
        scram(house, client, password);
        if (good) {
          expect(client.words).toEndWith(IN);
          expect(house.newcomers[0]?.keys).toBeDefined();
        } else {
          expect(client.error).toMatchObject({
            code: SQLSTATE.invalidPassword,
            message: `password authentication failed for user "${user}"`,
          });
          expect(client.ended || client.closed).toBe(true);
        }
      }
    });

    test("MD5, where only that is stored; strangers are asked in the same way", () => {
      const stored = md5Secret(digest, "bob", "secret");
      for (const [user, password, good] of [
        ["bob", "secret", true],
        ["bob", "wrong", false],
        ["eve", "secret", false],
      ] as const) {
        const house = new House({ users: { bob: stored } }, seed);
        const client = house.dial();
        client.send(startup(user));
        house.pass();
        const request = client.said[0]?.bytes ?? new Uint8Array();
        expect(request[8]).toBe(5);
        const answer = md5Answer(digest, md5Secret(digest, user, password), request.subarray(9, 13));
        client.send((writer) => writePassword(writer, answer));
        house.pass();
        if (good) expect(client.words).toEndWith(IN);
        else expect(client.error.code).toBe(SQLSTATE.invalidPassword);
      }
    });

    test("a wish for TLS or GSS is refused where there is none, and the start goes on", () => {
      const house = new House({}, seed);
      const client = house.dial();
      client.wish(writeGssRequest);
      house.pass();
      client.wish(writeSslRequest);
      house.pass();
      expect(String.fromCharCode(...client.plain)).toBe("NN");
      client.send(startup("bob"));
      house.pass();
      expect(client.words).toBe(IN);
    });

    test("TLS after the wish, with channel binding", () => {
      const house = new House({ tls: server, tlsRequired: true, users: { bob: "secret" } }, seed);
      const client = house.dial();
      client.wish(writeSslRequest);
      house.pass();
      expect(String.fromCharCode(...client.plain)).toBe("S");
      client.secure({ verify: "none" });
      house.pass();
      client.send(startup("bob"));
      house.pass();
      expect(client.valueOf("authentication")).toMatchObject({ mechanisms: [SCRAM_PLUS, SCRAM] });
      scram(house, client, "secret", BINDING);
      expect(client.words).toEndWith(IN);
    });

    test("a cancel request is passed on, answered by nothing, and closed when it is done", () => {
      const house = new House({}, seed);
      const client = house.dial();
      client.send((writer) => writeCancelRequest(writer, 5, new Uint8Array([9, 8, 7, 6])));
      house.pass();
      const [cancel] = house.cancels;
      expect(cancel).toMatchObject({ processId: 5, key: new Uint8Array([9, 8, 7, 6]) });
      expect(client.ended).toBe(false);
      cancel?.done();
      house.pass();
      expect(client.ended).toBe(true);
      expect(client.said).toHaveLength(0);
    });
  });
}

test("gate: TLS without a word before it must name the protocol, and needs no wish", () => {
  const house = new House({ tls: server });
  const client = house.dial();
  house.pass();
  client.secure({ verify: "none", alpn: [ALPN] });
  house.pass();
  client.send(startup("bob"));
  house.pass();
  expect(client.words).toBe(IN);
});

test("gate: bytes behind a wish for TLS are refused, and never read (CVE-2021-23222)", () => {
  const house = new House({ tls: server });
  const client = house.dial();
  client.wishes = 0;
  client.send((writer) => {
    writeSslRequest(writer);
    startup("bob")(writer);
  });
  house.pass();
  expect(client.error.code).toBe(SQLSTATE.protocolViolation);
  expect(house.newcomers).toHaveLength(0);
});

test("gate: a second wish is refused", () => {
  const house = new House();
  const client = house.dial();
  client.wish(writeSslRequest);
  house.pass();
  client.send(writeSslRequest);
  house.pass();
  expect(client.error.code).toBe(SQLSTATE.protocolViolation);
});

test("gate: where TLS is required a start in the clear is refused before anything is asked", () => {
  const house = new House({ tls: server, tlsRequired: true, users: {} });
  const client = house.dial();
  client.send(startup("bob"));
  house.pass();
  expect(client.words).toBe("error");
  expect(client.error.code).toBe(SQLSTATE.invalidAuthorization);
});

test("gate: newer protocols and unknown extensions are negotiated down", () => {
  const house = new House();
  const client = house.dial();
  client.send(startup("bob", [["_pq_.wish", "1"]], 2));
  house.pass();
  expect(client.words).toBe(`negotiateVersion ${IN}`);
  expect(client.valueOf("negotiateVersion")).toMatchObject({ minor: 0, extensions: ["_pq_.wish"] });
});

test("gate: other protocols and replication are refused with 0A000", () => {
  const unsupported = new Uint8Array([0, 0, 0, 8, 0, 2, 0, 0]);
  for (const send of [unsupported, startup("bob", [["replication", "database"]])]) {
    const house = new House();
    const client = house.dial();
    client.send(send);
    house.pass();
    expect(client.error.code).toBe(SQLSTATE.featureNotSupported);
  }
});

test("gate: what is said of a full or draining pool comes before any question", () => {
  const refusal = { severity: "FATAL", code: SQLSTATE.cannotConnectNow, message: "later" } as const;
  const house = new House({ refusal, users: { bob: "secret" } });
  const client = house.dial();
  client.send(startup("bob"));
  house.pass();
  expect(client.words).toBe("error");
  expect(client.error.code).toBe("57P03");
});

test("gate: start-up packets that lie are refused and hold no memory", () => {
  const rows: readonly (readonly number[])[] = [
    [0, 0, 0, 3],
    [0, 0, 0, 0],
    [0xff, 0xff, 0xff, 0xff],
    [0, 0, 0x27, 0x15, 0, 3, 0, 0],
    [0x47, 0x45, 0x54, 0x20, 0x2f],
    [0, 0, 0, 9, 0, 3, 0, 0, 0],
    [0, 0, 0, 16, 4, 210, 22, 46, 0, 0, 0, 5],
    [0, 0, 0, 12, 0, 3, 0, 0, 0x75, 0x73, 0x65, 0x72],
  ];
  for (const row of rows) {
    const house = new House({ users: {} });
    const client = house.dial();
    client.send(Uint8Array.from(row));
    house.pass();
    const isWaiting = row.length < (row[3] ?? 0) && row[0] === 0 && row[1] === 0;
    if (!isWaiting) expect(client.words).toBe("error");
    client.wire.close();
    house.pass();
    expect(house.gates.size).toBe(0);
    expect(house.budget.lentBytes).toBe(0);
  }
});

test("gate: login messages that lie, or come out of order, end the login", () => {
  const rows: readonly Uint8Array[] = [
    new Uint8Array([0x51, 0, 0, 0, 5, 0]),
    new Uint8Array([0x70, 0, 0, 0, 3]),
    new Uint8Array([0x70, 0x7f, 0xff, 0xff, 0xff]),
    new Uint8Array([0x70, 0, 0, 0, 4]),
    new Uint8Array([0x70, 0, 0, 0, 9, 0x53, 0x43, 0x52, 0x41, 0x4d]),
    new Uint8Array([0x70, 0, 0, 0, 18, ...new TextEncoder().encode("SCRAM-SHA\0"), 0, 0, 0, 99]),
  ];
  for (const row of rows) {
    const house = new House({ users: { bob: "secret" } });
    const client = house.dial();
    client.send(startup("bob"));
    house.pass();
    client.send(row);
    house.pass();
    expect(client.words).toBe("authentication error");
    expect(house.newcomers).toHaveLength(0);
    house.pass();
    expect(house.budget.lentBytes).toBe(0);
  }
});

test("gate: who says nothing is closed when the house says so; who was asked for a password hears why", () => {
  const house = new House({ users: { bob: "secret" } });
  const [silent, slow] = [house.dial(), house.dial()];
  slow.send(startup("bob"));
  house.pass();
  for (const gate of [...house.gates]) gate.expire();
  house.pass();
  expect(silent.closed).toBe(true);
  expect(slow.error.code).toBe(SQLSTATE.queryCanceled);
  slow.hangUp();
  house.pass(DEADLINE_MS);
  expect(house.gates.size).toBe(0);
});

test("gate: a client that goes while the house thinks is let go of once", () => {
  const house = new House({ silent: true });
  const client = house.dial();
  client.send(startup("bob"));
  house.pass();
  const [gate] = house.gates;
  client.wire.close();
  house.pass();
  gate?.open(house.welcome());
  expect(house.abandoned).toBe(1);
  expect(house.gates.size).toBe(0);
});
