/**
 * Three clients that have nothing in common but what they are asked: raw sockets, node:http, and undici behind Node's fetch.
 * Each sends a request once and never again: what was sent and not answered rejects. They run in Node (`storm-clients.ts`).
 */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";

export const WAYS = ["raw", "agent", "undici"] as const;
export type Way = (typeof WAYS)[number];

export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One client; one request at a time. */
export interface Asker {
  /** The client's side of its latest connection; 0 when that is not known. */
  readonly port: number;
  ask(ask: Ask): Promise<Answer>;
  close(): void;
}

export interface AskerOptions {
  readonly way: Way;
  readonly port: number;
  /** Whether a connection is used again; undici does so always. */
  readonly keep: boolean;
}

export function makeAsker(options: AskerOptions): Asker {
  switch (options.way) {
    case "raw":
      return new RawAsker(options);
    case "agent":
      return new AgentAsker(options);
    case "undici":
      return new FetchAsker(options);
  }
}

/** A new connection only when there is none, or it was told or seen to have ended before anything was sent on it. */
class RawAsker implements Asker {
  port = 0;
  readonly #options: AskerOptions;
  #connection: RawConnection | undefined;

  constructor(options: AskerOptions) {
    this.#options = options;
  }

  async ask(ask: Ask): Promise<Answer> {
    if (this.#connection?.usable !== true) this.#connection = new RawConnection(this.#options);
    const connection = this.#connection;
    try {
      return await connection.ask(ask);
    } finally {
      this.port = connection.port;
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }
}

class RawConnection {
  port = 0;
  usable = true;
  readonly #socket: Socket;
  readonly #keep: boolean;
  #text = "";
  #resolve: (answer: Answer) => void = () => undefined;
  #reject: (error: Error) => void = () => undefined;

  constructor({ port, keep }: AskerOptions) {
    this.#keep = keep;
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true });
    this.#socket.on("connect", () => (this.port = this.#socket.localPort ?? 0));
    this.#socket.on("data", (chunk) => this.#read(chunk.toString("latin1")));
    this.#socket.on("error", (error) => this.#lost(error.message));
    this.#socket.on("end", () => this.#lost("the connection was closed"));
    this.#socket.on("close", () => this.#lost("the connection was closed"));
  }

  ask({ method, path, body }: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const length = method === "POST" ? `Content-Length: ${body.length}\r\n` : "";
      const close = this.#keep ? "" : "Connection: close\r\n";
      this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: a\r\n${length}${close}\r\n${body}`);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: string): void {
    this.#text += chunk;
    const answer = wholeAnswer(this.#text);
    if (answer === undefined) return;
    this.#text = "";
    if (answer.isLast) this.#end();
    this.#resolve(answer);
  }

  #lost(why: string): void {
    this.#reject(new Error(this.#text === "" ? why : `${why} behind "${this.#text.slice(0, 60)}"`));
    this.#end();
  }

  #end(): void {
    this.usable = false;
    this.#socket.destroy();
  }
}

/** Undefined while it is not whole. The bodies of our programs are ASCII, so a character is a byte. */
function wholeAnswer(text: string): (Answer & { readonly isLast: boolean }) | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end === -1) return undefined;
  const head = text.slice(0, end + 2).toLowerCase();
  const status = Number(text.slice(9, 12));
  const isLast = head.includes("\r\nconnection: close\r\n");
  const rest = text.slice(end + 4);
  const length = /\r\ncontent-length: (\d+)\r\n/.exec(head)?.[1];
  const body = length === undefined ? chunksOf(rest) : rest.length < Number(length) ? undefined : rest;
  return body === undefined ? undefined : { status, body, isLast };
}

function chunksOf(text: string): string | undefined {
  let body = "";
  for (let at = 0; ;) {
    const line = text.indexOf("\r\n", at);
    if (line === -1) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (Number.isNaN(size) || text.length < next) return undefined;
    if (size === 0) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = next;
  }
}

class AgentAsker implements Asker {
  port = 0;
  readonly #options: AskerOptions;
  readonly #agent: Agent | undefined;

  constructor(options: AskerOptions) {
    this.#options = options;
    this.#agent = options.keep ? new Agent({ keepAlive: true, maxSockets: 1 }) : undefined;
  }

  ask({ method, path, body }: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const headers = method === "POST" ? { "Content-Length": body.length } : {};
      const { port } = this.#options;
      const order = { port, host: "127.0.0.1", agent: this.#agent ?? false, method, path, headers };
      const asked = httpRequest(order, (response) => read(response, resolve, reject));
      asked.on("socket", (socket) => {
        this.port = socket.localPort ?? 0;
        if (socket.connecting) socket.once("connect", () => (this.port = socket.localPort ?? 0));
      });
      asked.on("error", reject);
      asked.end(body);
    });
  }

  close(): void {
    this.#agent?.destroy();
  }
}

function read(response: IncomingMessage, resolve: (answer: Answer) => void, reject: (error: Error) => void): void {
  let body = "";
  response.setEncoding("latin1");
  response.on("data", (chunk: string) => (body += chunk));
  response.on("error", reject);
  response.on("aborted", () => reject(new Error(`the response was cut behind ${body.length} bytes`)));
  response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
}

class FetchAsker implements Asker {
  readonly port = 0;
  readonly #origin: string;

  constructor({ port }: AskerOptions) {
    this.#origin = `http://127.0.0.1:${port}`;
  }

  async ask({ method, path, body }: Ask): Promise<Answer> {
    const response = await fetch(this.#origin + path, method === "POST" ? { method, body } : {});
    return { status: response.status, body: await response.text() };
  }

  close(): void {
    // Its connections are everybody's.
  }
}
