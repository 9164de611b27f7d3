/**
 * The tables of the demo and what is in them on the first day. Made once, however many workers start at the same moment:
 * all in one transaction under one advisory lock, so that the tables are there with their rows or not at all.
 * Every row of `links` and `clicks` is found by its slug, so that later tiers can shard by it; `users` is on every shard.
 */
import type { Sql, TransactionSql } from "postgres";

/** Any number that nobody else locks; the letters "demo". */
const LOCK = 0x64656d6f;

const USERS = [
  { id: "ada", name: "Ada" },
  { id: "grace", name: "Grace" },
  { id: "edsger", name: "Edsger" },
] as const;

const LINKS = [
  { slug: "postgres", url: "https://www.postgresql.org/docs/current/", owner: "ada", clicks: 12, minutesAgo: 50 },
  {
    slug: "express",
    url: "https://expressjs.com/en/starter/hello-world.html",
    owner: "grace",
    clicks: 7,
    minutesAgo: 40,
  },
  { slug: "redis", url: "https://redis.io/docs/latest/", owner: "edsger", clicks: 4, minutesAgo: 30 },
  { slug: "http", url: "https://www.rfc-editor.org/rfc/rfc9110.html", owner: "ada", clicks: 3, minutesAgo: 20 },
] as const;

/** True when this call made the tables, false when they were there. */
export async function prepareTables(db: Sql): Promise<boolean> {
  if (await standing(db)) return false;
  return db.begin(async (step) => {
    await step`select pg_advisory_xact_lock(${LOCK})`;
    if (await standing(step)) return false;
    await makeTables(step);
    await seed(step);
    return true;
  });
}

/** Reads the catalogue as a table: `to_regclass` would answer from a cache that waiting for a lock does not refresh. */
async function standing(db: Sql | TransactionSql): Promise<boolean> {
  const rows = await db<{ tables: string }[]>`
    select count(*) as tables from pg_catalog.pg_class
    where relname in ('links', 'clicks', 'users') and pg_catalog.pg_table_is_visible(oid)`;
  return rows[0]?.tables === "3";
}

async function makeTables(step: TransactionSql): Promise<void> {
  await step`
    create table if not exists users (
      id text primary key,
      name text not null,
      created_at timestamptz not null default now()
    )`;
  await step`
    create table if not exists links (
      slug text primary key,
      url text not null,
      owner text,
      created_at timestamptz not null default now()
    )`;
  await step`create index if not exists links_recent on links (created_at desc, slug)`;
  await step`
    create table if not exists clicks (
      slug text not null,
      at timestamptz not null default now(),
      referrer text
    )`;
  await step`create index if not exists clicks_by_slug on clicks (slug, at)`;
}

async function seed(step: TransactionSql): Promise<void> {
  for (const { id, name } of USERS) {
    await step`insert into users (id, name) values (${id}, ${name}) on conflict do nothing`;
  }
  for (const { slug, url, owner, clicks, minutesAgo } of LINKS) {
    await step`
      insert into links (slug, url, owner, created_at)
      values (${slug}, ${url}, ${owner}, now() - make_interval(mins => ${minutesAgo})) on conflict do nothing`;
    for (let minute = 1; minute <= clicks; minute += 1) {
      await step`insert into clicks (slug, at) values (${slug}, now() - make_interval(mins => ${minute}))`;
    }
  }
}
