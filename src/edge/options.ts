/** The knobs of [edge]: the addresses that an lb announces to the network while it can serve (a duty of its steward). */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const edgeRows = {
  addresses: {
    kind: "list",
    of: {
      kind: "text",
      pattern: "^[0-9a-fA-F.:]+/[0-9]{1,3}$",
      looksLike: "an IP address with its prefix length",
    },
    single: true,
    countMin: 1,
    required: true,
    doc: "The anycast addresses that every lb of the edge answers on",
    example: '["198.51.100.1/32"]',
  },
  interface: {
    kind: "text",
    lengthMax: 15,
    default: "lo",
    doc: "The network interface that carries the addresses",
  },
  socket: {
    kind: "path",
    default: "/run/bird/bird.ctl",
    doc: "The control socket of BIRD",
  },
  interval: { kind: "duration", min: "50ms", max: "1m", default: "200ms", doc: "How often the lb looks at itself" },
  rise: { kind: "integer", min: 1, max: 100, default: 5, doc: "Good looks in a row until it announces" },
  fall: { kind: "integer", min: 1, max: 100, default: 3, doc: "Bad looks in a row until it withdraws" },
} as const satisfies Rows;

export type EdgeOptions = Values<typeof edgeRows>;
