/**
 * `scale up`: a whole tier on this machine. It starts stores and boxes in order, says what it does, and takes everything
 * down in the opposite order. What is up belongs to this process: when it is killed, nothing of it stays behind.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative, resolve } from "node:path";
import { writeOut } from "../run/out.ts";
import { load } from "../config/load.ts";
import type { Config } from "../config/config.ts";
import { Problem } from "../problem/problem.ts";
import { clock } from "../run/clock.ts";
import { obeySignals } from "../run/signals.ts";
import { BoxProcess, type BoxReady } from "./box-process.ts";
import { unpack } from "./embedded.ts";
import { freePort } from "./ports.ts";
import { openCluster, type Cluster } from "./postgres/cluster.ts";
import { dataFolderOf, logFile, removeState, writeState, type UpState } from "./state-file.ts";
import { seconds, Steps } from "./steps.ts";

export interface UpWords {
  /** The program; the demo when neither this nor the file names one. */
  readonly app?: string;
  readonly tier?: number;
  readonly config?: string;
  readonly port?: number;
  readonly ephemeral: boolean;
  readonly json: boolean;
  readonly dev: boolean;
  readonly version: string;
}

/** The highest tier that stands. */
export const TIER_MAX = 1;
const ADMIN_PORT = 3900;
const DEMO_NAME = "demo";

export async function runUp(words: UpWords): Promise<number> {
  const up = new Up(words);
  return up.run();
}

class Up {
  readonly #words: UpWords;
  readonly #steps: Steps;
  /** Where the person works, and where `.scale` lies. */
  readonly #folder: string;
  readonly #dataFolder: string;
  readonly #configFile: string | undefined;
  readonly #end = Promise.withResolvers<number>();
  #cluster: Cluster | undefined;
  #box: BoxProcess | undefined;
  #stopping = false;
  /** The path of the demo's entry, when it is what runs. */
  #demo: string | undefined;

