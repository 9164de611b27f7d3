/** The knobs of the stores that roles refer to by name: [postgres.NAME], [redis.NAME], [queue.NAME]. */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const postgresRows = {
  primary: {
    kind: "url",
    schemes: ["postgres", "postgresql"],
    required: true,
    doc: "The server that takes writes",
    more:
      "A URL as libpq takes it. Keep the password out of the file: write it as ${env:NAME} or ${file:PATH}, " +
      "or leave it out and let Postgres trust the box.",
    example: '"postgres://shop:${file:/etc/scale/db.password}@db1:5432/shop"',
  },
  replicas: {
    kind: "list",
    of: { kind: "url", schemes: ["postgres", "postgresql"] },
    single: true,
    default: [],
    doc: "Servers that follow the primary and can answer reads",
    example: '["postgres://shop@db2:5432/shop"]',
  },
} as const satisfies Rows;

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

export const queueRows = {
  driver: {
    kind: "choice",
    of: ["kafka", "rabbitmq", "sqlite"],
    required: true,
    doc: "What kind of queue it is",
    example: '"kafka"',
  },
  brokers: {
    kind: "list",
    of: { kind: "address", use: "dial" },
    single: true,
    default: [],
    doc: 'Where driver = "kafka" finds its brokers',
    example: '["k1:9092", "k2:9092"]',
  },
  url: {
    kind: "url",
    schemes: ["amqp", "amqps"],
    doc: 'Where driver = "rabbitmq" finds its server',
    example: '"amqp://rabbit1:5672"',
  },
  path: {
    kind: "path",
    doc: 'The file that driver = "sqlite" writes to',
    example: '"./queue.db"',
  },
} as const satisfies Rows;

export type PostgresStore = Values<typeof postgresRows>;
export type RedisStore = Values<typeof redisRows>;
export type QueueStore = Values<typeof queueRows>;
