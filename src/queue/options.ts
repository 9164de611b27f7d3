/** The knobs of [queue.NAME]: where writes are buffered, named once; roles refer to it by its name. */
import type { Rows, Values } from "../../proxy/base/schema.ts";

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

export type QueueOptions = Values<typeof queueRows>;