  constructor(words: UpWords) {
    this.#words = words;
    this.#configFile = configFileOf(words);
    this.#folder = this.#configFile === undefined ? process.cwd() : dirname(this.#configFile);
    this.#dataFolder = words.ephemeral ? mkdtempSync(join(tmpdir(), "scale-")) : dataFolderOf(this.#folder);
    const tty = process.stdout.isTTY === true;
    this.#steps = new Steps({
      clock,
      json: words.json,
      tty,
      colour: tty && process.env["NO_COLOR"] === undefined,
      write: writeOut,
    });
  }

  async run(): Promise<number> {
    const unlisten = obeySignals({
      stop: (code) => this.#stop(code),
      now: (code) => {
        this.#box?.kill();
        this.#end.resolve(code);
      },
      reload: () => this.#box?.reload(),
    });
    try {
      const started = this.#start();
      // Ctrl-C while something starts: what has been started is stopped, and its failure to start is no news.
      return await Promise.race([started.then(() => this.#end.promise), this.#end.promise]);
    } finally {
      await this.#down();
      unlisten();
    }
  }

  async #start(): Promise<void> {
    const { tier = TIER_MAX } = this.#words;
    if (tier > TIER_MAX) {
      throw new Problem("CONFIG_NOT_BUILT", {
        what: `Cannot bring up tier ${tier}: this build has tiers 1 to ${TIER_MAX}`,
        fix: `Use --tier ${TIER_MAX}`,
      });
    }
    const { config } = await load({
      ...(this.#configFile === undefined ? {} : { file: this.#configFile }),
      flags: [],
      env: process.env,
    });
    const entry = await this.#entryOf(config);
    this.#steps.line(this.#banner(tier, entry, config));
    const databaseUrl = await this.#startPostgres(config);
    const address = await this.#addressOf(config);
    const { ready, box } = await this.#startApp({ entry, databaseUrl, address, tier });
    const url = urlOf(ready.listens[0] ?? address);
    const state: UpState = {
      url,
      adminUrl: urlOf(ready.admin),
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      tier,
      boxes: [{ role: "app", name: box.name, pid: box.pid, listen: ready.listens, admin: ready.admin }],
      stores: this.#stores(),
    };
    writeState(this.#dataFolder, state);
    this.#steps.event("ready", { ...state });
    this.#steps.line(
      `Ready in ${seconds(this.#steps.elapsedMs())}. Open ${url}   Health: ${state.adminUrl}/readyz   ` +
        `${this.#words.dev ? "Reloads on change.   " : ""}Stop: Ctrl-C`,
    );
    void box.exited.then((code) => this.#boxEnded(box, code));
  }

  #banner(tier: number, entry: string | undefined, config: Config): string {
    const what =
      entry === undefined
        ? (config.app?.command ?? []).join(" ")
        : entry === this.#demo
          ? DEMO_NAME
          : relative(process.cwd(), entry);
    const data = this.#words.ephemeral
      ? "data is thrown away at the end"
      : `data in ${relative(process.cwd(), this.#dataFolder) || "."}/`;
    return `scale ${this.#words.version}  ·  tier ${tier}  ·  ${what}  ·  ${data}`;
  }

  /** The program to run; `undefined` when the file names a command. */
  async #entryOf(config: Config): Promise<string | undefined> {
    if (this.#words.app !== undefined) return resolve(this.#words.app);
    if (config.app?.entry !== undefined) return config.app.entry;
    if (config.app?.command !== undefined) return undefined;
    this.#demo = join(await unpack(DEMO_NAME), "main.js");
    return this.#demo;
  }

  /** The embedded Postgres, unless the file points at one of the person's own. Returns the URL for `app.db`. */
  async #startPostgres(config: Config): Promise<string | undefined> {
    if (Object.keys(config.postgres).length > 0) return undefined;
    const cluster = await this.#steps.step(
      "postgres",
      "starting",
      () =>
        openCluster({
          dir: join(this.#dataFolder, "postgres"),
          ephemeral: this.#words.ephemeral,
          replicas: 0,
          say: (line) => this.#steps.note("postgres", line),
          onFailed: (problem) => this.#steps.note("postgres", problem.message),
        }),
      (opened) =>
        `PostgreSQL 18, 127.0.0.1:${opened.primary.port}${opened.recovered ? ", recovered after a crash" : ""}`,
    );
    if (cluster.dataMovedTo !== undefined)
      this.#steps.note("postgres", `data is in ${cluster.dataMovedTo}: its user cannot reach this folder`);
    this.#cluster = cluster;
    return cluster.primary.url;
  }

  async #addressOf(config: Config): Promise<string> {
    const configured = config.app?.listen ?? "127.0.0.1:3000";
    if (configured.startsWith("unix:")) return configured;
    const colon = configured.lastIndexOf(":");
    const host = configured.slice(0, colon);
    const wanted = this.#words.port ?? Number(configured.slice(colon + 1));
    const port = await freePort(host.replace(/^\[|\]$/g, ""), wanted);
    if (port !== wanted && wanted !== 0) this.#steps.note("port", `${wanted} is in use: using ${port}`);
    return `${host}:${port}`;
  }

  async #startApp(order: {
    entry: string | undefined;
    databaseUrl: string | undefined;
    address: string;
    tier: number;
  }): Promise<{
    ready: BoxReady;
    box: BoxProcess;
  }> {
    const { entry, databaseUrl, address, tier } = order;
    const admin = `127.0.0.1:${await freePort("127.0.0.1", ADMIN_PORT)}`;
    const argv = ["--role", "app", "--name", "app", "--listen", address, "--admin", admin];
    if (this.#words.dev) argv.push("--dev");
    if (this.#configFile !== undefined) argv.push("--config", this.#configFile);
    if (entry !== undefined) argv.push(entry);
    return this.#steps.step(
      "app",
      "starting",
      async () => {
        const box = new BoxProcess({
          name: "app",
          argv,
          env: {
            SCALE_TIER: String(tier),
            ...(databaseUrl === undefined ? {} : { SCALE_POSTGRES__MAIN__PRIMARY: databaseUrl }),
          },
          logFile: logFile(this.#dataFolder, "app"),
          development: this.#words.dev,
        });
        this.#box = box;
        return { box, ready: await box.ready };
      },
      ({ ready }) => urlOf(ready.listens[0] ?? address),
    );
  }

  #stores(): UpState["stores"] {
    if (this.#cluster === undefined) return [];
    const { port, pid, data } = this.#cluster.primary;
    return [{ kind: "postgres", name: "main", pid, listen: [`127.0.0.1:${port}`], data }];
  }

  #stop(code: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#steps.line("Stopping …");
    this.#end.resolve(code);
  }

  #boxEnded(box: BoxProcess, code: number): void {
    if (this.#stopping) return;
    this.#steps.line(`Box "${box.name}" ended with exit code ${code}. Its log: ${logFile(this.#dataFolder, box.name)}`);
    this.#steps.event("ended", { box: box.name, code });
    this.#end.resolve(1);
  }

  /** The opposite order of `#start`: whoever uses a store is gone before the store is. */
  async #down(): Promise<void> {
    this.#stopping = true;
    removeState(this.#dataFolder);
    await this.#box?.stop();
    await this.#cluster?.stop();
    if (this.#words.ephemeral) rmSync(this.#dataFolder, { recursive: true, force: true });
    this.#steps.event("stopped", {});
    this.#steps.line("Stopped.");
  }
}

/** `--config`, else a scale.toml in the current folder. */
function configFileOf(words: UpWords): string | undefined {
  if (words.config !== undefined) return resolve(words.config);
  const usual = resolve("scale.toml");
  return existsSync(usual) ? usual : undefined;
}

function urlOf(address: string): string {
  if (address.startsWith("unix:")) return address;
  return `http://${address.replace(/^(0\.0\.0\.0|\[::\]):/, "127.0.0.1:")}`;
}
