/** Who gets a link and when, on a simulated network and a fake server: the rows that the simulation of `test/sim` sums up. */
import { describe, expect, test } from "bun:test";
import { writeErrorResponse, writeNotification, writeParameterStatus } from "../../../../proxy/pg/backend-writer.ts";
import { refusalWords } from "../../../../proxy/pgconn/server-refusal.ts";
import type { LinkKnobs } from "../../../../proxy/pgconn/link-world.ts";
import { GRACE_MS } from "../../../../proxy/pgconn/orphans.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { FakePostgres, type FakePostgresOptions, type Session } from "../../../kit/fake-postgres.ts";
import { FakePage } from "../../../kit/limits.ts";
import { LinkClient, LinkRig, type LinkRigOptions } from "../../../kit/link-rig.ts";
import { SimNet, type SimPlan } from "../../../kit/net-sim.ts";
import { SeededRng } from "../../../kit/rng.ts";

interface Scene {
  readonly knobs?: Partial<LinkKnobs>;
  readonly server?: Partial<FakePostgresOptions>;
  readonly plan?: (count: number) => SimPlan;
}

const LIMIT = "pool shop";

class Stage {
  readonly clock = new FakeClock();
  readonly page = new FakePage();
  readonly net: SimNet;
  readonly postgres: FakePostgres;
  readonly rigs: LinkRig[] = [];
  readonly #knobs: Partial<LinkKnobs>;

  constructor({ knobs = {}, server = {}, plan }: Scene = {}) {
    const planned = plan === undefined ? {} : { plan: (_: unknown, count: number) => plan(count) };
    this.net = new SimNet({ clock: this.clock, rng: new SeededRng(3), ...planned });
    this.postgres = new FakePostgres({ net: this.net, ...server });
    this.#knobs = knobs;
  }

  worker(more: Partial<LinkRigOptions> = {}): LinkRig {
    const owner = this.rigs.length + 1;
    const { clock, net, page } = this;
    const limits = page.of(owner);
    const rig = new LinkRig({
      net,
      clock,
      limits,
      target: { address: this.postgres.address },
      knobs: this.#knobs,
      ...more,
    });
    this.rigs.push(rig);
    return rig;
  }

  pass(ms: number): Promise<void> {
    return this.clock.advanceAsync(ms);
  }

  get sessions(): readonly Session[] {
    return [...this.postgres.sessions];
  }

  get taken(): number {
    return this.page.taken(LIMIT);
  }
}

const SHORT_MS = 50;

function clients(rig: LinkRig, count: number, pool = rig.pool()): LinkClient[] {
  return Array.from({ length: count }, () => new LinkClient(pool));
}

/** From now on each has a link or waits for one, and asks again and again. */
function busy(all: readonly LinkClient[]): void {
  for (const client of all) {
    client.onLink = () => client.ask("select 1");
    client.answered = () => {
      client.give();
      client.take();
    };
    client.take();
  }
}

