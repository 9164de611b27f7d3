/**
 * Every statement the demo sends. All but `recent` name one slug, so a shard can answer each alone.
 * What the tiers route, pool, cache and split is exactly this.
 */
import type { Sql } from "postgres";
import { makeSlug } from "./slug.ts";

export interface Link {
  readonly slug: string;
  readonly url: string;
}

export interface RecentLink extends Link {
  readonly owner: string | null;
  readonly createdAt: Date;
  readonly clicks: number;
}

export interface NewLink {
  readonly url: string;
  /** Drawn by chance when absent. */
  readonly slug?: string;
  readonly owner?: string;
}

/** With 10⁹ links the chance of five collisions in a row is below 10⁻¹⁵. */
const DRAWS_MAX = 5;

/** `undefined`: the slug is taken. */
export async function create(db: Sql, wanted: NewLink): Promise<Link | undefined> {
  for (let draw = 1; draw <= DRAWS_MAX; draw += 1) {
    const slug = wanted.slug ?? makeSlug();
    const rows = await db<Link[]>`
      insert into links (slug, url, owner) values (${slug}, ${wanted.url}, ${wanted.owner ?? null})
      on conflict (slug) do nothing
      returning slug, url`;
    if (rows[0] !== undefined || wanted.slug !== undefined) return rows[0];
  }
  return undefined;
}

/**
 * Finds where a link leads and counts the click, in one statement and so in one round trip: the redirect is answered
 * when the click is durable, and costs no more than that.
 */
export async function follow(db: Sql, slug: string, referrer: string | undefined): Promise<string | undefined> {
  const rows = await db<{ url: string }[]>`
    with link as (select url from links where slug = ${slug}),
         click as (insert into clicks (slug, referrer) select ${slug}, ${referrer ?? null} from link)
    select url from link`;
  return rows[0]?.url;
}

export async function find(db: Sql, slug: string): Promise<Link | undefined> {
  const rows = await db<Link[]>`select slug, url from links where slug = ${slug}`;
  return rows[0];
}

/** How often a link was followed; `undefined`: there is no such link. */
export async function countClicks(db: Sql, slug: string): Promise<number | undefined> {
  const rows = await db<{ clicks: string }[]>`
    select (select count(*) from clicks where slug = ${slug}) as clicks from links where slug = ${slug}`;
  const row = rows[0];
  return row === undefined ? undefined : Number(row.clicks);
}

/** The newest links first. Two statements that every shard answers for its own slugs. */
export async function recent(db: Sql, limit: number): Promise<RecentLink[]> {
  const links = await db<Omit<RecentLink, "clicks">[]>`
    select links.slug, links.url, coalesce(users.name, links.owner) as owner, links.created_at as "createdAt"
    from links left join users on users.id = links.owner
    order by links.created_at desc, links.slug limit ${limit}`;
  if (links.length === 0) return [];
  const counts = await db<{ slug: string; clicks: string }[]>`
    select slug, count(*) as clicks from clicks where slug = any(${links.map((link) => link.slug)}) group by slug`;
  const clicks = new Map(counts.map((row) => [row.slug, Number(row.clicks)]));
  return links.map((link) => ({ ...link, clicks: clicks.get(link.slug) ?? 0 }));
}

export async function ping(db: Sql): Promise<void> {
  await db`select 1`;
}
