/**
 * Tagged data of many clients over few links: every answer must carry the tag, the number and the settings of who asked.
 * Simple, prepared and unprepared statements, transactions and settings, mixed by a seed.
 */
import pg from "pg";
import { SeededRng } from "./rng.ts";

export interface IsolationOrder {
  readonly url: string;
  readonly clients: number;
  /** Over all clients. */
  readonly messages: number;
  readonly seed: number;
}

export interface IsolationResult {
  readonly answered: number;
  /** What came that somebody else had asked for. */
  readonly astray: readonly string[];
}

export async function isolate({ url, clients, messages, seed }: IsolationOrder): Promise<IsolationResult> {
  const astray: string[] = [];
  let answered = 0;
  const each = Math.ceil(messages / clients);
  const run = async (tag: number): Promise<void> => {
    const rng = new SeededRng(seed + tag);
    const client = new pg.Client({ connectionString: url, application_name: `client ${tag}` });
    await client.connect();
    const check = (got: unknown, wanted: string): void => {
      answered += 1;
      if (got !== wanted) astray.push(`client ${tag} got ${String(got)}, wanted ${wanted}`);
    };
    for (let number = 0; number < each;) number += await exchange({ client, tag, rng, check, number });
    await client.end();
  };
  await Promise.all(Array.from({ length: clients }, (_, tag) => run(tag)));
  return { answered, astray };
}

interface Exchange {
  readonly client: pg.Client;
  readonly tag: number;
  readonly rng: SeededRng;
  readonly number: number;
  check(got: unknown, wanted: string): void;
}

/** Returns how many answers it was. */
async function exchange({ client, tag, rng, check, number }: Exchange): Promise<number> {
  const wanted = `${tag}:${number}`;
  const draw = rng.next();
  if (draw < 0.4) {
    const query = {
      name: `mine ${tag % 7}`,
      text: `select $1::text || ':' || $2::text as t, ${tag % 7}`,
      values: [tag, number],
    };
    check((await client.query(query)).rows[0].t, wanted);
    return 1;
  }
  if (draw < 0.7) {
    check((await client.query(`select '${wanted}' as t`)).rows[0].t, wanted);
    return 1;
  }
  if (draw < 0.85) {
    const all = await Promise.all(
      Array.from({ length: 5 }, (_, index) => client.query("select $1::text as t", [`${wanted}.${index}`])),
    );
    for (const [index, { rows }] of all.entries()) check(rows[0].t, `${wanted}.${index}`);
    return all.length;
  }
  if (draw < 0.95) {
    await client.query("begin");
    await client.query(`set local application_name = 'inside ${tag}'`);
    check((await client.query("select current_setting('application_name') as t")).rows[0].t, `inside ${tag}`);
    await client.query(rng.next() < 0.5 ? "commit" : "rollback");
    return 1;
  }
  check((await client.query("select current_setting('application_name') as t")).rows[0].t, `client ${tag}`);
  return 1;
}