describe("take", () => {
  test("the link that was given back last is taken first", async () => {
    const stage = new Stage();
    const [one, two, three] = clients(stage.worker(), 3) as [LinkClient, LinkClient, LinkClient];
    one.take();
    two.take();
    await stage.pass(SHORT_MS);
    const last = one.link;
    two.give();
    one.give();
    expect(three.take().link).toBe(last as NonNullable<typeof last>);
  });

  test("those who wait are served in the order they came, each in the call that gives a link back", async () => {
    const stage = new Stage({ knobs: { size: 1 } });
    const all = clients(stage.worker(), 5);
    for (const client of all) client.take();
    await stage.pass(SHORT_MS);
    const [one, two, three, four, five] = all as [LinkClient, LinkClient, LinkClient, LinkClient, LinkClient];
    four.pool.leave(four);
    one.give();
    expect([two.link !== undefined, three.link]).toEqual([true, undefined]);
    two.give();
    three.give();
    expect([four.link, five.link !== undefined]).toEqual([undefined, true]);
    expect(stage.postgres.logins).toBe(1);
  });

  test("one who gives its link back and discards it, while another is being served: it is closed, once", async () => {
    const stage = new Stage({ knobs: { size: 1 } });
    const [one, two] = clients(stage.worker(), 2) as [LinkClient, LinkClient];
    one.take();
    two.take();
    two.onLink = (link) => {
      two.give();
      two.pool.discard(link, "test");
    };
    await stage.pass(SHORT_MS);
    one.give();
    await stage.pass(SHORT_MS);
    expect([two.pool.links.size, stage.taken]).toEqual([0, 0]);
  });

  test("a line of ten thousand who give back at once is served without a deep stack", async () => {
    const stage = new Stage({ knobs: { size: 1, waitersMax: 20_000 } });
    const all = clients(stage.worker(), 10_000);
    for (const client of all) {
      client.onLink = () => client.give();
      client.take();
    }
    await stage.pass(SHORT_MS);
    expect([all[0]?.pool.line.length, all[0]?.pool.counts.idle, stage.postgres.logins]).toEqual([0, 1, 1]);
  });

  test("one who throws when its turn comes loses the link; who gave it back does not notice", async () => {
    const stage = new Stage({ knobs: { size: 1 } });
    const [one, two, three] = clients(stage.worker(), 3) as [LinkClient, LinkClient, LinkClient];
    for (const client of [one, two, three]) client.take();
    two.onLink = () => {
      throw new Error("two is broken");
    };
    await stage.pass(SHORT_MS);
    one.give();
    await stage.pass(SHORT_MS);
    expect([two.pool.links.has(two.link!), three.link !== undefined]).toEqual([false, true]);
  });

  test("no more links are opened than there are who wait", async () => {
    const stage = new Stage({ knobs: { size: 10 } });
    for (const client of clients(stage.worker(), 2)) client.take();
    await stage.pass(SHORT_MS);
    expect(stage.postgres.logins).toBe(2);
  });

  test("who waits too long is refused with 53300 and a hint; the one behind who has time is not", async () => {
    const stage = new Stage({ knobs: { size: 1, waitTimeoutMs: 1_000 } });
    const [one, two, three] = clients(stage.worker(), 3) as [LinkClient, LinkClient, LinkClient];
    one.take();
    two.take();
    await stage.pass(600);
    three.take();
    await stage.pass(700);
    expect([two.refusal?.code, three.refusal]).toEqual(["OVERLOADED", undefined]);
    expect(refusalWords(two.refusal!)).toMatchObject({ code: "53300", hint: expect.any(String) });
  });

  test("no more may wait than waitersMax", async () => {
    const stage = new Stage({ knobs: { size: 1, waitersMax: 2 } });
    const all = clients(stage.worker(), 4);
    for (const client of all) client.take();
    expect(all.map(({ refusal }) => refusal?.code)).toEqual([undefined, undefined, "OVERLOADED", "OVERLOADED"]);
  });

  test("a refused login is told at once to who comes while no other is tried", async () => {
    const refusal = { severity: "FATAL", code: "28000", message: "no" } as const;
    const stage = new Stage({ server: { refusal } });
    const rig = stage.worker();
    const [one, two] = clients(rig, 2) as [LinkClient, LinkClient];
    one.take();
    await stage.pass(20);
    expect(one.refusal?.code).toBe("SERVER_LOGIN");
    expect(two.take().refusal?.code).toBe("SERVER_LOGIN");
  });
});

