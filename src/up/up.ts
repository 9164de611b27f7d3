/**
 * `scale up`: a whole tier on this machine. It starts stores and boxes in order, says what it does, and takes everything
 * down in the opposite order. What is up belongs to this process: when it is killed, nothing of it stays behind.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import type { Timer } from "../../proxy/base/clock.ts";
import { adminOf } from "../config/config.ts";
import { codes } from "../problem/codes.ts";
import { type Problem, problemsOf } from "../problem/problem.ts";
import { clock } from "../run/clock.ts";
import { writeOut } from "../run/out.ts";
import { injectionWarning } from "../run/self.ts";
import { obeySignals } from "../run/signals.ts";
import { type AppBox, startAppBox } from "./app-box.ts";
import type { BoxProcess } from "./box-process.ts";
import { askProcesses, crewsText, type ProcessState } from "./crews.ts";
import { readLine } from "./log-lines.ts";
import { LogWatch } from "./log-watch.ts";
import { configFileOf, databaseEnvironment, projectFolder, readOrder, type UpOrder } from "./order.ts";
import { openCluster, type Cluster } from "./postgres/cluster.ts";
import { tailOf } from "./postgres/log-file.ts";
import { dataFolderOf, logFile, makeOwnFolder, StateFile, type UpState } from "./state-file.ts";
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

/** After this a person is told why it takes so long. */
const PATIENCE_MS = 3_000;
/** Swept, with what else a killed one leaves in the temporary folder, by the next one (`postgres/place.ts`). */
const EPHEMERAL_PREFIX = "scale-up-";

export async function runUp(words: UpWords): Promise<number> {
  return new Up(words).run();
}

class Up {
  readonly #words: UpWords;
  readonly #steps: Steps;
  readonly #colour: boolean;
  readonly #configFile: string | undefined;
  /** Data and logs; elsewhere than `.scale` when they are to be thrown away. */
  readonly #dataFolder: string;
  readonly #stateFile: StateFile;
  readonly #end = Promise.withResolvers<number>();
  #cluster: Cluster | undefined;
  /** Settles when Postgres is up, or has failed to be. */
  #opening: Promise<Cluster> | undefined;
  #app: AppBox | undefined;
  /** The box that runs or starts. */
  #box: BoxProcess | undefined;
  #logWatch: LogWatch | undefined;
  #stopping = false;
  #patience: Timer | undefined;

