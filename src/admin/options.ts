/** The knobs of [admin], and of [app.admin], [lb.admin] … which replace it for one role. */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const adminRows = {
  listen: {
    kind: "address",
    use: "listen",
    doc: "Where /livez, /readyz, /metrics and /status answer",
    defaultText: "a unix socket named after the box",
    more:
      "Anyone who reaches it can read the state of the box. An address that other machines reach therefore needs a token. " +
      "The unix socket can be opened by the user that runs the box, and by root.",
    example: '"127.0.0.1:9900"',
  },
  token: {
    kind: "text",
    lengthMax: 4_096,
    secret: true,
    doc: 'What a caller must send as "Authorization: Bearer …"',
    more: "Required when listen is not a unix socket or a loopback address.",
    example: '"${file:/etc/scale/token}"',
  },
} as const satisfies Rows;

export type AdminOptions = Values<typeof adminRows>;
