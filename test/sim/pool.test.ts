/**
 * Many clients over few links on a simulated network that stalls, resets and cuts everywhere, before a small server that
 * speaks the protocol. Each client knows which answers are its own, in which order. A failure names its seed; SCALE_SEED
 * repeats it.
 */
import { expect, test } from "bun:test";
import { STATUS } from "../../proxy/pg/backend.ts";
import * as say from "../../proxy/pg/frontend-writer.ts";
import type { Writer } from "../../proxy/pg/writer.ts";
import { OrphanCheck } from "../../proxy/pgconn/orphan-check.ts";
import { FakeClock } from "../kit/clock.ts";
import { ModelPostgres } from "../kit/model-postgres.ts";
import { SimNet, type SimPlan } from "../kit/net-sim.ts";
import type { PgFrontend } from "../kit/pg-frontend.ts";
import { PoolRig } from "../kit/pool-rig.ts";
import { SeededRng } from "../kit/rng.ts";

const SEEDS = process.env["SCALE_SEED"] === undefined ? 12 : 1;
const FIRST = Number(process.env["SCALE_SEED"] ?? 1);
const CLIENTS = 12;
const LINKS = 3;
const STEPS = 16;
/** Longer than any patience of the pool. */
const PATIENCE_MS = 30_000;
/** Longer than the pool waits for an answer about its backends. */
const ASKING_MS = 6_000;

/** One client: what it says, and what it must hear. */
class Talker {
  readonly frontend: PgFrontend;
  readonly #name: string;
  readonly #rng: SeededRng;
  readonly #expected: string[] = [];
  readonly #settings = new Map<string, string>();
  #heard = 0;
  #readies = 1;
  #count = 0;
  #steps = 0;
  #prepared = false;
  /** It does not wait for its answers any more. */
  isGone = false;

  constructor(name: string, frontend: PgFrontend, rng: SeededRng) {
    this.#name = name;
    this.frontend = frontend;
    this.#rng = rng;
  }

  get isDone(): boolean {
    return this.isGone || this.frontend.closed;
  }