  constructor(words: UpWords) {
    this.#words = words;
    this.#configFile = configFileOf(words);
    const usual = dataFolderOf(projectFolder(this.#configFile));
    this.#dataFolder = words.ephemeral ? mkdtempSync(join(tmpdir(), EPHEMERAL_PREFIX)) : usual;
    this.#stateFile = new StateFile(usual, this.#dataFolder);
    const tty = process.stdout.isTTY === true;
    this.#colour = tty && process.env["NO_COLOR"] === undefined;
    this.#steps = new Steps({ clock, json: words.json, tty, colour: this.#colour, write: writeOut });
  }

  async run(): Promise<number> {
    const unlisten = obeySignals({
      stop: (code) => this.#stop(code),
      now: (code) => {
        this.#box?.kill();
        this.#end.resolve(code);
      },
      // A terminal that is closed says the same as a service manager that wants a reload.
      reload: () => (process.stdin.isTTY ? this.#stop(0) : this.#box?.reload()),
    });
    try {
      // Ctrl-C while something starts: what has been started is stopped, and its failure to start is no news.
      return await Promise.race([this.#start().then(() => this.#end.promise), this.#end.promise]);
    } catch (error) {
      if (!this.#words.json) throw error;
      const problems = problemsOf(error);
      this.#steps.event("failed", { problems: problems.map((problem) => problem.toJSON()) });
      return codes[problems[0]?.code ?? "RUN_UNEXPECTED"].exit;
    } finally {
      await this.#down();
      unlisten();
    }
  }

  async #start(): Promise<void> {
    const order = await readOrder(this.#words, this.#configFile);
    const data = this.#words.ephemeral
      ? "data is thrown away at the end"
      : `data in ${relative(process.cwd(), this.#dataFolder) || "."}/`;
    const { tier } = order.choice;
    this.#steps.line(`scale ${this.#words.version}  ·  tier ${tier}  ·  ${order.program}  ·  ${data}`);
    this.#warn(order.warnings);
    if (!this.#words.ephemeral) makeOwnFolder(this.#dataFolder);
    const embeddedUrl = order.embeddedPostgres ? await this.#startPostgres() : undefined;
    this.#app = await this.#startApp(order, embeddedUrl);
    const { box, ready } = this.#app;
    const processes = await askProcesses(ready.admin, adminOf(order.config, "app").token);
    this.#tellReady(order, embeddedUrl ?? ownDatabase(order), processes);
    void box.exited.then((code) => this.#boxEnded(box, code));
  }

  #warn(warnings: readonly Problem[]): void {
    for (const { code, message } of warnings) this.#steps.note("config", `${message} [${code}]`);
    const injected = injectionWarning();
    if (injected !== undefined) this.#steps.note("runtime", injected);
  }

  async #startPostgres(): Promise<string> {
    const cluster = await this.#steps.step(
      "postgres",
      "starting",
      () => {
        this.#opening = openCluster({
          dir: join(this.#dataFolder, "postgres"),
          ephemeral: this.#words.ephemeral,
          replicas: 0,
          say: (line) => {
            this.#steps.note("postgres", line);
            // A server that came back is another process.
            this.#stateFile.update({ stores: this.#stores() });
          },
          onFailed: (problem) => this.#steps.note("postgres", problem.message),
        });
        return this.#opening;
      },
      ({ primary, recovered }) =>
        `PostgreSQL 18, 127.0.0.1:${primary.port}${recovered ? ", recovered after a crash" : ""}`,
    );
    this.#cluster = cluster;
    if (cluster.dataMovedTo !== undefined) {
      this.#steps.note("postgres", `data is in ${cluster.dataMovedTo}: its user cannot reach this folder`);
    }
    return cluster.primary.url;
  }

  #startApp({ config, entry, choice }: UpOrder, embeddedUrl: string | undefined): Promise<AppBox> {
    return this.#steps.step(
      "app",
      "starting",
      () =>
        startAppBox({
          config,
          entry,
          configFile: this.#configFile,
          port: this.#words.port,
          workers: choice.told ? choice.workers : undefined,
          env: { SCALE_TIER: String(choice.tier), ...databaseEnvironment(embeddedUrl) },
          development: this.#words.dev,
          logFile: logFile(this.#dataFolder, "app"),
          started: (box) => {
            this.#box = box;
            void this.#watchLog(box);
          },
          say: (line) => this.#steps.note("port", line),
        }),
      ({ ready }) => urlOf(ready.listens[0] ?? ""),
    );
  }

  #tellReady(order: UpOrder, databaseUrl: string | undefined, processes: readonly ProcessState[]): void {
    const { tier } = order.choice;
    const { box, ready } = this.#app ?? {};
    if (box === undefined || ready === undefined) return;
    const url = urlOf(ready.listens[0] ?? "");
    const adminUrl = urlOf(ready.admin);
    const state: UpState = {
      url,
      adminUrl,
      ...(databaseUrl === undefined ? {} : { databaseUrl }),
      tier,
      boxes: [{ role: "app", name: box.name, pid: box.pid, listen: ready.listens, admin: ready.admin, processes }],
      stores: this.#stores(),
    };
    const unwritable = this.#stateFile.write(state, adminOf(order.config, "app").token);
    if (unwritable !== undefined) this.#steps.note("state", unwritable);
    this.#steps.event("ready", { ...state });
    if (tier > 1) this.#steps.line(`  ${crewsText(processes)}`);
    this.#steps.line(
      `Ready in ${seconds(this.#steps.elapsedMs())}. Open ${url}   Health: ${adminUrl}/readyz   ` +
        `${this.#words.dev ? "Reloads on change.   " : ""}Stop: Ctrl-C`,
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
    this.#end.resolve(code);
    this.#steps.line("Stopping …");
    this.#patience = clock.after(PATIENCE_MS, () => {
      this.#steps.line("Waiting for what is still open (requests, WebSockets). Ctrl-C again ends it at once.");
    });
  }

  /** What the program says is shown as it comes; of the box's own lines those that someone should see. */
  async #watchLog(box: BoxProcess): Promise<void> {
    await this.#logWatch?.close();
    if (this.#words.dev) return;
    this.#logWatch = new LogWatch(
      {
        path: box.log.path,
        clock,
        line: (text) => this.#showLine(text),
        failed: (error) => this.#steps.note("log", `cannot read it any more: ${String(error)}`),
      },
      box.log.from,
    );
  }

  #showLine(text: string): void {
    const line = readLine(text, this.#colour);
    if (line.level === undefined || line.level === "warn" || line.level === "error")
      this.#steps.line(`  │ ${line.text}`);
  }

  async #boxEnded(box: BoxProcess, code: number): Promise<void> {
    if (this.#stopping) return;
    await this.#logWatch?.close();
    const log = logFile(this.#dataFolder, box.name);
    this.#steps.line(
      `Box "${box.name}" ended with exit code ${code}. ${this.#words.ephemeral ? "" : `Its log: ${log}`}`,
    );
    this.#steps.event("ended", { box: box.name, code, lastLines: tailOf(box.log).split("\n") });
    this.#end.resolve(1);
  }

  /** The opposite order of `#start`: whoever uses a store is gone before the store is. */
  async #down(): Promise<void> {
    this.#stopping = true;
    this.#stateFile.remove();
    await this.#box?.stop();
    this.#patience?.cancel();
    await this.#logWatch?.close();
    // Stopped while it was starting: what it has begun is finished, so that nothing half made stays behind.
    const cluster = await this.#opening?.catch(() => undefined);
    await cluster?.stop();
    if (this.#words.ephemeral) rmSync(this.#dataFolder, { recursive: true, force: true });
    this.#steps.event("stopped", {});
    this.#steps.line("Stopped.");
  }
}

/** What the program is given when the file names the person's own Postgres. */
function ownDatabase({ config }: UpOrder): string | undefined {
  const [only, ...others] = Object.keys(config.postgres);
  const name = config.app?.db ?? (others.length === 0 ? only : undefined);
  return name === undefined ? undefined : config.postgres[name]?.primary;
}

function urlOf(address: string): string {
  if (address.startsWith("unix:")) return address;
  return `http://${address.replace(/^(0\.0\.0\.0|\[::\]):/, "127.0.0.1:")}`;
}
