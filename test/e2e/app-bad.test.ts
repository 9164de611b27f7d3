/** Programs that cannot serve, or stop being able to: each is told why, with the file and the line, and the box lives on. */
import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, type Installed, runApp, writeApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const LIFE_MS = 60_000;
const ANSWER_MS = 10_000;

interface BadStart {
  readonly what: string;
  readonly file: string;
  readonly source: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly code: string;
  /** Behind the file's name: `:line:column`. */
  readonly at: string;
  readonly exit: number;
  readonly says?: string;
}

const badStarts: readonly BadStart[] = [
  {
    what: "throws while it is loaded",
    file: "server.ts",
    source:
      'interface A { b: string }\n\nfunction read(): A {\n  throw new Error("SHOP_URL is not set");\n}\n\nread();\n',
    code: "APP_LOAD_FAILED",
    at: ":4:13",
    exit: 1,
    says: 'Cannot load "server.ts": SHOP_URL is not set',
  },
  {
    what: "throws in a file it imports",
    file: "server.cjs",
    source: 'require("./lib/shop.cjs");\n',
    more: { "lib/shop.cjs": '"use strict";\n\nmodule.exports = undefined.shop;\n' },
    code: "APP_LOAD_FAILED",
    at: "lib/shop.cjs:3:18",
    exit: 1,
    says: "TypeError",
  },
  {
    what: "awaits a promise that is rejected",
    file: "server.mjs",
    source: 'export {};\nawait Promise.reject(new Error("no license"));\n',
    code: "APP_LOAD_FAILED",
    at: ":2:26",
    exit: 1,
    says: "no license",
  },
  {
    what: "throws something that is no error",
    file: "server.js",
    source: 'throw "just words";\n',
    code: "APP_LOAD_FAILED",
    at: "",
    exit: 1,
    says: '"just words"',
  },
  {
    what: "cannot be parsed",
    file: "server.js",
    source: "const port = 3000;\nconst app = = port;\n",
    code: "APP_SYNTAX",
    at: ":2:13",
    exit: 1,
  },
  {
    what: "imports a file that cannot be parsed",
    file: "server.ts",
    source: 'import "./shop.ts";\n',
    more: { "shop.ts": "\n\nlet 1 = 2;\n" },
    code: "APP_SYNTAX",
    at: "shop.ts:3:5",
    exit: 1,
  },
  {
    what: "imports a package that is not installed",
    file: "server.ts",
    source: '// a shop\nimport express from "expresss/router";\nexpress();\n',
    code: "APP_MODULE_MISSING",
    at: ":2:22",
    exit: 1,
    says: "npm install expresss`",
  },
  {
    what: "requires a file that does not exist",
    file: "server.cjs",
    source: 'const shop = require("./lib/shop");\n',
    code: "APP_MODULE_MISSING",
    at: ":1:23",
    exit: 1,
  },
  {
    what: "imports a name that is not exported",
    file: "server.ts",
    source: 'import { other } from "./shop.ts";\nother();\n',
    more: { "shop.ts": "export const shop = 1;\n" },
    code: "APP_LOAD_FAILED",
    at: ":1:10",
    exit: 1,
    says: "'other'",
  },
  {
    what: "listens twice, with node:http",
    file: "server.cjs",
    source: 'const http = require("http");\nhttp.createServer().listen(3000);\nhttp.createServer().listen(9090);\n',
    code: "APP_LISTENS_TWICE",
    at: ":3:21",
    exit: 1,
    says: "server.cjs:2:21",
  },
  {
    what: "listens twice, with Bun.serve, and swallows the error",
    file: "server.ts",
    source:
      'const fetch = () => new Response("a");\nBun.serve({ port: 3000, fetch });\nBun.serve({ port: 3001, fetch });\n',
    code: "APP_LISTENS_TWICE",
    at: ":3:5",
    exit: 1,
  },
  {
    what: "exits while it is loaded",
    file: "server.js",
    source: "function leave() {\n  process.exit(0);\n}\nleave();\n",
    code: "APP_EXITED",
    at: ":2:11",
    exit: 1,
    says: "exit code 0",
  },
  {
    what: "never listens",
    file: "server.js",
    source: 'require("node:fs");\nsetInterval(() => {}, 1000);\n',
    code: "APP_NEVER_LISTENED",
    at: "",
    exit: 1,
    says: "start_timeout",
  },
  {
    what: "waits for ever while it is loaded",
    file: "server.ts",
    source: "await new Promise(() => {});\nexport default { fetch: () => new Response() };\n",
    code: "APP_NEVER_LISTENED",
    at: "",
    exit: 1,
    says: "await at its top level",
  },
  {
    what: "blocks its event loop while it is loaded",
    file: "server.js",
    source: "for (;;) {}\n",
    code: "RUN_START_TIMEOUT",
    at: "",
    exit: 1,
  },
  {
    what: "is no program: it exports nothing",
    file: "server.ts",
    source: "export const shop = 1;\n",
    code: "APP_NOT_A_PROGRAM",
    at: "",
    exit: 2,
  },
  {
    what: "is no program: its default export cannot be served",
    file: "server.ts",
    source: "export default { shop: 1 };\n",
    code: "APP_NOT_A_PROGRAM",
    at: "",
    exit: 2,
    says: "an object with shop",
  },
  {
    what: "is no program: it is data",
    file: "server.json",
    source: '{ "shop": 1 }\n',
    code: "APP_NOT_A_PROGRAM",
    at: "",
    exit: 2,
  },
  {
    what: "asks a database that there is not",
    file: "server.ts",
    source: 'import { db } from "scale";\nawait db`select 1`;\n',
    code: "APP_NO_DATABASE",
    at: ":2:7",
    exit: 1,
  },
];

