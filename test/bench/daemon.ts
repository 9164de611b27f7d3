/** A server of a comparison that stays in the foreground: started, waited for until its ports answer, and stopped. */
import { plainEnvironment } from "./servers.ts";

export interface DaemonOrder {
  readonly argv: readonly string[];
  /** It is up when each of them can be dialled. */
  readonly ports: readonly number[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly owner?: Owner;
}

/** Whom it runs as, where it refuses root. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export interface Daemon {
  readonly pid: number;
  stop(): Promise<void>;
}

const START_LIMIT_MS = 60_000;
const STOP_LIMIT_MS = 20_000;
const LOOK_MS = 20;

export async function startDaemon(order: DaemonOrder): Promise<Daemon> {
  const child = Bun.spawn([...order.argv], {
    cwd: order.cwd ?? "/",
    env: { ...plainEnvironment(), ...order.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(order.owner ?? {}),
  });
  const texts = Promise.all([child.stdout.text(), child.stderr.text()]);
  const ended = child.exited.then(async (code) => {
    const [out, errors] = await texts;
    return `"${order.argv[0]}" ended with exit code ${code}: ${`${out}\n${errors}`.trim().slice(-2_000)}`;
  });
  const stop = async (): Promise<void> => {
    child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_LIMIT_MS);
    await child.exited;
    clearTimeout(timer);
  };
  try {
    for (const port of order.ports) await opens(port, ended);
  } catch (error) {
    await stop();
    throw error;
  }
  return { pid: child.pid, stop };
}

async function opens(port: number, ended: Promise<string>): Promise<void> {
  const deadline = performance.now() + START_LIMIT_MS;
  while (performance.now() < deadline) {
    const outcome = await Promise.race([ended, dial(port)]);
    if (typeof outcome === "string") throw new Error(`Cannot measure: ${outcome}`);
    if (outcome) return;
    await Bun.sleep(LOOK_MS);
  }
  throw new Error(`Cannot measure: nothing listens on port ${port} after ${START_LIMIT_MS} ms`);
}

async function dial(port: number): Promise<boolean> {
  const opened = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {}, connectError() {} } }).catch(
    () => undefined,
  );
  opened?.terminate();
  return opened !== undefined;
}

/** Stops all, the last started first, whatever fails. */
export async function stopAll(daemons: readonly { stop(): Promise<void> }[]): Promise<void> {
  for (const daemon of [...daemons].reverse()) await daemon.stop();
}
