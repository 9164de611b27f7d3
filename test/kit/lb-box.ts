/**
 * A box of role lb from the built executable, with a file of its own, and clients for it that are nobody's library: bytes in,
 * bytes out.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Socket } from "bun";
import { adminFetch } from "../../src/admin/admin-client.ts";
import type { StatusJson } from "../../src/admin/view.ts";
import { freePort } from "./free-port.ts";
import { type AppBox, runApp, writeApp } from "./scale-app.ts";
import { until } from "./until.ts";

export interface LbBox extends AppBox {
  readonly port: number;
  readonly url: string;
  /** Writes the file anew and has it obeyed. */
  reload(lb: string): Promise<void>;
  workerPids(): Promise<number[]>;
  /** Ends it, whatever state it is in, and removes what it had. */
  remove(): Promise<void>;
}

export interface LbOrder {
  readonly workers: number;
  /** Of `[lb.upstreams.app]`. */
  readonly servers: readonly string[];
  /** More lines of [lb]. */
  readonly lb?: string;
  /** More lines of the upstream, and tables behind it. */
  readonly upstream?: string;
  readonly listen?: string;
}

export function lbFile(port: number, { workers, servers, lb = "", upstream = "", listen }: LbOrder): string {
  const address = `127.0.0.1:${port}`;
  return `[lb]
listen = ${listen?.replace("ADDRESS", address) ?? `"${address}"`}
workers = ${workers}
${lb}
[lb.upstreams.app]
servers = ${JSON.stringify(servers)}
${upstream}
`;
}

export async function runLb(order: LbOrder): Promise<LbBox> {
  const port = freePort();
  const { folder, remove } = writeApp({ "scale.toml": lbFile(port, order) });
  const file = join(folder, "scale.toml");
  const box = runApp({ role: "lb", words: ["--config", file] });
  const statusOf = async (): Promise<StatusJson> =>
    (await (await adminFetch(box.admin, "/status")).json()) as StatusJson;
  const workerPids = async (): Promise<number[]> =>
    (await statusOf()).processes.filter(({ process }) => process === "worker").map(({ pid }) => pid);
  let reloads = 0;
  const lb: LbBox = {
    ...box,
    port,
    url: `http://127.0.0.1:${port}`,
    workerPids,
    reload: async (text) => {
      writeFileSync(file, text);
      reloads += 1;
      const done = (): number => box.said().split('"event":"reload_done"').length - 1;
      box.signal("SIGHUP");
      await until("the reload is done", () => done() >= reloads);
    },
    remove: async () => {
      box.signal("SIGKILL");
      await box.exited;
      remove();
    },
  };
  await until("the box is ready", async () => (await readyz(box)) === 200);
  return lb;
}

/** The status of /readyz; 0 when nobody answers there. */
function readyz({ admin }: AppBox): Promise<number> {
  return adminFetch(admin, "/readyz").then(
    (answer) => answer.status,
    () => 0,
  );
}

/** A TCP client that keeps what it is told. */
export class RawClient {
  text = "";
  ended = false;
  closed = false;
  readonly #socket: Socket;
  #left: Uint8Array | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  static async dial(port: number): Promise<RawClient> {
    let made: RawClient | undefined;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      allowHalfOpen: true,
      socket: {
        data: (_socket, bytes) => void (made !== undefined && (made.text += bytes.toString("latin1"))),
        drain: () => made?.flush(),
        end: () => void (made !== undefined && (made.ended = true)),
        close: () => void (made !== undefined && (made.closed = true)),
        error: () => void (made !== undefined && (made.closed = true)),
      },
    });
    made = new RawClient(socket);
    return made;
  }

  get over(): boolean {
    return this.ended || this.closed;
  }

  send(text: string): void {
    this.#left = Uint8Array.from(text, (letter) => letter.charCodeAt(0));
    this.flush();
  }

  /** Half-close. */
  end(): void {
    this.#socket.shutdown();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.terminate();
  }

  /** Sends what is not sent yet. */
  flush(): void {
    const left = this.#left;
    if (left === undefined || left.length === 0) return;
    const taken = this.#socket.write(left);
    this.#left = left.subarray(Math.max(0, taken));
  }
}

export interface Load {
  readonly good: number;
  readonly failed: readonly string[];
}

export interface LoadOptions {
  readonly port: number;
  readonly clients: number;
  /** A new connection for each request. */
  readonly close?: boolean;
  /** How often each asks at most. */
  readonly stop: () => boolean;
}

/** Clients that ask one after the other, each over its own connection, and tell of every answer that is not 200. */
export async function load(options: LoadOptions): Promise<Load> {
  const failed: string[] = [];
  let good = 0;
  const one = async (): Promise<void> => {
    let client: RawClient | undefined;
    while (!options.stop()) {
      client ??= await RawClient.dial(options.port);
      const outcome = await ask(client, options.close === true);
      if (outcome === "good") good += 1;
      else failed.push(outcome);
      if (
        outcome !== "good" ||
        client.over ||
        options.close === true ||
        /\r\nConnection: close\r\n/.test(client.text)
      ) {
        client.close();
        client = undefined;
      } else client.text = "";
    }
    client?.close();
  };
  await Promise.all(Array.from({ length: options.clients }, one));
  return { good, failed };
}

async function ask(client: RawClient, close: boolean): Promise<string> {
  client.send(`GET /load HTTP/1.1\r\nHost: a\r\n${close ? "Connection: close\r\n" : ""}\r\n`);
  const deadline = performance.now() + 20_000;
  while (!isWhole(client.text)) {
    if (client.over) return `it was closed behind "${client.text.slice(0, 40)}"`;
    if (performance.now() > deadline) return "it took too long";
    await new Promise((resolve) => setImmediate(resolve));
  }
  return client.text.startsWith("HTTP/1.1 200 ") ? "good" : client.text.slice(0, 200);
}

export function isWhole(text: string): boolean {
  const head = text.indexOf("\r\n\r\n");
  if (head === -1) return false;
  if (/\r\ntransfer-encoding: chunked\r\n/i.test(text.slice(0, head + 2))) return text.endsWith("0\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1];
  return text.length >= head + 4 + Number(length ?? 0);
}
