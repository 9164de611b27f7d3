/**
 * One box of role app, started from the built executable in an empty folder, as systemd would start it. What it started
 * is gone when `stop` resolves; `exited` tells how one that fails by itself ends.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SCALE } from "./scale-up.ts";

const APPS = join(import.meta.dir, "../e2e/apps");
const PACKAGES = join(import.meta.dir, "../../node_modules");
/** Another build can be tested by naming it. */
export const SCALE_BIN = process.env["SCALE_BIN"] ?? SCALE;

/** A program in a folder of its own, with its own node_modules. */
export interface Installed {
  readonly folder: string;
  remove(): void;
}

/** Copies `test/e2e/apps/NAME` to a temporary folder and gives it the packages it names. */
export function installApp(name: string, packages: readonly string[]): Installed {
  const folder = mkdtempSync(join(tmpdir(), `scale-app-${name}-`));
  cpSync(join(APPS, name), folder, { recursive: true });
  for (const one of packages) {
    const link = join(folder, "node_modules", one);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(PACKAGES, one), link);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A program of a few lines. */
export function writeApp(files: Readonly<Record<string, string>>): Installed {
  const folder = mkdtempSync(join(tmpdir(), "scale-app-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

export interface AppOrder {
  /** "app" when absent. */
  readonly role?: "app" | "lb" | "pool";
  /** Behind `scale --role app`: an entry, flags. */
  readonly words: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** An empty folder when absent. */
  readonly cwd?: string;
  /** Another build than `SCALE_BIN`, or a copy of it. */
  readonly executable?: string;
}

export interface AppBox {
  readonly pid: number;
  /** `unix:PATH` of its admin listener. */
  readonly admin: string;
  readonly exited: Promise<number>;
  /** Resolves with the line of the log that has this event and these fields; rejects when the box ends without. */
  event(name: string, fields?: LogFields): Promise<LogLine>;
  /** Resolves when the box takes traffic and commands. */
  ready(): Promise<void>;
  /** All that it wrote, on both streams. */
  said(): string;
  signal(signal: "SIGTERM" | "SIGHUP" | "SIGINT" | "SIGKILL"): void;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
}

type LogFields = Readonly<Record<string, unknown>>;

export type LogLine = Readonly<Record<string, unknown>> & { readonly event: string };

export function runApp(order: AppOrder): AppBox {
  const folder = mkdtempSync(join(tmpdir(), "scale-empty-"));
  const admin = `unix:${join(folder, "admin")}`;
  const words = ["--role", order.role ?? "app", "--admin", admin, ...order.words];
  const child = Bun.spawn([order.executable ?? SCALE_BIN, ...words], {
    cwd: order.cwd ?? folder,
    env: { ...process.env, NODE_ENV: undefined, ...order.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const log = new Said();
  const read = Promise.all([child.stdout, child.stderr].map((stream) => log.readAll(stream)));
  const exited = child.exited.then(async (code) => {
    await read;
    log.end();
    rmSync(folder, { recursive: true, force: true });
    return code;
  });
  return {
    pid: child.pid,
    admin,
    exited,
    event: (name, fields) => log.event(name, fields),
    ready: async () => {
      for (const child of ["steward 0", "worker 1"]) await log.event("child_ready", { child });
    },
    said: () => log.text,
    signal: (signal) => child.kill(signal),
    stop: () => {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

/** What a process says, line by line, and who waits for a line. */
class Said {
  text = "";
  readonly #lines: LogLine[] = [];
  readonly #waiting = new Set<(line: LogLine | undefined) => void>();
  #ended = false;

  async readAll(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const chunk of stream) {
      const text = decoder.decode(chunk, { stream: true });
      this.text += text;
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
  }

  end(): void {
    this.#ended = true;
    for (const tell of this.#waiting) tell(undefined);
  }

  async event(name: string, fields: LogFields = {}): Promise<LogLine> {
    const isIt = (line: LogLine): boolean =>
      line.event === name && Object.entries(fields).every(([field, value]) => line[field] === value);
    for (let from = 0; ;) {
      const found = this.#lines.slice(from).find(isIt);
      if (found !== undefined) return found;
      from = this.#lines.length;
      if (this.#ended) throw new Error(`Cannot find event "${name}": the box has ended\n${this.text}`);
      await new Promise<void>((resolve) => {
        const tell = (): void => {
          this.#waiting.delete(tell);
          resolve();
        };
        this.#waiting.add(tell);
      });
    }
  }

  #take(line: string): void {
    if (!line.startsWith("{")) return;
    const read = parse(line);
    if (read === undefined) return;
    this.#lines.push(read);
    for (const tell of this.#waiting) tell(read);
  }
}

/** A program may write lines of its own between ours. */
function parse(line: string): LogLine | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && "event" in value ? (value as LogLine) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
