/**
 * Looks at pg_stat_activity all the time, from inside the server and over a connection of its own: how many connections there
 * ever were at once, besides those that say that they watch.
 */
import postgres from "postgres";
import type { RealPostgres } from "./pool-postgres.ts";

export interface Watched {
  readonly most: number;
  /** How often it has looked. */
  readonly looks: number;
  /** Who they were when there were most of them. */
  readonly who: string;
}

const LOOKS = `create or replace function watch(ms int, inout most int, out looks int, out who text) language plpgsql as $$
declare
  ends timestamptz := clock_timestamp() + ms * interval '1 millisecond';
  now int;
begin
  looks := 0;
  while clock_timestamp() < ends loop
    perform pg_stat_clear_snapshot();
    select count(*) into now from pg_stat_activity where ${"backend_type = 'client backend' and application_name <> 'watch'"};
    if now > most then
      most := now;
      select string_agg(concat_ws(' ', pid, usename, application_name, state, backend_start::time), '; ' order by backend_start)
        into who from pg_stat_activity where backend_type = 'client backend' and application_name <> 'watch';
    end if;
    looks := looks + 1;
    perform pg_sleep(0.002);
  end loop;
end $$`;
const WATCH_MS = 200;

export class ActivityWatch {
  readonly #sql: postgres.Sql;
  readonly #watching: Promise<void>;
  #watched: Watched = { most: 0, looks: 0, who: "" };
  #stopping = false;

  private constructor(sql: postgres.Sql) {
    this.#sql = sql;
    this.#watching = this.#watch();
  }

  static async start({ url }: RealPostgres): Promise<ActivityWatch> {
    const sql = postgres(url, { max: 1, onnotice: () => undefined, connection: { application_name: "watch" } });
    await sql.unsafe(LOOKS);
    return new ActivityWatch(sql);
  }

  get most(): number {
    return this.#watched.most;
  }

  /** May be called again. */
  async stop(): Promise<Watched> {
    this.#stopping = true;
    await this.#watching;
    await this.#sql.end({ timeout: 1 });
    return this.#watched;
  }

  async #watch(): Promise<void> {
    while (!this.#stopping) {
      const [seen] = await this.#sql<Watched[]>`select most, looks, who from watch(${WATCH_MS}, ${this.#watched.most})`;
      if (seen === undefined) continue;
      const { most, looks, who } = this.#watched;
      this.#watched = {
        most: Math.max(most, seen.most),
        looks: looks + seen.looks,
        who: seen.most > most ? seen.who : who,
      };
    }
  }
}
