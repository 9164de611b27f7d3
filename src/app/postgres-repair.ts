/**
 * What is mended in postgres.js 3.4.9 when it goes into the executable, for `db`: a connection that is lost must cost its own
 * queries, not the worker. Not a fork: each repair is one line of its `connection.js`, and a build in which such a line is not
 * found fails, so that the next version is looked at anew.
 */
import type { BunPlugin } from "bun";
import { readFileSync } from "node:fs";

interface Repair {
  readonly line: string;
  readonly count: number;
  readonly instead: string;
}

const REPAIRS: readonly Repair[] = [
  {
    // What was still to be written when a connection was lost would go out before the start-up packet of the next one; and as
    // the timer's name stayed set, nothing short was ever sent again: the connect ended with CONNECT_TIMEOUT.
    line: "    clearImmediate(nextWriteTimer)\n",
    count: 2,
    instead: "    clearImmediate(nextWriteTimer)\n    chunk = nextWriteTimer = null\n",
  },
  {
    // A transaction goes on to ask when its connection is lost: the write met no socket, in a timer, where nobody catches.
    line: "    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
    count: 1,
    instead:
      "    if (!socket)\n      return queryError(q, Errors.connection('CONNECTION_CLOSED', options)), true\n\n" +
      "    if (stream)\n      return queryError(q, Errors.generic('COPY_IN_PROGRESS'",
  },
];

/** Throws when it is not the file that the repairs are for. */
export function repaired(source: string): string {
  return REPAIRS.reduce((text, { line, count, instead }) => {
    const parts = text.split(line);
    if (parts.length !== count + 1) {
      throw new Error(`Cannot mend postgres.js: "${line.trim()}" stands there ${parts.length - 1} times, not ${count}`);
    }
    return parts.join(instead);
  }, source);
}

export const postgresRepair: BunPlugin = {
  name: "postgres-repair",
  setup: (build) => {
    build.onLoad({ filter: /\/node_modules\/postgres\/(?:src|cjs\/src)\/connection\.js$/ }, ({ path }) => ({
      contents: repaired(readFileSync(path, "utf8")),
      loader: "js",
    }));
  },
};
