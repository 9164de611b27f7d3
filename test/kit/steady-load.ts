/**
 * Clients that ask one server all the time, on raw sockets, and count every request that was not answered whole: some keep
 * their connection, some open one for each request. A kept connection that is closed before a byte of an answer may be asked
 * again on a new one, as every client does (RFC 9110 section 9.2.2); how often is counted apart.
 */
import { connect, type Socket } from "node:net";

export interface LoadOptions {
  readonly port: number;
  readonly keepAlive: number;
  readonly perRequest: number;
  readonly path?: string;
}

export interface LoadResult {
  readonly answered: number;
  readonly failed: readonly string[];
  /** Kept connections that ended between a request and the first byte of its answer. */
  readonly retried: number;
}

export class SteadyLoad {
  readonly #options: LoadOptions;
  readonly #failed: string[] = [];
  readonly #clients: Promise<void>[] = [];
  #answered = 0;
  #retried = 0;
  #stopping = false;

  constructor(options: LoadOptions) {
    this.#options = options;
    for (let count = 0; count < options.keepAlive; count += 1) this.#clients.push(this.#keep());
    for (let count = 0; count < options.perRequest; count += 1) this.#clients.push(this.#once());
  }

  get answered(): number {
    return this.#answered;
  }

  /** Lets every client finish the request that it has begun. */
  async stop(): Promise<LoadResult> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    return { answered: this.#answered, failed: this.#failed, retried: this.#retried };
  }

  async #keep(): Promise<void> {
    let client: Client | undefined;
    while (!this.#stopping) {
      const isReused = client !== undefined;
      client ??= new Client(this.#options.port);
      const outcome = await client.ask(this.#options.path ?? "/", "keep-alive");
      if (outcome === "closed before the answer" && isReused) this.#retried += 1;
      else this.#count(outcome);
      if (outcome !== "answered") client = undefined;
    }
    client?.close();
  }

  async #once(): Promise<void> {
    while (!this.#stopping) {
      const client = new Client(this.#options.port);
      this.#count(await client.ask(this.#options.path ?? "/", "close"));
      client.close();
    }
  }

  #count(outcome: Outcome): void {
    if (outcome === "answered" || outcome === "answered and closed") this.#answered += 1;
    else this.#failed.push(outcome);
  }
}

type Outcome = "answered" | "answered and closed" | "closed before the answer" | `failed: ${string}`;

const ANSWER_TIMEOUT_MS = 30_000;

/** One connection, one request at a time. */
class Client {
  readonly #socket: Socket;
  #text = "";
  #settle: (outcome: Outcome) => void = () => undefined;

  constructor(port: number) {
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.setTimeout(ANSWER_TIMEOUT_MS, () => this.#settle(`failed: no answer within ${ANSWER_TIMEOUT_MS} ms`));
    this.#socket.on("data", (chunk) => this.#read(chunk.toString("latin1")));
    this.#socket.on("error", (error) => this.#lost(error.message));
    this.#socket.on("close", () => this.#lost("the connection was closed"));
  }

  ask(path: string, connection: "keep-alive" | "close"): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#text = "";
      if (this.#socket.destroyed) this.#lost("the connection was closed");
      else this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`);
    });
  }

  close(): void {
    this.#settle = () => undefined;
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    const head = this.#text.indexOf("\r\n\r\n");
    if (head === -1) return;
    const fields = this.#text.slice(0, head).toLowerCase();
    if (!fields.startsWith("http/1.1 200")) return this.#settle(`failed: ${this.#text.split("\r\n", 1)[0] ?? ""}`);
    const length = Number(/\r\ncontent-length: (\d+)/.exec(fields)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) return this.#settle("failed: the answer has no length");
    if (this.#text.length < head + 4 + length) return;
    const isLast = /\r\nconnection: close/.test(fields);
    if (isLast) this.#socket.destroy();
    this.#settle(isLast ? "answered and closed" : "answered");
  }

  #lost(reason: string): void {
    this.#settle(
      this.#text === "" && reason !== "connect ECONNREFUSED" ? "closed before the answer" : `failed: ${reason}`,
    );
  }
}