describe("give", () => {
  async function linked(stage: Stage): Promise<LinkClient> {
    const [client] = clients(stage.worker(), 1) as [LinkClient];
    client.take();
    await stage.pass(SHORT_MS);
    return client;
  }

  test("inside of a transaction, or while the server owes an answer, it is a bug, and the link stays its user's", async () => {
    const stage = new Stage();
    const client = await linked(stage);
    const link = client.link!;
    client.ask("begin");
    await stage.pass(SHORT_MS);
    expect(() => client.pool.give(link)).toThrow("it is inside of a transaction");
    link.status = 0x49;
    link.replies.push(1, 0);
    expect(() => client.pool.give(link)).toThrow("the server owes an answer");
    expect([link.state, link.user === client]).toEqual(["taken", true]);
    expect(() => new LinkClient(stage.worker().pool()).pool.give(link)).toThrow("it is not taken of this pool");
  });

  test("a link that was paused is heard again", async () => {
    const stage = new Stage();
    const client = await linked(stage);
    client.link?.pause();
    client.give();
    stage.postgres.terminateAll();
    await stage.pass(SHORT_MS);
    expect(client.pool.links.size).toBe(0);
  });

  test("a discarded link is closed, what it does is cancelled, and its place comes back when the server has closed", async () => {
    const stage = new Stage({ server: { deaf: true } });
    const client = await linked(stage);
    client.ask("hang");
    const link = client.link!;
    link.replies.push(1, 0);
    await stage.pass(SHORT_MS);
    client.pool.discard(link, "test");
    expect([link.user, stage.taken]).toEqual([undefined, 1]);
    await stage.pass(SHORT_MS);
    expect([stage.taken, stage.sessions.length, stage.postgres.cancels]).toEqual([0, 0, 1]);
  });
});

describe("idle", () => {
  const ROWS = [
    ["a setting that changed is noted", (s: Session) => s.blurt((w) => writeParameterStatus(w, "TimeZone", "UTC")), 1],
    ["an end by the administrator closes it", (s: Session) => s.terminate(), 0],
    [
      "a notification, which nobody can have asked for, closes it",
      (s: Session) => s.blurt((w) => writeNotification(w, 1, "c", "")),
      0,
    ],
    [
      "an error that is nobody's closes it",
      (s: Session) => s.blurt((w) => writeErrorResponse(w, { severity: "ERROR", code: "XX000", message: "?" })),
      0,
    ],
  ] as const;
  for (const [name, act, left] of ROWS) {
    test(name, async () => {
      const stage = new Stage();
      const [client] = clients(stage.worker(), 1) as [LinkClient];
      client.take();
      await stage.pass(SHORT_MS);
      client.give();
      act(stage.sessions[0]!);
      await stage.pass(SHORT_MS);
      expect([client.pool.counts.idle, stage.taken]).toEqual([left, left]);
      if (left === 1) expect([...client.pool.links][0]?.parameters.get("TimeZone")).toBe("UTC");
    });
  }

  test("links that nobody uses are closed after idleTimeoutMs, those in use after lifetimeMs when they are given back", async () => {
    const stage = new Stage({ knobs: { idleTimeoutMs: 2_000, lifetimeMs: 10_000 } });
    const [one, two] = clients(stage.worker(), 2) as [LinkClient, LinkClient];
    one.take();
    two.take();
    await stage.pass(SHORT_MS);
    one.give();
    await stage.pass(3_000);
    expect(stage.sessions.length).toBe(1);
    await stage.pass(10_000);
    expect(stage.sessions.length).toBe(1);
    two.give();
    await stage.pass(SHORT_MS);
    expect([stage.sessions.length, stage.taken]).toEqual([0, 0]);
  });
});

