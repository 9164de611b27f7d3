/** The knobs of [postgres.NAME]: a Postgres cluster, named once; roles refer to it by its name. */
import type { Rows, Values } from "../base/schema.ts";

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

export type PostgresOptions = Values<typeof postgresRows>;
