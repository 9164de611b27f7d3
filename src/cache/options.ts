/** The knobs of [redis.NAME]: a Redis server or a Redis Cluster, named once; roles refer to it by its name. */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const redisRows = {
  url: {
    kind: "url",
    schemes: ["redis", "rediss"],
    doc: "A single server",
    more: "Either url or nodes.",
    example: '"redis://cache1:6379"',
  },
  nodes: {
    kind: "list",
    of: { kind: "address", use: "dial" },
    default: [],
    doc: "Some nodes of a Redis Cluster; it tells the others itself",
    more: "Either url or nodes.",
    example: '["cache1:6379", "cache2:6379"]',
  },
  user: { kind: "text", lengthMax: 256, doc: "The user that the nodes of a cluster know us as" },
  password: { kind: "text", lengthMax: 4_096, secret: true, doc: "The password for the nodes of a cluster" },
  tls: { kind: "flag", default: false, doc: "Whether the nodes of a cluster are spoken to in TLS" },
} as const satisfies Rows;

export type RedisOptions = Values<typeof redisRows>;