describe("a program that cannot start", () => {
  for (const bad of badStarts) {
    test.concurrent(
      bad.what,
      async () => {
        const app = writeApp({ [bad.file]: bad.source, ...bad.more });
        const words = ["--listen", "127.0.0.1:0", join(app.folder, bad.file)];
        const box = runApp({ words, env: { SCALE_APP__START_TIMEOUT: "2s", DATABASE_URL: "" } });
        expect(await box.exited).toBe(bad.exit);
        const said = box.said();
        expect(said).toContain(`[${bad.code}]`);
        expect(said).toContain(placeIn(app, bad));
        expect(said).toContain(bad.says ?? "");
        app.remove();
      },
      LIFE_MS,
    );
  }

  test.each([
    ["there is not", "absent.ts"],
    ["is a folder", "."],
  ])("its file %s", async (_what, path) => {
    const app = writeApp({ "readme.txt": "" });
    const box = runApp({ words: ["--listen", "127.0.0.1:0", join(app.folder, path)] });
    expect(await box.exited).toBe(2);
    expect(box.said()).toContain(join(app.folder, path));
    app.remove();
  });

  test("its address is taken", async () => {
    using other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("other") });
    const app = writeApp({ "server.ts": 'export default { fetch: () => new Response("mine") };' });
    const box = runApp({ words: ["--listen", `127.0.0.1:${other.port}`, join(app.folder, "server.ts")] });
    expect(await box.exited).toBe(1);
    expect(box.said()).toContain("[APP_PORT_IN_USE]");
    app.remove();
  });

  test("a box of its own kind has its address", async () => {
    const app = writeApp({ "server.ts": 'export default { fetch: () => new Response("mine") };' });
    const words = ["--listen", `127.0.0.1:${freePort()}`, join(app.folder, "server.ts")];
    const first = runApp({ words });
    await first.ready();
    const second = runApp({ words });
    expect(await second.exited).toBe(1);
    expect(second.said()).toContain("[APP_PORT_IN_USE]");
    expect(await first.stop()).toBe(0);
    app.remove();
  });
});

/** A blocked loop is killed from outside, where no file is known. */
function placeIn(app: Installed, bad: BadStart): string {
  if (bad.code.startsWith("RUN_")) return "";
  return join(app.folder, bad.at.startsWith(":") || bad.at === "" ? bad.file + bad.at : bad.at);
}

