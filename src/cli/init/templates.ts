/**
 * The programs that `scale init` writes, and what goes with them. Each is an ordinary program of its framework: take the
 * line about "scale" away and it runs anywhere. Pure text; nothing is fetched.
 */
export interface Template {
  /** One line for a person. */
  readonly title: string;
  readonly program: string;
  /** What the program imports besides "scale", for package.json. */
  readonly dependencies: { readonly [name: string]: string };
  /** What an editor wants to know about them, and about `db`. */
  readonly types: { readonly [name: string]: string };
}

export const PROGRAM_FILE = "server.ts";

/** scale.d.ts takes the type of `db` from it. */
const TYPES = { postgres: "^3.4.0" };

const HEADER = `// Runs as it is under \`scale up\`, at every tier. \`db\` is a postgres.js client (https://github.com/porsager/postgres):
// values in \${} are sent apart from the statement. \`log\` writes structured lines.`;

const EXPRESS = `${HEADER}
import express from "express";
import { db, log } from "scale";

const app = express();

app.get("/", async (request, response) => {
  const [row] = await db\`select now() as time\`;
  response.json({ hello: "world", time: row?.time });
});

app.listen(process.env.PORT ?? 3000, () => log.info("listening"));
`;

const FETCH = `${HEADER}
import { db, log } from "scale";

log.info("starting");

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname !== "/") return Response.json({ error: "not found" }, { status: 404 });
    const [row] = await db\`select now() as time\`;
    return Response.json({ hello: "world", time: row?.time });
  },
};
`;

const HONO = `${HEADER}
import { Hono } from "hono";
import { db, log } from "scale";

const app = new Hono();

app.get("/", async (context) => {
  const [row] = await db\`select now() as time\`;
  return context.json({ hello: "world", time: row?.time });
});

log.info("starting");

export default app;
`;

export const templates = {
  fetch: { title: "a fetch handler, no dependencies", program: FETCH, dependencies: {}, types: TYPES },
  express: {
    title: "an Express app",
    program: EXPRESS,
    dependencies: { express: "^5.1.0" },
    types: { ...TYPES, "@types/express": "^5.0.0", "@types/node": "^24.0.0" },
  },
  hono: { title: "a Hono app", program: HONO, dependencies: { hono: "^4.0.0" }, types: TYPES },
} as const satisfies { readonly [name: string]: Template };

export type TemplateName = keyof typeof templates;

export const templateNames = Object.keys(templates) as readonly TemplateName[];

export const TSCONFIG = `{
  "compilerOptions": {
    "target": "ESNext",
    "lib": ["ESNext", "DOM", "DOM.Iterable"],
    "module": "Preserve",
    "moduleResolution": "bundler",
    "moduleDetection": "force",
    "allowImportingTsExtensions": true,
    "noEmit": true,
    "strict": true,
    "skipLibCheck": true
  }
}
`;

/** For a folder that has none. `folder` becomes a name that npm takes. */
export function packageJson(folder: string, { dependencies, types }: Template): string {
  const name = folder
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 100);
  const content = {
    name: name === "" ? "app" : name,
    private: true,
    type: "module",
    scripts: { start: "scale up", dev: "scale dev" },
    ...(Object.keys(dependencies).length > 0 ? { dependencies } : {}),
    ...(Object.keys(types).length > 0 ? { devDependencies: types } : {}),
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}
