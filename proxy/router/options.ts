/** The knobs of [router]: the role that makes several Postgres clusters answer as one database. */
import type { Rows, Values } from "../base/schema.ts";

export const routerRows = {
  listen: {
    kind: "list",
    of: { kind: "address", use: "listen" },
    single: true,
    countMin: 1,
    default: ["127.0.0.1:6543"],
    doc: "Where clients find the router",
    example: '"0.0.0.0:6543"',
  },
  advertise: {
    kind: "list",
    of: { kind: "address", use: "dial" },
    single: true,
    default: [],
    doc: 'What app boxes on other machines dial for db = "router"',
    defaultText: "listen, when it names one host",
    example: '["router1:6543"]',
  },
  workers: {
    kind: "either",
    of: [
      { kind: "choice", of: ["auto"] },
      { kind: "integer", min: 1, max: 256 },
    ],
    default: "auto",
    doc: "How many processes carry the traffic",
    more: '"auto" is one per core.',
  },
  shards: {
    kind: "list",
    of: { kind: "text", names: "postgres" },
    countMin: 1,
    countMax: 256,
    required: true,
    doc: "The [postgres.NAME] that hold the data, in their order",
    more: "The map from key to shard lives in the shards themselves. This list only seeds it; a list that disagrees with it refuses to start.",
    example: '["shard0", "shard1", "shard2"]',
  },
  size: {
    kind: "integer",
    min: 1,
    max: 10_000,
    default: 20,
    doc: "Most connections to each server of each shard, over all users of this box",
  },
  tables: {
    kind: "map",
    key: "TABLE",
    keys: "any",
    doc: "What each table is: sharded by a key, the same on all shards, or on one shard",
    more:
      'A table that is not named is an error, unless "*" says what it is. Tables with the same type of key and the same function ' +
      "have their rows of one key on one shard, so that they can be joined.",
    of: {
      kind: "either",
      of: [
        { kind: "choice", of: ["reference"] },
        { kind: "text", pattern: "^single:[A-Za-z0-9_-]+$", looksLike: '"single:SHARD"' },
        {
          kind: "table",
          rows: {
            key: {
              kind: "text",
              lengthMax: 63,
              required: true,
              doc: "The column whose value says which shard a row is on",
              example: '"slug"',
            },
          },
        },
      ],
    },
    example: '{ links = { key = "slug" }, users = "reference", "*" = "single:shard0" }',
  },
} as const satisfies Rows;

export type RouterOptions = Values<typeof routerRows>;