describe("places", () => {
  test("another user's idle link is closed to make room", async () => {
    const stage = new Stage({ knobs: { size: 2 } });
    const rig = stage.worker();
    const ann = clients(rig, 2, rig.pool("ann"));
    const [bob] = clients(rig, 1, rig.pool("bob")) as [LinkClient];
    for (const client of ann) client.take();
    await stage.pass(SHORT_MS);
    ann[0]?.give();
    bob.take();
    await stage.pass(SHORT_MS);
    expect([bob.link !== undefined, stage.postgres.sessionsMost, stage.taken]).toEqual([true, 2, 2]);
  });

  test("a user who has nothing gets a place although the other's clients never end", async () => {
    const stage = new Stage({ knobs: { size: 1 } });
    const rig = stage.worker();
    const pool = rig.pool("ann");
    busy(clients(rig, 3, pool));
    const [bob] = clients(rig, 1, rig.pool("bob")) as [LinkClient];
    bob.take();
    await stage.pass(2_000);
    expect(bob.link).toBeDefined();
  });

  test("a worker that starves says so; another gives up an idle link, or one beyond its share", async () => {
    const stage = new Stage({ knobs: { size: 2 } });
    const rich = stage.worker();
    const all = clients(rich, 2);
    for (const client of all) client.take();
    await stage.pass(SHORT_MS);
    const told: unknown[] = [];
    const poor = stage.worker({ starving: (seen) => told.push(seen) });
    const [client] = clients(poor, 1) as [LinkClient];
    client.take();
    await stage.pass(100);
    expect(told[0]).toEqual({ waiting: 1, held: 0 });
    expect(rich.places.yieldOne(2)).toBe(false);
    expect(rich.places.yieldOne(1)).toBe(true);
    all[0]?.give();
    await stage.pass(100);
    expect([client.link !== undefined, stage.postgres.sessionsMost]).toEqual([true, 2]);
  });

  for (const workers of [1, 2]) {
    test(`a smaller size is reached although all links of ${workers} workers are always waited for`, async () => {
      const stage = new Stage({ knobs: { size: 8, workers } });
      const rigs = Array.from({ length: workers }, () => stage.worker());
      for (const rig of rigs) busy(clients(rig, 24));
      await stage.pass(2_000);
      expect(stage.taken).toBe(8);
      for (const rig of rigs) rig.places.setKnobs({ ...rig.knobs, size: 5 });
      await stage.pass(1_000);
      const { logins } = stage.postgres;
      await stage.pass(2_000);
      expect([stage.taken, stage.postgres.logins]).toEqual([5, logins]);
    });
  }

  test("a smaller size closes idle links at once, no more than are too many", async () => {
    const stage = new Stage({ knobs: { size: 8 } });
    const rig = stage.worker();
    const all = clients(rig, 8);
    for (const client of all) client.take();
    await stage.pass(SHORT_MS);
    for (const client of all) client.give();
    rig.places.setKnobs({ ...rig.knobs, size: 5 });
    await stage.pass(SHORT_MS);
    expect([stage.taken, all[0]?.pool.counts.idle]).toEqual([5, 5]);
  });

  test("a worker that comes late gets its share of links that are always waited for, no more, and then all is still", async () => {
    const stage = new Stage({ knobs: { size: 8, workers: 2 } });
    const [rich, poor] = [stage.worker(), stage.worker()];
    busy(clients(rich, 24));
    await stage.pass(SHORT_MS);
    expect(rich.places.held).toBe(8);
    busy(clients(poor, 24));
    await stage.pass(1_000);
    expect([rich.places.held, poor.places.held]).toEqual([4, 4]);
    const { logins } = stage.postgres;
    for (let seconds = 0; seconds < 5; seconds += 1) await stage.pass(1_000);
    expect([rich.places.held, poor.places.held, stage.postgres.logins]).toEqual([4, 4, logins]);
    expect(stage.postgres.sessionsMost).toBe(8);
  });

  test("places that become free are left to a worker that has less than its share", async () => {
    const stage = new Stage({ knobs: { size: 8, workers: 2 } });
    const [rich, dead] = [stage.worker(), stage.worker()];
    busy(clients(rich, 24));
    busy(clients(dead, 24));
    await stage.pass(2_000);
    dead.places.stop();
    stage.page.reclaim(2);
    const next = stage.worker();
    busy(clients(next, 24));
    await stage.pass(GRACE_MS);
    expect([rich.places.held, next.places.held]).toEqual([4, 4]);
  });

  test("fewer links than workers: they go round", async () => {
    const stage = new Stage({ knobs: { size: 1, workers: 2 } });
    const served = [0, 0];
    for (const index of served.keys()) {
      const all = clients(stage.worker(), 3);
      busy(all);
      for (const client of all) {
        client.onLink = () => {
          served[index]! += 1;
          client.ask("select 1");
        };
      }
    }
    for (let seconds = 0; seconds < 10; seconds += 1) await stage.pass(1_000);
    expect(Math.min(...served)).toBeGreaterThan(100);
    expect(stage.postgres.logins).toBeLessThan(100);
  });

  test("pause resolves when all links are given back; who comes meanwhile waits, and has waited since resume", async () => {
    const stage = new Stage({ knobs: { waitTimeoutMs: 1_000 } });
    const rig = stage.worker();
    const [one, two] = clients(rig, 2) as [LinkClient, LinkClient];
    one.take();
    await stage.pass(SHORT_MS);
    let paused = false;
    void rig.places.pause().then(() => (paused = true));
    two.take();
    await stage.pass(3_000);
    expect([paused, two.refusal]).toEqual([false, undefined]);
    one.give();
    await stage.pass(SHORT_MS);
    expect([paused, two.link, stage.sessions.length]).toEqual([true, undefined, 0]);
    rig.places.resume();
    await stage.pass(SHORT_MS);
    expect(two.link).toBeDefined();
  });

  test("reconnect: links of before are not used again", async () => {
    const stage = new Stage();
    const rig = stage.worker();
    const [one, two] = clients(rig, 2) as [LinkClient, LinkClient];
    one.take();
    await stage.pass(SHORT_MS);
    rig.places.reconnect();
    one.give();
    two.take();
    await stage.pass(SHORT_MS);
    expect([two.link !== undefined, stage.postgres.logins, stage.sessions.length]).toEqual([true, 2, 1]);
  });

  test("close: who waits is told to go elsewhere, and it resolves when the last link is given back", async () => {
    const stage = new Stage({ knobs: { size: 1 } });
    const rig = stage.worker();
    const [one, two, three] = clients(rig, 3) as [LinkClient, LinkClient, LinkClient];
    one.take();
    two.take();
    await stage.pass(SHORT_MS);
    let closed = false;
    void rig.places.close().then(() => (closed = true));
    expect([two.refusal?.code, three.take().refusal?.code]).toEqual(["DRAINING", "DRAINING"]);
    await stage.pass(SHORT_MS);
    expect(closed).toBe(false);
    one.give();
    await stage.pass(SHORT_MS);
    expect([closed, stage.taken]).toEqual([true, 0]);
  });

  test("a user's new secret: links of the old one end with their use, and clients of before go on", async () => {
    const stage = new Stage();
    const rig = stage.worker();
    const old = rig.pool("shop", "one");
    const [one, two] = clients(rig, 2, old) as [LinkClient, LinkClient];
    one.take();
    two.take();
    await stage.pass(SHORT_MS);
    one.give();
    const next = rig.pool("shop", "two");
    expect([next.living, next.welcome]).toEqual([1, undefined]);
    two.give();
    await stage.pass(1_000);
    expect([stage.sessions.length, rig.places.pools]).toEqual([0, [next]]);
    two.take();
    await stage.pass(SHORT_MS);
    expect(two.link?.state).toBe("taken");
    two.give();
    await stage.pass(SHORT_MS);
    expect(stage.sessions.length).toBe(1);
  });
});

