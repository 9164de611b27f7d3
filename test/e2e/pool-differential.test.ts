/**
 * The same random conversations, valid and not, with a real Postgres and with the pool before it: the answers must be the
 * same, while another client uses the pool's few links between any two batches.
 */
import { expect } from "bun:test";
import connect from "postgres";
import { BunNet } from "../../proxy/net/bun-net.ts";
import { writeQuery } from "../../proxy/pg/frontend-writer.ts";
import type { NoticeTexts } from "../../proxy/pg/notice.ts";
import { writeStartup } from "../../proxy/pg/startup.ts";
import { clock } from "../../src/run/clock.ts";
import { peekSeam } from "../../src/run/os.ts";
import { needs } from "../kit/needs.ts";
import { PgFrontend } from "../kit/pg-frontend.ts";
import { strokes, type Stroke, writeEnd } from "../kit/pg-strokes.ts";
import type { Said } from "../kit/pg-talk.ts";
import { PoolRig } from "../kit/pool-rig.ts";
import { realPostgres, type RealPostgres } from "../kit/pool-postgres.ts";
import { SeededRng } from "../kit/rng.ts";
import { until } from "../kit/until.ts";

const { test, path } = needs("postgres");
const BATCHES = Number(process.env.POOL_BATCHES ?? 400);
const SEED = Number(process.env.POOL_SEED ?? 1);
/** Batches until both begin anew. */
const LIFE = 12;
/** Advisory locks are of a database, so each side has its own. */
const DATABASES = ["direct", "pooled"];

/** One side of the comparison. */
class Side {
  readonly #make: () => PgFrontend;
  #frontend: PgFrontend;

  constructor(make: () => PgFrontend) {
    this.#make = make;
    this.#frontend = make();
  }

  get closed(): boolean {
    return this.#frontend.closed || this.#frontend.ended;
  }

  /** Some of what is said here ends the server itself, which then takes nobody for a moment. */
  async begin(): Promise<void> {
    await until("the client is let in", () => {
      if (this.closed || this.#frontend.words.includes("error")) this.again();
      return this.#frontend.said.some(({ name }) => name === "ready");
    });
    this.#frontend.said.splice(0, this.#frontend.said.length - 1);
  }

  again(): void {
    if (!this.#frontend.closed) this.#frontend.wire.close();
    this.#frontend = this.#make();
  }

  leave(): void {
    if (!this.#frontend.closed) this.#frontend.hangUp();
  }

  /** What is answered to a batch, as lines. */
  async answers(batch: readonly Stroke[]): Promise<readonly string[]> {
    const { said } = this.#frontend;
    said.length = 0;
    for (const stroke of batch) this.#frontend.send((writer) => stroke.write(writer));
    this.#frontend.send(writeEnd);
    const isAnswered = (): boolean => {
      const at = said.findIndex(({ name }) => name === "emptyQuery");
      return this.closed || (at >= 0 && said.slice(at).some(({ name }) => name === "ready"));
    };
    await until("the batch is answered", isAnswered);
    return said.filter(({ name }) => name !== "parameterStatus").map(lineOf);
  }
}

test("a pool answers as Postgres does", async () => {
  const postgres = await realPostgres({ server: path("postgres"), method: "trust" });
  for (const database of DATABASES) await makeDatabase(postgres, database);
  const net = new BunNet({ clock, seam: peekSeam });
  const server = { host: "127.0.0.1", port: postgres.port };
  const rig = new PoolRig({
    ...{ net, clock, server, user: postgres.user, database: "pooled", statementsMax: 3, knobs: { size: 2 } },
  });
  rig.startup = new Map([["search_path", "shop"]]);
  try {
    await compare({ rig, postgres, net, rng: new SeededRng(SEED) });
    expect(rig.failures.filter(({ code }) => code === "BUG" || code === "SERVER_PROTOCOL")).toEqual([]);
  } finally {
    rig.stop();
    await postgres.stop();
  }
}, 600_000);

interface Comparison {
  readonly rig: PoolRig;
  readonly postgres: RealPostgres;
  readonly net: BunNet;
  readonly rng: SeededRng;
}

async function compare({ rig, postgres, net, rng }: Comparison): Promise<void> {
  const direct = new Side(() => {
    const frontend = new PgFrontend(net, { host: "127.0.0.1", port: postgres.port });
    const startup = [
      ["user", postgres.user],
      ["database", "direct"],
      ["search_path", "shop"],
    ] as const;
    frontend.send((writer) => writeStartup(writer, 0, startup));
    return frontend;
  });
  const pooled = new Side(() => rig.dial());
  const noise = new Side(() => rig.dial());
  await Promise.all([direct.begin(), pooled.begin(), noise.begin()]);
  let history: string[] = [];
  for (let batch = 0; batch < BATCHES; batch++) {
    if (batch % LIFE === LIFE - 1 || direct.closed || pooled.closed) {
      direct.again();
      pooled.again();
      if (noise.closed) noise.again();
      await Promise.all([direct.begin(), pooled.begin(), noise.begin()]);
      history = [];
    }
    const said = strokes(rng, 1 + Math.floor(rng.next() * 7));
    history.push(`-- batch ${batch}`, ...said.map(({ name }) => name));
    const wanted = await direct.answers(said);
    const got = await pooled.answers(said).catch((error: unknown) => [String(error)]);
    if (direct.closed && pooled.closed) continue;
    if (!same(got, wanted)) {
      console.error(`seed ${SEED}\n${history.join("\n")}`);
      expect(got).toEqual([...wanted]);
    }
    await noise.answers([{ name: "noise", write: (writer) => writeQuery(writer, pickNoise(batch)) }]);
  }
  direct.leave();
  pooled.leave();
  noise.leave();
}

async function makeDatabase({ sql, url }: RealPostgres, database: string): Promise<void> {
  await sql.unsafe(`create database ${database}`);
  const inside = connect(url.replace(/[^/]*$/, database), { max: 1 });
  await inside.unsafe("create schema shop; create table shop.t (a int)");
  await inside.end();
}

/**
 * In a transaction that has failed meanwhile the pool cannot prepare again what the link does not have: the server says
 * 25P02 then, where it would have found another fault with the message itself; and what the link has it has said already.
 */
function same(answers: readonly string[], wanted: readonly string[]): boolean {
  const isForged = (line: string, at: number): boolean =>
    line === "parseComplete" && answers[at + 1]?.startsWith("error 25P02") === true;
  const got = answers.filter((line, at) => !isForged(line, at) || answers.length === wanted.length);
  const isSame = (line: string, at: number): boolean =>
    line === wanted[at] || (line.startsWith("error 25P02") && wanted[at]?.startsWith("error ") === true);
  return got.length === wanted.length && got.every(isSame);
}

const NOISE = ["set statement_timeout = '1s'", "set timezone = 'UTC'", "select 99", "prepare_not", "begin; rollback"];

function pickNoise(batch: number): string {
  return NOISE[batch % NOISE.length] as string;
}

/**
 * Errors by what a driver goes by, and their words; what differs is known: one error names a statement, which has another
 * name on a link.
 */
function lineOf({ name, value, bytes }: Said): string {
  if (name === "error" || name === "notice") {
    const { code, message } = value as NoticeTexts;
    return `${name} ${code} ${message?.replace(/(supplies .* prepared statement) "\w+"/, "$1")}`;
  }
  if (name === "dataRow") return `${name} ${Buffer.from(bytes).toString("latin1").slice(5, 80)}`;
  return value === undefined ? name : `${name} ${JSON.stringify(value)}`;
}