  /** The next thing, when the last is answered. Throws when it heard what is not its own. */
  step(): void {
    this.listen();
    const { said } = this.frontend;
    if (this.isDone || said.filter(({ name }) => name === "ready").length < this.#readies) return;
    this.#steps += 1;
    // Who listens has a link until it leaves, so that the others wait for it.
    if (this.#steps > STEPS) return this.#vanish();
    said.length = 0;
    this.#heard = 0;
    this.#expected.length = 0;
    this.#readies = 0;
    this.frontend.send((writer) => this.#say(writer));
    if (this.#rng.next() < 0.03) this.#vanish();
  }

  /** What was heard must be the beginning of what is expected. */
  listen(): void {
    const rows = this.frontend.said.filter(({ name }) => name === "dataRow").map(({ bytes }) => textOf(bytes));
    for (; this.#heard < rows.length; this.#heard++)
      expect(rows[this.#heard]).toBe(this.#expected[this.#heard] as string);
    const isAnswered = this.frontend.said.filter(({ name }) => name === "ready").length >= this.#readies;
    if (isAnswered && this.#readies > 0 && !this.frontend.closed) expect(rows.length).toBe(this.#expected.length);
  }

  #vanish(): void {
    this.isGone = true;
    if (this.#rng.next() < 0.5) this.frontend.wire.close();
    else this.frontend.hangUp();
  }

  #say(writer: Writer): void {
    const draw = Math.floor(this.#rng.next() * 11);
    switch (draw) {
      case 0:
        return this.#transaction(writer);
      case 1:
      case 2:
        return this.#pipeline(writer);
      case 3:
        return this.#copy(writer);
      case 4:
        return this.#set(writer);
      case 5:
        return this.#query(writer, `show ${NAME}`, [`${NAME} is ${this.#settings.get(NAME) ?? "unset"}`]);
      case 6:
        return this.#query(writer, "fail", []);
      case 7:
        return this.#query(writer, "rows 60 ".concat(this.#tag("x".repeat(100))), new Array(60).fill(this.#last));
      case 8:
        return this.#query(writer, this.#rng.next() < 0.5 ? "listen a" : "unlisten *", []);
      case 9:
        return this.#failing(writer);
      default:
        return this.#query(writer, `tag ${this.#tag()}`, [this.#last]);
    }
  }

  #last = "";

  #tag(more = ""): string {
    this.#count += 1;
    this.#last = `${this.#name}:${this.#count}${more}`;
    return this.#last;
  }

  #query(writer: Writer, text: string, rows: readonly string[]): void {
    say.writeQuery(writer, text);
    this.#expected.push(...rows);
    this.#readies += 1;
  }

  #transaction(writer: Writer): void {
    this.#query(writer, "begin", []);
    for (let count = 0; count < 3; count++) this.#query(writer, `tag ${this.#tag()}`, [this.#last]);
    if (this.#rng.next() < 0.3) this.#query(writer, `set ${NAME} = lost`, []);
    this.#query(writer, "rollback", []);
  }

  #pipeline(writer: Writer): void {
    const name = this.#rng.next() < 0.5 ? "" : "s";
    for (let count = Math.floor(this.#rng.next() * 5); count >= 0; count--) {
      if (name === "" || !this.#prepared) say.writeParse(writer, name, "tag $1");
      if (name === "s") this.#prepared = true;
      say.writeBind(writer, "", name, [this.#tag()]);
      say.writeExecute(writer, "", 0);
      say.writeSync(writer);
      this.#expected.push(this.#last);
      this.#readies += 1;
    }
  }

  /** The second of three statements fails: the third is not done. */
  #failing(writer: Writer): void {
    say.writeParse(writer, "", "tag $1");
    say.writeBind(writer, "", "", [this.#tag()]);
    say.writeExecute(writer, "", 0);
    this.#expected.push(this.#last);
    say.writeBind(writer, "", "nobody");
    say.writeParse(writer, "never", "tag never");
    say.writeExecute(writer, "", 0);
    say.writeSync(writer);
    this.#readies += 1;
  }

  #copy(writer: Writer): void {
    const bytes = new Uint8Array(Math.floor(this.#rng.next() * 9_000));
    say.writeQuery(writer, "copyin");
    say.writeCopyData(writer, { bytes, start: 0, end: bytes.length });
    if (this.#rng.next() < 0.1) return this.#vanish();
    if (this.#rng.next() < 0.5) say.writeCopyDone(writer);
    else say.writeCopyFail(writer, "no");
    this.#readies += 1;
  }

  #set(writer: Writer): void {
    const value = `${this.#name}v${this.#count}`;
    this.#settings.set(NAME, value);
    this.#query(writer, `set ${NAME} = ${value}`, []);
  }
}

const NAME = "shop.color";

function textOf(row: Uint8Array): string {
  return new TextDecoder().decode(row.subarray(11));
}

/** Now and then something goes wrong with a connection. */
function planOf(rng: SeededRng): SimPlan {
  const at = Math.floor(rng.next() * 12_000);
  const draw = rng.next();
  if (draw < 0.05) return { upResetAtByte: at };
  if (draw < 0.1) return { downResetAtByte: at };
  if (draw < 0.12) return { downStallAtByte: at };
  return {};
}

function run(seed: number, isSession: boolean): void {
  const rng = new SeededRng(seed);
  const clock = new FakeClock();
  const windowBytes = rng.next() < 0.5 ? 65_536 : 700;
  let stalls = 0;
  const plan = (): SimPlan => {
    const made = planOf(rng);
    if (made.downStallAtByte !== undefined) stalls += 1;
    return made;
  };
  const net = new SimNet({ clock, rng, windowBytes, plan });
  const server = new ModelPostgres(net);
  const rig = new PoolRig({ net, clock, server: server.address, knobs: { size: LINKS }, statementsMax: 2, isSession });
  const talkers: Talker[] = [];
  for (let ms = 0; ms < 20_000; ms += 1) {
    if (talkers.length < CLIENTS && ms % 20 === 0) {
      if (rng.next() < 0.5) rig.startup = new Map([[NAME, "first"]]);
      talkers.push(new Talker(`c${talkers.length}`, rig.dial(), new SeededRng(seed * 1_000 + talkers.length)));
      rig.startup = new Map();
    }
    for (const talker of talkers) talker.step();
    clock.advance(1);
    expect(rig.places.held).toBeLessThanOrEqual(LINKS);
    if (talkers.length === CLIENTS && talkers.every(({ isDone }) => isDone)) break;
  }
  // Whoever is not done waits for a connection that says no more, its own or the server's.
  if (stalls < LINKS) expect(talkers.filter(({ isDone }) => !isDone).length).toBeLessThanOrEqual(stalls);
  for (const talker of talkers) if (!talker.frontend.closed) talker.frontend.wire.close();
  clock.advance(PATIENCE_MS);
  for (const talker of talkers) talker.listen();
  finish({ rig, server, clock });
  clock.advance(PATIENCE_MS);
  expect(rig.statements.size).toBe(0);
  expect(rig.budget.lentBytes).toBe(0);
}

/** Nobody is left, and every link is clean. */
function finish({ rig, server, clock }: { rig: PoolRig; server: ModelPostgres; clock: FakeClock }): void {
  expect(server.complaints).toEqual([]);
  expect(rig.failures.filter(({ code }) => code === "BUG" || code === "SERVER_PROTOCOL").map(String)).toEqual([]);
  expect(rig.clients.size).toBe(0);
  expect(rig.rollbacks.size).toBe(0);
  // The pool itself may have one, to ask after backends that it lost; it gives it back by itself.
  const others = [...rig.pool.links].filter(({ state, user }) => state === "taken" && !(user instanceof OrphanCheck));
  expect(others.map(({ user }) => user?.constructor.name)).toEqual([]);
  for (let ms = 0; ms < ASKING_MS && rig.pool.counts.taken > 0; ms++) clock.advance(1);
  expect(rig.pool.counts.taken).toBe(0);
  // Each place of the limit is a link's, or that of a backend that is looked after.
  expect(rig.places.taken).toBe(rig.places.held + rig.places.orphans);
  const unclean = [...server.sessions].filter(({ status, channels }) => status !== STATUS.idle || channels.size > 0);
  expect(unclean.length).toBeLessThanOrEqual(server.sessions.size - rig.pool.counts.idle);
  rig.stop();
}

for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
  test(
    `pool: no byte goes astray, nobody is stuck, links are clean (seed ${seed})`,
    () => run(seed, seed % 4 === 0),
    60_000,
  );
}