describe("cancel", () => {
  test("a link is not given to the next while a cancel request for it is under way", async () => {
    const stage = new Stage({ plan: (count) => (count === 1 ? { upStallAtByte: 8 } : {}) });
    const [one, two] = clients(stage.worker(), 2) as [LinkClient, LinkClient];
    one.take();
    await stage.pass(SHORT_MS);
    const link = one.link!;
    expect(one.pool.cancel(link)).toBe(true);
    await stage.pass(SHORT_MS);
    one.give();
    expect(link.state).toBe("held");
    two.take();
    await stage.pass(SHORT_MS);
    expect(two.link === link).toBe(false);
    // The server never closes behind the request: it may still arrive, so the link is not used again.
    await stage.pass(6_000);
    expect([link.state, stage.taken]).toEqual(["gone", 1]);
  });

  test("a request that is through sets the link free", async () => {
    const stage = new Stage();
    const [one] = clients(stage.worker(), 1) as [LinkClient];
    one.take();
    await stage.pass(SHORT_MS);
    const link = one.link!;
    one.ask("hang");
    await stage.pass(SHORT_MS);
    one.pool.cancel(link);
    await stage.pass(SHORT_MS);
    expect([one.errors, one.readies, link.cancels]).toEqual([["57014"], 1, 0]);
    one.give();
    expect(link.state).toBe("idle");
    expect(one.pool.cancel(link)).toBe(false);
  });
});

