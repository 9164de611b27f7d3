/**
 * The knobs of [app]: the user's program and what it is given. Which of them are obeyed already is said by `notBuilt`
 * here and, for single values of a knob, by `src/config/not-built.ts`.
 */
import type { Rows, Values } from "../../proxy/base/schema.ts";
import { processRows } from "../run/options.ts";

export const appRows = {
  entry: {
    kind: "path",
    doc: "The program: a JavaScript or TypeScript file",
    more:
      "Loaded unchanged: an Express, Fastify, Hono or node:http server that listens, `export default app`, `export default { fetch }`, " +
      "Bun.serve or Deno.serve. Its own node_modules and tsconfig are used. Either entry or command.",
    example: '"./server.ts"',
  },
  command: {
    kind: "list",
    of: { kind: "text" },
    countMin: 1,
    doc: "The program: any command that serves HTTP on the port in PORT",
    more: "Started in the folder of this file and supervised like an entry. Either entry or command.",
    example: '["python3", "server.py"]',
  },
  listen: {
    kind: "address",
    use: "listen",
    default: "127.0.0.1:3000",
    doc: "Where the app answers",
    more: 'A port alone is a port of 127.0.0.1. "0.0.0.0:3000" answers to other machines too, "unix:PATH" on a unix socket.',
    example: '"0.0.0.0:3000"',
  },
  workers: {
    kind: "either",
    of: [
      { kind: "choice", of: ["auto"] },
      { kind: "integer", min: 1, max: 256 },
    ],
    default: 1,
    doc: "How many processes run the program",
    more: '"auto" is one per core. With more than one, a balancer and one shared database pool stand before them (tier 2).',
    example: '"auto"',
  },
  db: {
    kind: "text",
    pattern: "^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9_.-]+)?$",
    looksLike: 'the name of a [postgres.NAME], "pool", "pool/NAME" or "router"',
    doc: "The database the program gets in DATABASE_URL and as `db`",
    defaultText: "the only [postgres.NAME] there is",
    more:
      'A [postgres.NAME] is dialled directly, "pool" goes through the [pool] (through its database NAME with "pool/NAME"), "router" through the [router]. ' +
      "This is the pointer that moves when you climb a tier.",
    example: '"main"',
  },
  cache: {
    kind: "text",
    names: "redis",
    doc: "The [redis.NAME] the program gets in REDIS_URL and as `cache`",
    defaultText: "the only [redis.NAME] there is",
    example: '"cache"',
    notBuilt: "the cache comes with tier 3",
  },
  queue: {
    kind: "text",
    names: "queue",
    doc: "The [queue.NAME] the program gets as `queue`",
    defaultText: "the only [queue.NAME] there is",
    example: '"main"',
    notBuilt: "the write buffer comes with tier 4",
  },
  deno: {
    kind: "choice",
    of: ["auto", "on", "off"],
    default: "auto",
    doc: "Whether the program finds a global `Deno`",
    more: '"auto" gives it one when its source or a deno.json beside it asks for it.',
  },
  pool: {
    kind: "table",
    doc: "All database connections of this box, shared by its workers",
    rows: {
      max: {
        kind: "integer",
        min: 1,
        max: 10_000,
        default: 20,
        doc: "Most connections to the database at once",
        more: "20 to 50 serve thousands of requests a second: Postgres works best with few busy connections.",
      },
    },
  },
  env: {
    kind: "map",
    of: { kind: "text" },
    key: "NAME",
    keys: "any",
    secret: true,
    doc: "Additions to the environment of the program",
    example: '{ FEATURE_X = "on", API_KEY = "${file:/etc/shop/api-key}" }',
  },
  groups: {
    kind: "map",
    key: "NAME",
    keys: "name",
    doc: "Groups of boxes with another task, started with --role app --group NAME",
    notBuilt: "groups come with tier 4",
    of: {
      kind: "table",
      rows: {
        consume: {
          kind: "list",
          of: { kind: "text" },
          single: true,
          default: [],
          doc: "The topics of the queue that this group takes from",
          example: '["links"]',
        },
        entry: { kind: "path", doc: "The program of this group", defaultText: "app.entry" },
        workers: {
          kind: "either",
          of: [
            { kind: "choice", of: ["auto"] },
            { kind: "integer", min: 1, max: 256 },
          ],
          doc: "How many processes run it",
          defaultText: "app.workers",
        },
      },
    },
  },
  ...processRows,
} as const satisfies Rows;

export type AppOptions = Values<typeof appRows>;
