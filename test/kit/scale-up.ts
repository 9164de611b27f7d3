/**
 * Brings a tier up from the built executable, as a person or a script does: `scale up --json` in a folder, until its
 * event `ready`. What it started is gone when `stop` resolves; a failed start throws with everything that was said.
 */
import { join } from "node:path";
import type { UpState } from "../../src/up/state-file.ts";

export interface Up {
  readonly url: string;
  readonly adminUrl: string;
  readonly databaseUrl: string;
  readonly boxes: UpState["boxes"];
  readonly stores: UpState["stores"];
  readonly pid: number;
  /** Ctrl-C; resolves with the exit code when all of it is gone. */
  stop(): Promise<number>;
}

export interface UpOrder {
  /** The folder it is called in; `.scale` appears there unless it is ephemeral. */
  readonly folder: string;
  /** After `scale up --json`; a free port is chosen when they name none. */
  readonly words?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another build than dist/scale. */
  readonly executable?: string;
}

export const SCALE = join(import.meta.dir, "../../dist/scale");

export async function scaleUp(order: UpOrder): Promise<Up> {
  const child = Bun.spawn([order.executable ?? SCALE, "up", "--json", "--port", "0", ...(order.words ?? [])], {
    cwd: order.folder,
    env: { ...process.env, ...order.env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const said: string[] = [];
  const complaints = child.stderr.text();
  const stop = async (): Promise<number> => {
    child.kill("SIGINT");
    return child.exited;
  };
  for await (const line of linesOf(child.stdout)) {
    said.push(line);
    const event = JSON.parse(line) as Partial<Up> & { readonly event: string };
    if (event.event !== "ready") continue;
    const { url = "", adminUrl = "", databaseUrl = "", boxes = [], stores = [] } = event;
    return { url, adminUrl, databaseUrl, boxes, stores, pid: child.pid, stop };
  }
  const code = await child.exited;
  throw new Error(`scale up ended with ${code} and was never ready:\n${said.join("\n")}\n${await complaints}`);
}

/** Goes on reading after the caller has what it wanted, so that the writer never blocks. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const [mine, rest] = stream.tee();
  void rest.pipeTo(new WritableStream());
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of mine) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    yield* lines.filter((line) => line !== "");
  }
}