describe("orphans", () => {
  /** A worker with two links that hang is killed; another has one idle link. */
  async function killed(server: Partial<FakePostgresOptions>) {
    const stage = new Stage({ knobs: { size: 3 }, server: { deaf: true, ...server } });
    const [dead, alive] = [stage.worker(), stage.worker()];
    const victims = clients(dead, 2);
    for (const client of victims) client.take();
    const [survivor] = clients(alive, 1) as [LinkClient];
    survivor.take();
    await stage.pass(SHORT_MS);
    for (const client of victims) client.ask("hang");
    survivor.give();
    await stage.pass(SHORT_MS);
    // The process is gone at once: its wires are closed by the kernel, and it gives nothing back.
    stage.page.reclaim(1);
    dead.places.stop();
    return { stage, alive, survivor };
  }

  test("the places of a killed worker stay taken while its backends run; they are cancelled, and freed when gone", async () => {
    const { stage, alive } = await killed({});
    expect([stage.taken, stage.sessions.length]).toEqual([3, 3]);
    await stage.pass(2_000);
    expect([stage.taken, stage.sessions.length, stage.postgres.cancels]).toEqual([1, 1, 2]);
    const all = clients(alive, 3);
    for (const client of all) client.take();
    await stage.pass(1_000);
    expect(all.every(({ link }) => link !== undefined)).toBe(true);
    expect(stage.postgres.sessionsMost).toBe(3);
  });

  test("while the server says that they live they are not freed, however long", async () => {
    const { stage, alive } = await killed({ isNumb: () => true });
    await stage.pass(3 * GRACE_MS);
    expect([stage.taken, stage.sessions.length, alive.places.orphans]).toEqual([3, 3, 2]);
  });

  test("one process looks after them; when it dies the next does", async () => {
    let isNumb = true;
    const { stage, alive } = await killed({ isNumb: () => isNumb });
    const third = stage.worker();
    third.pool();
    await stage.pass(1_000);
    expect([alive.places.orphans, third.places.orphans]).toEqual([2, 0]);
    alive.places.stop();
    stage.page.reclaim(2);
    await stage.pass(GRACE_MS / 2);
    expect(third.places.orphans).toBeGreaterThan(1);
    isNumb = false;
    await stage.pass(2 * GRACE_MS);
    expect(stage.taken).toBeLessThanOrEqual(1);
  });

  test("nobody can be asked: one place is freed after GRACE_MS, and a link over it asks about the rest", async () => {
    const stage = new Stage({ knobs: { size: 2 } });
    const dead = stage.worker();
    for (const client of clients(dead, 2)) client.take();
    await stage.pass(SHORT_MS);
    stage.page.reclaim(1);
    dead.places.stop();
    const [next] = clients(stage.worker(), 1) as [LinkClient];
    next.take();
    await stage.pass(GRACE_MS - 1_000);
    expect([next.link, stage.taken]).toEqual([undefined, 2]);
    await stage.pass(3_000);
    expect([next.link !== undefined, stage.taken]).toEqual([true, 2]);
    next.give();
    await stage.pass(1_000);
    expect(stage.taken).toBe(1);
  });
});
