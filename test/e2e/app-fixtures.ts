/** The programs of `test/e2e/apps`, and what each of them can do. */
import { join } from "node:path";

/** What a program offers; `app-suite.ts` has a test for each. */
export type Ability =
  | "upload" // POST /echo: a body of any length, answered with its length and hash
  | "download" // GET /download: 100 MB in parts; with ?sized its length is said before
  | "duplex" // POST /duplex: answers while it is still sent to
  | "stream" // GET /stream, /sse: two parts, the second after GET /open
  | "websocket" // GET /ws: echoes text and bytes
  | "db" // GET /db: asks the database
  | "drain"; // finishes what is in flight when it is stopped

export interface Fixture {
  readonly name: string;
  readonly file: string;
  /** For programs that are not loaded but started. */
  readonly command?: string;
  readonly packages: readonly string[];
  /** The port in its code; absent when it takes PORT. */
  readonly port?: number;
  readonly can: readonly Ability[];
}

const BODIES = ["upload", "download", "duplex", "stream"] as const;

export const fixtures: readonly Fixture[] = [
  {
    name: "express-cjs",
    file: "server.js",
    packages: ["express", "postgres", "ws"],
    port: 3_000,
    can: [...BODIES, "websocket", "db", "drain"],
  },
  { name: "express-esm", file: "server.ts", packages: ["express"], can: [...BODIES, "db", "drain"] },
  { name: "fetch", file: "server.ts", packages: [], can: [...BODIES, "drain"] },
  { name: "bun-serve", file: "server.ts", packages: [], port: 4_321, can: [...BODIES, "websocket", "db", "drain"] },
  { name: "deno-serve", file: "main.ts", packages: [], can: [...BODIES, "websocket", "drain"] },
  {
    name: "fastify",
    file: "server.js",
    packages: ["fastify", "ws"],
    port: 8_088,
    can: [...BODIES, "websocket", "db", "drain"],
  },
  { name: "hono", file: "server.ts", packages: ["hono"], can: [...BODIES, "websocket", "db", "drain"] },
  { name: "node-http", file: "server.js", packages: ["postgres", "ws"], can: [...BODIES, "websocket", "db", "drain"] },
  { name: "main-guard", file: "server.js", packages: ["express"], port: 3_000, can: ["drain"] },
  { name: "python", file: "server.py", command: "python3", packages: [], can: ["upload", "stream"] },
];

/** [app] of a configuration file that runs the fixture out of `folder`. */
export function appSection(fixture: Fixture, folder: string): string {
  const path = JSON.stringify(join(folder, fixture.file));
  if (fixture.command === undefined) return `[app]\nentry = ${path}\n`;
  return `[app]\ncommand = [${JSON.stringify(fixture.command)}, ${path}]\n`;
}
