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
  /** "up" when absent. */
  readonly command?: "up" | "dev";
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
  const child = Bun.spawn(
    [order.executable ?? SCALE, order.command ?? "up", "--json", "--port", "0", ...(order.words ?? [])],
    {
      cwd: order.folder,
      env: { ...process.env, ...order.env },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const said: string[] = [];
  const ready = Promise.withResolvers<Partial<Up> | undefined>();
  const complaints = child.stderr.text();
  // Goes on reading after `ready`, so that the writer never blocks.
  void readLines(child.stdout, (line) => {
    said.push(line);
    const event = JSON.parse(line) as Partial<Up> & { readonly event: string };
    if (event.event === "ready") ready.resolve(event);
  }).then(() => ready.resolve(undefined), ready.reject);
  const event = await ready.promise;
  if (event === undefined) {
    const code = await child.exited;
    throw new Error(`scale up ended with ${code} and was never ready:\n${said.join("\n")}\n${await complaints}`);
  }
  const { url = "", adminUrl = "", databaseUrl = "", boxes = [], stores = [] } = event;
  const stop = async (): Promise<number> => {
    child.kill("SIGINT");
    return child.exited;
  };
  return { url, adminUrl, databaseUrl, boxes, stores, pid: child.pid, stop };
}

async function readLines(stream: ReadableStream<Uint8Array>, take: (line: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    const lines = (text + decoder.decode(chunk, { stream: true })).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) if (line !== "") take(line);
  }
}
