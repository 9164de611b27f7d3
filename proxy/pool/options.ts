/** The knobs of [pool]: the role that shares few Postgres connections among many clients. */
import type { Rows, Values } from "../base/schema.ts";

export const poolRows = {
  listen: {
    kind: "list",
    of: { kind: "address", use: "listen" },
    single: true,
    countMin: 1,
    default: ["127.0.0.1:6432"],
    doc: "Where clients find the pool",
    more: '"unix:PATH" is a folder in which the pool makes Postgres\' own socket name, as libpq expects it.',
    example: '["0.0.0.0:6432", "unix:/run/scale"]',
  },
  advertise: {
    kind: "list",
    of: { kind: "address", use: "dial" },
    single: true,
    default: [],
    doc: 'What app boxes on other machines dial for db = "pool"',
    defaultText: "listen, when it names one host",
    example: '["pool1:6432", "pool2:6432"]',
  },
  workers: {
    kind: "either",
    of: [
      { kind: "choice", of: ["auto"] },
      { kind: "integer", min: 1, max: 256 },
    ],
    default: "auto",
    doc: "How many processes carry the traffic",
    more: '"auto" is one per core, but not more than one for every 8 connections of the largest database.',
  },
  clients_max: {
    kind: "integer",
    min: 1,
    max: 65_536,
    default: 10_000,
    doc: "Most clients at once; one more is told 53300 too_many_connections",
  },
  login_timeout: {
    kind: "duration",
    min: "100ms",
    max: "10m",
    default: "15s",
    doc: "How long a client may take to log in",
  },
  wait_timeout: {
    kind: "duration",
    min: "0s",
    max: "1h",
    default: "30s",
    doc: 'How long a client may wait for a free connection; "0s" is for ever',
  },
  tls: {
    kind: "table",
    optional: true,
    doc: "TLS with clients that ask for it",
    rows: {
      cert: {
        kind: "path",
        orPem: true,
        required: true,
        doc: "The certificate chain, PEM",
        example: '"/etc/scale/tls.crt"',
      },
      key: { kind: "path", orPem: true, required: true, doc: "Its private key, PEM", example: '"/etc/scale/tls.key"' },
      required: { kind: "flag", default: false, doc: "Whether clients without TLS are refused" },
    },
  },
  auth: {
    kind: "choice",
    of: ["password", "peer", "trust"],
    default: "password",
    doc: "What clients must show",
    more:
      '"password": everyone shows one (SCRAM-SHA-256, or MD5 where only that is stored). "peer": over a unix socket, who ' +
      'runs as the same system user need not. "trust": nobody needs to; only where every client that reaches it may.',
  },
  admin_users: {
    kind: "list",
    of: { kind: "text", lengthMax: 63 },
    single: true,
    default: [],
    doc: 'Who may say PAUSE, RESUME and RELOAD in the database "scale" (or "pgbouncer")',
    more: "Over a unix socket the box's own system user always may.",
    example: '["dba"]',
  },
  stats_users: {
    kind: "list",
    of: { kind: "text", lengthMax: 63 },
    single: true,
    default: [],
    doc: "Who may only look there (SHOW)",
    example: '["exporter"]',
  },
  prepared_statements_max: {
    kind: "integer",
    min: 1,
    max: 100_000,
    default: 200,
    doc: "Most prepared statements on each server connection; the one unused for longest gives way",
    more: "A client may have any of them under names of its own: they are prepared again where they are missing.",
  },
  users: {
    kind: "map",
    key: "USER",
    keys: "any",
    doc: "Who may log in; without any, clients log in with the user of the store",
    of: {
      kind: "table",
      short: "password",
      rows: {
        password: {
          kind: "text",
          required: true,
          lengthMax: 4_096,
          secret: true,
          doc: "The password, or what pg_authid holds of it (SCRAM-SHA-256$… or md5…)",
          example: '"${file:/etc/scale/shop.password}"',
        },
      },
    },
  },
  databases: {
    kind: "map",
    key: "NAME",
    keys: "any",
    doc: "The databases that clients may name",
    of: {
      kind: "table",
      short: "store",
      rows: {
        store: {
          kind: "text",
          names: "postgres",
          required: true,
          doc: "The [postgres.NAME] behind it",
          example: '"main"',
        },
        mode: {
          kind: "choice",
          of: ["transaction", "session"],
          default: "transaction",
          doc: "How long a client keeps a connection",
          more: '"transaction" gives it back at the end of each transaction, "session" when the client leaves.',
        },
        session_state: {
          kind: "choice",
          of: ["pin", "refuse"],
          default: "pin",
          doc: "What becomes of what only a session can hold, in transaction mode",
          more:
            "LISTEN, temporary tables, advisory locks, cursors WITH HOLD, SQL PREPARE. " +
            '"pin" keeps the connection for the client until it is let go of, "refuse" answers with an error.',
        },
        size: {
          kind: "integer",
          min: 1,
          max: 10_000,
          default: 20,
          doc: "Most connections to each server of the store, over all users of this box",
        },
        idle_timeout: {
          kind: "duration",
          min: "0s",
          max: "24h",
          default: "10m",
          doc: 'When an unused connection is closed; "0s" is never',
        },
      },
    },
  },
} as const satisfies Rows;

export type PoolOptions = Values<typeof poolRows>;
