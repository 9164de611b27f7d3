/** What the clients met, in words, and what the database has to say of what they were told. */
import { expect } from "bun:test";
import { until } from "./until.ts";
import type { RealPostgres } from "./pool-postgres.ts";
import type { Failure, StormCount } from "./storm-clients.ts";

/** Every deal whose answer arrived was made; what was made and not told belongs to a request that failed. */
export async function keepsWord({ sql }: RealPostgres, seed: number, { dealt, failed }: StormCount): Promise<void> {
  const rows = await sql<{ id: string }[]>`select id from deals where id like ${`${seed}.%`}`;
  const made = new Set(rows.map(({ id }) => id));
  expect(dealt.filter((id) => !made.has(id))).toEqual([]);
  expect(dealt.length).toBeGreaterThan(0);
  const open = failed.filter(({ kind }) => kind === "deal").length;
  expect(made.size - dealt.length).toBeLessThanOrEqual(open);
}

/** No link is lost for good: so many statements can run at once, and whoever waits for one of them gets his turn. */
export async function canHoldAll({ sql }: RealPostgres, url: string, max: number): Promise<void> {
  const ask = async (): Promise<string> => {
    const answer = await fetch(`${url}/hold`, { keepalive: false });
    return answer.ok ? "held" : await answer.text();
  };
  const held = Promise.all(Array.from({ length: 2 * max }, ask));
  await until(`${max} statements run at once`, async () => {
    const running = await sql`
      select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(0.5)%' and pid <> pg_backend_pid()`;
    return running.length === max;
  });
  expect((await held).filter((said) => said !== "held")).toEqual([]);
}

/** In a line. */
export function wordsOf({ kind, way, keep, port, why, sentMs, failedMs }: Failure): string {
  const sent = new Date(sentMs).toISOString().slice(11, -1);
  return `${kind} by ${keep ? "a kept" : "its own"} connection of ${way} (port ${port}), sent ${sent}, ${failedMs - sentMs} ms: ${why}`;
}
