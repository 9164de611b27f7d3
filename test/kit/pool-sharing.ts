/** Clients of a pool over two links to a real Postgres: who comes gets the link that was used last, with all that was left there. */
import { BunNet } from "../../proxy/net/bun-net.ts";
import { writeBind, writeExecute, writeParse, writeQuery, writeSync } from "../../proxy/pg/frontend-writer.ts";
import { FRONTEND } from "../../proxy/pg/tag.ts";
import type { Writer } from "../../proxy/pg/writer.ts";
import { clock } from "../../src/run/clock.ts";
import { peekSeam } from "../../src/run/os.ts";
import type { PgFrontend } from "./pg-frontend.ts";
import { PoolRig } from "./pool-rig.ts";
import { realPostgres, type RealPostgres } from "./pool-postgres.ts";
import { until } from "./until.ts";

/** One text for each row, its values as psql shows them unaligned. */
export type RowsOf = readonly string[];

/** pg_advisory_lock(bigint). */
const LOCK_FUNCTION = 2880;

export class SharedLink {
  readonly #postgres: RealPostgres;
  readonly #rig: PoolRig;
  readonly #clients: PoolTalk[] = [];

  private constructor(postgres: RealPostgres, rig: PoolRig) {
    this.#postgres = postgres;
    this.#rig = rig;
  }

  static async begin(server: string): Promise<SharedLink> {
    const postgres = await realPostgres({ server, method: "trust" });
    await postgres.sql.unsafe(
      "create schema one; create schema two; create table one.t (a int); insert into one.t values (1);" +
        "create table two.t (a int, b text); insert into two.t values (2, 'two')",
    );
    const rig = new PoolRig({
      ...{ net: new BunNet({ clock, seam: peekSeam }), clock, server: { host: "127.0.0.1", port: postgres.port } },
      ...{ user: postgres.user, database: "postgres", knobs: { size: 2 } },
    });
    return new SharedLink(postgres, rig);
  }

  async client(startup: Readonly<Record<string, string>>): Promise<PoolTalk> {
    this.#rig.startup = new Map(Object.entries(startup));
    const client = new PoolTalk(this.#rig.dial());
    await client.isIn();
    this.#clients.push(client);
    return client;
  }

  /** What each of two clients that differ in that setting reads when both prepare the text. */
  async twoPrepare(name: string, text: string, values: readonly string[]): Promise<RowsOf> {
    const rows: string[] = [];
    for (const value of values) {
      const client = await this.client({ [name.toLowerCase()]: value });
      await client.prepare("s", text);
      rows.push(...(await client.run("s")));
    }
    return rows;
  }

  /** Whoever is there leaves, and the link is clean again. */
  async empty(): Promise<void> {
    for (const client of this.#clients.splice(0)) client.leave();
    await until("the clients are gone", () => this.#rig.clients.size === 0 && this.#rig.rollbacks.size === 0);
  }

  async end(): Promise<void> {
    this.#rig.stop();
    await this.#postgres.stop();
  }
}

/** One client that waits for each answer; an error is thrown. */
export class PoolTalk {
  readonly #frontend: PgFrontend;

  constructor(frontend: PgFrontend) {
    this.#frontend = frontend;
  }

  async isIn(): Promise<void> {
    await this.#answers();
  }

  leave(): void {
    this.#frontend.hangUp();
  }

  ask(sql: string): Promise<RowsOf> {
    return this.#say((writer) => writeQuery(writer, sql));
  }

  prepare(name: string, sql: string): Promise<RowsOf> {
    return this.#say((writer) => {
      writeParse(writer, name, sql);
      writeSync(writer);
    });
  }

  /** Without waiting for what is before it. */
  async prepareBehind(before: string, name: string, sql: string): Promise<void> {
    this.#frontend.said.length = 0;
    this.#frontend.send((writer) => {
      writeQuery(writer, before);
      writeParse(writer, name, sql);
      writeSync(writer);
    });
    await until("both are answered", () => this.#frontend.said.filter(({ name: tag }) => tag === "ready").length === 2);
  }

  run(name: string): Promise<RowsOf> {
    return this.#say((writer) => {
      writeBind(writer, "", name);
      writeExecute(writer, "", 0);
      writeSync(writer);
    });
  }

  /** The advisory lock of that number, by a function call message. */
  lockByCall(key: number): Promise<RowsOf> {
    const body = new Uint8Array(22);
    const view = new DataView(body.buffer);
    view.setUint32(0, LOCK_FUNCTION);
    // One format, binary; one value, of 8 bytes; the result binary.
    for (const [at, value] of [1, 1, 1].entries()) view.setUint16(4 + 2 * at, value);
    view.setUint32(10, 8);
    view.setUint32(18, key);
    return this.#say((writer) => writer.begin(FRONTEND.functionCall).raw(body, 0, 22).uint16(1).close());
  }

  #say(write: (writer: Writer) => void): Promise<RowsOf> {
    this.#frontend.said.length = 0;
    this.#frontend.send(write);
    return this.#answers();
  }

  async #answers(): Promise<RowsOf> {
    const { said } = this.#frontend;
    await until("it is answered", () => said.some(({ name }) => name === "ready") || this.#frontend.closed);
    if (said.some(({ name }) => name === "error")) throw new Error(this.#frontend.error.message ?? "");
    return said.filter(({ name }) => name === "dataRow").map(({ bytes }) => rowOf(bytes));
  }
}

function rowOf(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const values: string[] = [];
  let at = 7;
  for (let left = view.getUint16(5); left > 0; left--) {
    const length = Math.max(0, view.getInt32(at));
    values.push(new TextDecoder().decode(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return values.join("|");
}
