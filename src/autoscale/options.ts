/** The knobs of [autoscale]: how many app boxes there are, decided by an lb (a duty of its steward). */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const autoscaleRows = {
  upstream: {
    kind: "text",
    names: "lb.upstreams",
    doc: "The [lb.upstreams.NAME] that grows and shrinks",
    defaultText: "the only upstream there is",
    example: '"app"',
  },
  executor: {
    kind: "choice",
    of: ["systemd", "kubernetes", "command"],
    required: true,
    doc: "Who starts and stops boxes",
    more: '"systemd" starts scale-app@PORT units on this host, "kubernetes" sets the replicas of a Deployment, "command" runs yours.',
    example: '"systemd"',
  },
  target: {
    kind: "text",
    lengthMax: 1_024,
    doc: "The unit template or the NAMESPACE/DEPLOYMENT that the executor works on",
    example: '"scale-app@"',
  },
  command: {
    kind: "list",
    of: { kind: "text" },
    default: [],
    doc: 'What executor = "command" runs, with the wanted number as its last argument',
    example: '["/usr/local/bin/set-app-count"]',
  },
  min: { kind: "integer", min: 1, max: 10_000, default: 2, doc: "Never fewer boxes" },
  max: { kind: "integer", min: 1, max: 10_000, default: 50, doc: "Never more boxes" },
  requests_per_box: {
    kind: "number",
    min: 0.1,
    max: 1_000_000,
    default: 64,
    doc: "How many requests a box should have in flight on average",
  },
  stable_window: {
    kind: "duration",
    min: "1s",
    max: "1h",
    default: "60s",
    doc: "The time over which demand is averaged",
  },
  shrink_delay: {
    kind: "duration",
    min: "0s",
    max: "24h",
    default: "5m",
    doc: "How long demand must be lower until a box is taken away",
  },
} as const satisfies Rows;

export type AutoscaleOptions = Values<typeof autoscaleRows>;
