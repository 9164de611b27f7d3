/** The knobs of [lb]: the role that stands before HTTP and TCP servers. */
import type { Rows, Values } from "../base/schema.ts";

const checkRows = {
  path: {
    kind: "text",
    pattern: "^/",
    looksLike: "a path that starts with /",
    lengthMax: 4_096,
    doc: "What is asked for; without it a TCP connect is the check",
    example: '"/readyz"',
  },
  interval: { kind: "duration", min: "100ms", max: "1h", default: "2s", doc: "How often a server is asked" },
  timeout: { kind: "duration", min: "10ms", max: "1h", default: "1s", doc: "How long it may take to answer" },
  rise: { kind: "integer", min: 1, max: 100, default: 2, doc: "Good answers in a row until it is used again" },
  fall: { kind: "integer", min: 1, max: 100, default: 3, doc: "Bad answers in a row until it is not used" },
} as const satisfies Rows;

const upstreamRows = {
  servers: {
    kind: "list",
    single: true,
    countMin: 1,
    required: true,
    doc: "The servers that share the work",
    example: '["app1:3000", "app2:3000"]',
    of: {
      kind: "table",
      short: "address",
      rows: {
        address: {
          kind: "address",
          use: "dial",
          required: true,
          doc: "The address that the balancer dials",
          example: '"app1:3000"',
        },
        weight: { kind: "integer", min: 0, max: 1_000, default: 1, doc: "Its share of the work; 0 takes none" },
      },
    },
  },
  balance: {
    kind: "choice",
    of: ["least", "round-robin"],
    default: "least",
    doc: "Who gets the next request",
    more: '"least" compares two servers taken by chance and takes the less busy one.',
  },
  health: {
    kind: "table",
    short: "path",
    doc: "How it is found out whether a server can serve",
    rows: checkRows,
    example: '{ path = "/readyz" }',
  },
  tls: { kind: "flag", default: false, doc: "Whether the servers are spoken to in TLS" },
  verify: {
    kind: "choice",
    of: ["name", "none"],
    default: "name",
    doc: "How a server's certificate is judged, with tls",
    more: '"name" wants one of a trusted authority, for the host that the balancer dials; "none" encrypts only.',
  },
  ca: {
    kind: "path",
    orPem: true,
    doc: "The authorities that are trusted to certify servers, PEM",
    defaultText: "those of the system",
    example: '"/etc/scale/ca.crt"',
  },
  connect_timeout: { kind: "duration", min: "1ms", max: "10m", default: "2s", doc: "How long a connect may take" },
  queue_max: {
    kind: "integer",
    min: 0,
    max: 1_000_000,
    default: 1_024,
    doc: "Most requests that wait when no server can take one; one more gets 503",
  },
} as const satisfies Rows;

const routeRows = {
  host: {
    kind: "text",
    lengthMax: 253,
    doc: 'The name of the site, "*.example" for all below it; without it any',
    example: '"shop.example"',
  },
  path: {
    kind: "text",
    pattern: "^/",
    looksLike: "a path that starts with /",
    lengthMax: 4_096,
    default: "/",
    doc: "The beginning of the path; the longest that fits wins",
  },
  upstream: {
    kind: "text",
    names: "lb.upstreams",
    required: true,
    doc: "The [lb.upstreams.NAME] that gets the request",
    example: '"app"',
  },
} as const satisfies Rows;

export const lbRows = {
  listen: {
    kind: "list",
    single: true,
    countMin: 1,
    default: ["127.0.0.1:8080"],
    doc: "Where clients find the balancer",
    example: '[{ address = "0.0.0.0:443", tls = { cert = "/etc/scale/tls.crt", key = "/etc/scale/tls.key" } }]',
    of: {
      kind: "table",
      short: "address",
      rows: {
        address: {
          kind: "address",
          use: "listen",
          required: true,
          doc: "The address that clients dial",
          example: '"0.0.0.0:443"',
        },
        mode: {
          kind: "choice",
          of: ["http", "tcp"],
          default: "http",
          doc: "Whether requests are balanced, or whole connections",
        },
        upstream: {
          kind: "text",
          names: "lb.upstreams",
          doc: 'Where mode = "tcp" sends connections',
          defaultText: "the only upstream there is",
        },
        tls: {
          kind: "table",
          optional: true,
          doc: "Makes it an https address",
          rows: {
            cert: {
              kind: "path",
              orPem: true,
              required: true,
              doc: "The certificate chain, PEM",
              example: '"/etc/scale/tls.crt"',
            },
            key: {
              kind: "path",
              orPem: true,
              required: true,
              doc: "Its private key, PEM",
              example: '"/etc/scale/tls.key"',
            },
          },
        },
      },
    },
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
  clients_max: {
    kind: "integer",
    min: 1,
    max: 1_000_000,
    default: 16_384,
    doc: "Most connections of clients at once",
  },
  head_timeout: {
    kind: "duration",
    min: "100ms",
    max: "10m",
    default: "10s",
    doc: "How long a client may take to send the head of a request",
  },
  idle_timeout: {
    kind: "duration",
    min: "1s",
    max: "1h",
    default: "75s",
    doc: "How long a connection may stay open without a request",
  },
  request_timeout: {
    kind: "duration",
    min: "0s",
    max: "24h",
    default: "60s",
    doc: 'How long a server may be silent during a request; "0s" is for ever',
  },
  upstreams: {
    kind: "map",
    key: "NAME",
    keys: "name",
    doc: "Groups of servers that can stand in for each other",
    of: { kind: "table", short: "servers", rows: upstreamRows },
  },
  routes: {
    kind: "list",
    default: [],
    doc: "Which requests go to which upstream",
    defaultText: "everything to the only upstream there is",
    of: { kind: "table", rows: routeRows },
  },
} as const satisfies Rows;

export type LbOptions = Values<typeof lbRows>;
