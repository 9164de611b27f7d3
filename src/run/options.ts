/**
 * The knobs of a box as such: those that every role has, because `src/run` obeys them for it, and [log].
 * Not what a role does with its work: that stands in the `options.ts` of the role.
 */
import type { Rows, Values } from "../../proxy/base/schema.ts";

export const processRows = {
  start_timeout: {
    kind: "duration",
    min: "1s",
    max: "1h",
    default: "30s",
    doc: "How long a new process may take until it can serve",
    more: "A process that is not ready by then is stopped and counts as crashed. At a reload the old one goes on serving.",
  },
  drain_timeout: {
    kind: "duration",
    min: "0s",
    max: "1h",
    default: "30s",
    doc: "How long a stopping process may finish what is in flight",
    more:
      "After SIGTERM or a reload a process takes nothing new and finishes what it has. What is still running after this " +
      "time is cut off. Give systemd a TimeoutStopSec that is longer.",
  },
  stall_timeout: {
    kind: "duration",
    min: "0s",
    max: "1h",
    default: "30s",
    doc: 'How long a process may not answer before it is replaced; "0s" is never',
    more: "A program that blocks its event loop serves nobody. It is killed after this time and started again.",
  },
  memory_max: {
    kind: "either",
    of: [
      { kind: "choice", of: ["auto"] },
      { kind: "bytes", min: "32MB", max: "1TB" },
    ],
    default: "auto",
    doc: "How much memory one process may use before it is replaced",
    more:
      '"auto" is nine tenths of what the box may use (the limit of its control group, else of the machine), divided by its processes. ' +
      "Counted is what the process holds for itself, not the pages of program files that all share. A process above the limit is drained and replaced, so that a leak costs no request.",
    example: '"512MB"',
  },
} as const satisfies Rows;

export const logRows = {
  level: {
    kind: "choice",
    of: ["debug", "info", "warn", "error"],
    default: "info",
    doc: "The least important line that is still written",
    more: "debug has a line for every conversation; info for starts, stops and reloads; warn and error for what needs eyes.",
  },
  format: {
    kind: "choice",
    of: ["auto", "json", "pretty"],
    default: "auto",
    doc: "How a line looks",
    more: '"auto" is "pretty" on a terminal and "json" everywhere else.',
  },
} as const satisfies Rows;

/** What `src/run` needs to know of any role's section. */
export type ProcessOptions = Values<typeof processRows>;
export type LogOptions = Values<typeof logRows>;
