/** The life of an app box at tier 1: reload, drain, goodbye, commands, and nothing left behind. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, type Installed, runApp, writeApp } from "../kit/scale-app.ts";
import { until } from "../kit/until.ts";

const LIFE_MS = 30_000;
const BUN = process.execPath;

const answering = (text: string): string => `export default { fetch: () => new Response("${text}") };\n`;

interface Started {
  readonly app: Installed;
  readonly box: AppBox;
  readonly url: string;
}

/** A box with a configuration file; `lines` go into [app]. */
async function start(files: Readonly<Record<string, string>>, lines = 'entry = "./server.ts"'): Promise<Started> {
  const port = freePort();
  const app = writeApp({ ...files, "scale.toml": `[app]\n${lines}\nlisten = ${port}\n` });
  const box = runApp({ words: ["--config", join(app.folder, "scale.toml")] });
  await box.ready();
  return { app, box, url: `http://127.0.0.1:${port}` };
}

async function end({ app, box }: Started): Promise<void> {
  expect(await box.stop()).toBe(0);
  app.remove();
}

async function textAt(url: string): Promise<string | undefined> {
  try {
    return await (await fetch(url, { keepalive: false })).text();
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

describe("what a program starts with its own runtime", () => {
  test(
    "is Bun: child_process.fork and process.execPath",
    async () => {
      const started = await start({
        "server.ts": `import { fork, spawnSync } from "node:child_process";
          const spawned = () => spawnSync(process.execPath, ["-e", "console.log(40 + 2)"]).stdout.toString().trim();
          const forked = () => new Promise((resolve) => fork(import.meta.dirname + "/kid.ts").on("message", resolve));
          export default { fetch: async () => Response.json([spawned(), await forked()]) };`,
        "kid.ts": 'process.send?.("a message");',
      });
      expect(await textAt(started.url)).toBe('["42","a message"]');
      await end(started);
    },
    LIFE_MS,
  );
});

describe("the channel between keeper and worker", () => {
  test(
    "is not heard by a program that listens for messages, as programs for pm2 do",
    async () => {
      const started = await start({
        "server.ts": `let heard = 0;
          process.on("message", (message: any) => { heard += 1; message.type.toLowerCase(); });
          export default { fetch: () => new Response(String(heard)) };`,
      });
      started.box.signal("SIGHUP");
      await started.box.event("reload_done");
      expect(await textAt(started.url)).toBe("0");
      await end(started);
    },
    LIFE_MS,
  );
});

describe("reload", () => {
  test(
    "serves the program as it is now",
    async () => {
      const started = await start({ "server.ts": answering("old") });
      expect(await textAt(started.url)).toBe("old");
      writeFileSync(join(started.app.folder, "server.ts"), answering("new"));
      started.box.signal("SIGHUP");
      await until("the new program answers", async () => (await textAt(started.url)) === "new");
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "keeps the old program when the new one cannot start",
    async () => {
      const started = await start({ "server.ts": answering("old") });
      writeFileSync(join(started.app.folder, "server.ts"), "export default = 1;\n");
      started.box.signal("SIGHUP");
      await started.box.event("reload_failed");
      expect(started.box.said()).toContain("[APP_SYNTAX]");
      expect(await textAt(started.url)).toBe("old");
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "moves to another address",
    async () => {
      const started = await start({ "server.ts": answering("here") });
      const next = freePort();
      writeFileSync(join(started.app.folder, "scale.toml"), `[app]\nentry = "./server.ts"\nlisten = ${next}\n`);
      started.box.signal("SIGHUP");
      await started.box.event("reload_done");
      expect(await textAt(`http://127.0.0.1:${next}`)).toBe("here");
      expect(await textAt(started.url)).toBeUndefined();
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "lets the old program finish what it has begun",
    async () => {
      const source = `export default { fetch: async (request) => {
      if (!request.url.endsWith("/slow")) return new Response(String(process.pid));
      return new Response(async function* () { yield "begun "; await Bun.sleep(1000); yield String(process.pid); });
    } };\n`;
      const started = await start({ "server.ts": source });
      const before = await textAt(started.url);
      const response = await fetch(`${started.url}/slow`);
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      expect((await reader?.read())?.value).toBe("begun ");
      started.box.signal("SIGHUP");
      await until("another process answers", async () => ![undefined, before].includes(await textAt(started.url)));
      expect((await reader?.read())?.value).toBe(before);
      await end(started);
    },
    LIFE_MS,
  );
});

describe("listen", () => {
  test(
    "serves on a unix socket, takes a leftover's place, and removes its own",
    async () => {
      const app = writeApp({
        "server.ts": "Bun.serve({ port: 3000, fetch: (_, self) => new Response(String(self.port)) });",
      });
      const path = join(app.folder, "app.sock");
      const words = ["--listen", `unix:${path}`, join(app.folder, "server.ts")];
      const killed = runApp({ words });
      await killed.ready();
      killed.signal("SIGKILL");
      await killed.exited;
      expect(existsSync(path)).toBe(true);
      const box = runApp({ words });
      await box.ready();
      expect(await (await fetch("http://app/", { unix: path })).text()).toBe("3000");
      expect(await box.stop()).toBe(0);
      expect(existsSync(path)).toBe(false);
      app.remove();
    },
    LIFE_MS,
  );

  test(
    "does not take a file for a leftover socket",
    async () => {
      const app = writeApp({ "server.ts": answering("x"), "app.sock": "precious" });
      const path = join(app.folder, "app.sock");
      const box = runApp({ words: ["--listen", `unix:${path}`, join(app.folder, "server.ts")] });
      expect(await box.exited).toBe(1);
      expect(box.said()).toContain("[APP_CANNOT_BIND]");
      expect(readFileSync(path, "utf8")).toBe("precious");
      app.remove();
    },
    LIFE_MS,
  );
});

describe("stop", () => {
  test(
    "calls the program's own handler of SIGTERM when the last request is answered",
    async () => {
      const source = `const http = require("node:http");
    let done = "nothing";
    const server = http.createServer((request, response) => {
      response.write("begun ");
      setTimeout(() => { done = "the request"; response.end("done"); }, 500);
    });
    server.listen(3000);
    process.on("SIGTERM", () => server.close(() => { console.log("goodbye after " + done); process.exit(0); }));\n`;
      const started = await start({ "server.js": source }, 'entry = "./server.js"');
      const response = await fetch(started.url);
      const stopped = started.box.stop();
      expect(await response.text()).toBe("begun done");
      expect(await stopped).toBe(0);
      expect(started.box.said()).toContain("goodbye after the request");
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "waits for a handler of SIGTERM that is asynchronous",
    async () => {
      const source = `process.on("SIGTERM", async () => { await Bun.sleep(200); console.log("all is saved"); });\n${answering("x")}`;
      const started = await start({ "server.ts": source });
      expect(await started.box.stop()).toBe(0);
      expect(started.box.said()).toContain("all is saved");
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "closes WebSockets as going away, just before the deadline",
    async () => {
      const source = `Bun.serve({ port: 1, fetch: (request, self) => self.upgrade(request) ? undefined : new Response("x"),
      websocket: { message() {} } });\n`;
      const started = await start({ "server.ts": source }, 'entry = "./server.ts"\ndrain_timeout = "1s"');
      const socket = new WebSocket(started.url.replace("http", "ws"));
      await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));
      const closed = new Promise<CloseEvent>((resolve) => socket.addEventListener("close", resolve, { once: true }));
      expect(await started.box.stop()).toBe(0);
      expect((await closed).code).toBe(1_001);
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "cuts off what is still running at the deadline",
    async () => {
      const source = `export default { fetch: () => new Response(async function* () { yield "begun"; await new Promise(() => {}); }) };\n`;
      const started = await start({ "server.ts": source }, 'entry = "./server.ts"\ndrain_timeout = "500ms"');
      const response = await fetch(started.url);
      const reader = response.body?.getReader();
      await reader?.read();
      expect(await started.box.stop()).toBe(0);
      await expect(reader?.read()).rejects.toThrow();
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "at a second signal ends at once",
    async () => {
      const source = `export default { fetch: () => new Response(async function* () { yield "begun"; await new Promise(() => {}); }) };\n`;
      const started = await start({ "server.ts": source });
      const response = await fetch(started.url);
      await response.body?.getReader().read();
      started.box.signal("SIGTERM");
      await started.box.event("box_stopping");
      started.box.signal("SIGTERM");
      await started.box.exited;
      started.app.remove();
    },
    LIFE_MS,
  );
});

describe("what a program finds", () => {
  test(
    "its environment, its arguments, its log, and no channel that is not its own",
    async () => {
      const source = `import { log } from "scale";
    log.info("program_says", { hello: "there" });
    export default { fetch: () => Response.json({
      env: { port: process.env.PORT, host: process.env.HOST, nodeEnv: process.env.NODE_ENV, own: process.env.SHOP },
      ours: Object.keys(process.env).filter((name) => /^(SCALE_CHILD|NODE_CHANNEL)/.test(name)),
      entry: process.argv[1], main: import.meta.main, send: typeof process.send,
    }) };\n`;
      const started = await start({ "server.ts": source }, 'entry = "./server.ts"\nenv = { SHOP = "open" }');
      expect(await (await fetch(started.url)).json()).toEqual({
        env: { port: new URL(started.url).port, host: "127.0.0.1", nodeEnv: "production", own: "open" },
        ours: [],
        entry: join(started.app.folder, "server.ts"),
        main: true,
        send: "undefined",
      });
      expect(await started.box.event("program_says")).toMatchObject({ hello: "there", from: "program", level: "info" });
      await end(started);
    },
    LIFE_MS,
  );
});

const SERVER = `const server = require("node:http").createServer((request, response) => {
  if (request.url === "/exit") process.exit(3);
  response.end(JSON.stringify({ text: process.env.TEXT ?? "", pid: process.pid, nodeEnv: process.env.NODE_ENV }));
}).listen(Number(process.env.PORT), process.env.HOST);
process.on("SIGTERM", () => { console.log("the command says goodbye"); process.exit(0); });\n`;

const command = `command = [${JSON.stringify(BUN)}, "server.cjs"]`;

describe("a command", () => {
  test(
    "is told where to listen, starts in the folder of its file, and hears SIGTERM",
    async () => {
      const started = await start({ "server.cjs": SERVER }, `${command}\nenv = { TEXT = "told" }`);
      expect(await (await fetch(started.url)).json()).toMatchObject({ text: "told", nodeEnv: "production" });
      expect(await started.box.stop()).toBe(0);
      expect(started.box.said()).toContain("the command says goodbye");
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "is started again when it ends",
    async () => {
      const started = await start({ "server.cjs": SERVER }, command);
      const before = await textAt(started.url);
      await textAt(`${started.url}/exit`);
      const crash = await started.box.event("child_crashed");
      expect(crash["code"]).toBe("APP_COMMAND_EXITED");
      expect(crash["reason"]).toContain("exit code 3");
      await until("another process answers", async () => ![undefined, before].includes(await textAt(started.url)));
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "changes over at a reload",
    async () => {
      const started = await start({ "server.cjs": SERVER }, `${command}\nenv = { TEXT = "old" }`);
      const { port } = new URL(started.url);
      const next = `[app]\n${command}\nenv = { TEXT = "new" }\nlisten = ${port}\n`;
      writeFileSync(join(started.app.folder, "scale.toml"), next);
      started.box.signal("SIGHUP");
      await started.box.event("reload_done");
      expect(await textAt(started.url)).toContain('"new"');
      await end(started);
    },
    LIFE_MS,
  );

  test(
    "dies with its keeper",
    async () => {
      const started = await start({ "server.cjs": SERVER }, command);
      const { pid } = JSON.parse((await textAt(started.url)) ?? "{}") as { pid: number };
      started.box.signal("SIGKILL");
      await until("the command is gone", () => !isAlive(pid));
      started.app.remove();
    },
    LIFE_MS,
  );

  test.each([
    ["its keeper", ({ pid }: AppBox): number => pid],
    ["its worker", ({ pid }: AppBox): number => workerOf(pid)],
  ])(
    "in a shell dies with %s, whole",
    async (_what, victim) => {
      const line = `exec 3>/dev/null; ${BUN} server.cjs; true`;
      const started = await start({ "server.cjs": SERVER }, `command = ["sh", "-c", ${JSON.stringify(line)}]`);
      const { pid } = JSON.parse((await textAt(started.url)) ?? "{}") as { pid: number };
      process.kill(victim(started.box), "SIGKILL");
      await until("the shell's child is gone", () => !isAlive(pid));
      started.box.signal("SIGKILL");
      await started.box.exited;
      started.app.remove();
    },
    LIFE_MS,
  );

  test(
    "leaves nothing behind that it started",
    async () => {
      const source = `const { pid } = require("node:child_process").spawn("sleep", ["600"], { stdio: "ignore" });
    require("node:http").createServer((_, response) => response.end(String(pid))).listen(Number(process.env.PORT));\n`;
      const started = await start({ "server.cjs": source }, command);
      const pid = Number(await textAt(started.url));
      expect(isAlive(pid)).toBe(true);
      await end(started);
      expect(isAlive(pid)).toBe(false);
    },
    LIFE_MS,
  );

  test.concurrent.each([
    ["there is not", 'command = ["no-such-program"]', "APP_COMMAND_MISSING", 2],
    ["ends at once", `command = [${JSON.stringify(BUN)}, "-e", "process.exit(4)"]`, "APP_COMMAND_EXITED", 1],
    ["never listens", `command = ["sleep", "60"]\nstart_timeout = "1s"`, "APP_NEVER_LISTENED", 1],
    ["listens on a unix socket", `command = ["sleep", "60"]\nlisten = "unix:/tmp/x"`, "APP_COMMAND_NEEDS_PORT", 2],
  ])(
    "one that %s is refused",
    async (_what, lines, code, exit) => {
      const listen = lines.includes("listen =") ? "" : `\nlisten = ${freePort()}`;
      const app = writeApp({ "scale.toml": `[app]\n${lines}${listen}\n` });
      const box = runApp({ words: ["--config", join(app.folder, "scale.toml")] });
      expect(await box.exited).toBe(exit);
      expect(box.said()).toContain(`[${code}]`);
      app.remove();
    },
    LIFE_MS,
  );
});

function workerOf(keeper: number): number {
  const children = readFileSync(`/proc/${keeper}/task/${keeper}/children`, "utf8").trim().split(" ").map(Number);
  const worker = children.find((pid) => readFileSync(`/proc/${pid}/comm`, "utf8") === "scale worker\n");
  if (worker === undefined) throw new Error(`Cannot find the worker of ${keeper}`);
  return worker;
}

/** A process that is dead and not yet buried still has a pid. */
function isAlive(pid: number): boolean {
  const status = `/proc/${pid}/status`;
  return existsSync(status) && !/^State:\s+Z/m.test(readFileSync(status, "utf8"));
}