const LATE = `const server = Bun.serve({
  port: 3000,
  async fetch(request) {
    switch (new URL(request.url).pathname) {
      case "/reject":
        void Promise.reject(new Error("nobody waits"));
        break;
      case "/throw":
        setTimeout(() => { null.x; }, 0);
        break;
      case "/exit":
        setTimeout(() => { process.exit(7); }, 0);
        break;
      case "/spin":
        for (;;) {}
      case "/close":
        void server.stop();
    }
    return new Response(String(process.pid));
  },
});
`;

const badLater = [
  {
    what: "rejects a promise that nobody handles",
    path: "/reject",
    code: "APP_CRASHED",
    line: 6,
    says: "nobody waits",
  },
  { what: "throws where nobody catches", path: "/throw", code: "APP_CRASHED", line: 9, says: "TypeError" },
  { what: "exits", path: "/exit", code: "APP_EXITED", line: 12, says: "exit code 7" },
  { what: "closes its server", path: "/close", code: "APP_STOPPED_LISTENING", says: "closed its server" },
  { what: "blocks its event loop", path: "/spin?key=secret", code: "RUN_WORKER_STALLED", says: "GET /spin" },
] as const;

describe("a program that stops being able to serve", () => {
  for (const bad of badLater) {
    test.concurrent(
      `${bad.what}: it is named and started again`,
      async () => {
        const app = writeApp({ "server.ts": LATE });
        const url = `http://127.0.0.1:${freePort()}`;
        const words = ["--listen", url.slice("http://".length), join(app.folder, "server.ts")];
        const box = runApp({ words, env: { SCALE_APP__STALL_TIMEOUT: "1s" } });
        await box.ready();
        const before = await pidAt(url);
        await ask(`${url}${bad.path}`);
        const crash = await box.event("child_crashed");
        expect(crash["code"]).toBe(bad.code);
        expect(JSON.stringify(crash)).toContain(bad.says);
        if ("line" in bad)
          expect(crash["where"]).toMatchObject({ file: join(app.folder, "server.ts"), line: bad.line });
        expect(box.said()).not.toContain("secret");
        await until("another process answers", async () => ![undefined, before].includes(await pidAt(url)));
        expect(await box.stop()).toBe(0);
        app.remove();
      },
      LIFE_MS,
    );
  }

  test(
    "every time: it is not started for ever, and the last reason is said",
    async () => {
      const app = writeApp({ "server.ts": LATE });
      const url = `http://127.0.0.1:${freePort()}`;
      const box = runApp({ words: ["--listen", url.slice("http://".length), join(app.folder, "server.ts")] });
      await box.ready();
      await keepAsking(box, `${url}/exit`);
      expect(await box.exited).toBe(1);
      expect(box.said()).toContain("[RUN_CRASH_LOOP]");
      expect(box.said()).toContain(`${join(app.folder, "server.ts")}:12:`);
      app.remove();
    },
    LIFE_MS,
  );

  test("and handles its own errors: it lives on", async () => {
    const source = `process.on("unhandledRejection", () => {});\nprocess.on("uncaughtException", () => {});\n${LATE}`;
    const app = writeApp({ "server.ts": source });
    const url = `http://127.0.0.1:${freePort()}`;
    const box = runApp({ words: ["--listen", url.slice("http://".length), join(app.folder, "server.ts")] });
    await box.ready();
    const before = await pidAt(url);
    await ask(`${url}/reject`);
    await ask(`${url}/throw`);
    expect(await pidAt(url)).toBe(before);
    expect(await box.stop()).toBe(0);
    app.remove();
  });
});

/** The answer, or nothing when there is none: that is what these programs are about. */
async function ask(url: string): Promise<string | undefined> {
  try {
    return await (await fetch(url, { keepalive: false, signal: AbortSignal.timeout(ANSWER_MS) })).text();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

async function pidAt(url: string): Promise<string | undefined> {
  return ask(url);
}

async function keepAsking(box: AppBox, url: string): Promise<void> {
  let ended = false;
  void box.exited.then(() => (ended = true));
  await until("the box gives up", async () => {
    await ask(url);
    return ended;
  });
}
