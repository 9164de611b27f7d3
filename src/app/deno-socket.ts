/**
 * The server's end of a WebSocket as `Deno.upgradeWebSocket` gives it: the standard WebSocket interface over the one of
 * Bun.serve. https://websockets.spec.whatwg.org/#the-websocket-interface
 */
import type { ServerWebSocket } from "bun";

type On<E> = ((event: E) => void) | null;

const NORMAL_CLOSURE = 1_000;

export class DenoSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  readonly url: string;
  readonly protocol: string;
  readonly extensions = "";
  binaryType: "blob" | "arraybuffer" = "blob";
  onopen: On<Event> = null;
  onmessage: On<MessageEvent> = null;
  onclose: On<CloseEvent> = null;
  onerror: On<Event> = null;
  #wire: ServerWebSocket<DenoSocket> | undefined;
  #state = DenoSocket.CONNECTING as 0 | 1 | 2 | 3;

  constructor(url: string, protocol: string) {
    super();
    this.url = url;
    this.protocol = protocol;
  }

  get readyState(): number {
    return this.#state;
  }

  get bufferedAmount(): number {
    return this.#wire?.getBufferedAmount() ?? 0;
  }

  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (this.#wire === undefined) throw new DOMException("Cannot send: the WebSocket is not open", "InvalidStateError");
    if (data instanceof Blob) void this.#sendBlob(data);
    else this.#wire.send(data as string | Bun.BufferSource);
  }

  close(code = NORMAL_CLOSURE, reason = ""): void {
    if (this.#state >= DenoSocket.CLOSING) return;
    this.#state = DenoSocket.CLOSING;
    this.#wire?.close(code, reason);
  }

  /** The request was no proper handshake: it will never open. */
  fail(): void {
    this.#state = DenoSocket.CLOSED;
    this.#fire(new Event("error"), this.onerror);
  }

  async #sendBlob(data: Blob): Promise<void> {
    const bytes = await data.arrayBuffer();
    this.#wire?.send(bytes);
  }

  /** What Bun.serve is given as `websocket`, for all of them. */
  static readonly handlers = {
    open(wire: ServerWebSocket<DenoSocket>): void {
      const socket = wire.data;
      socket.#wire = wire;
      // A socket that was closed before it opened closes now.
      if (socket.#state === DenoSocket.CLOSING) return wire.close(NORMAL_CLOSURE);
      socket.#state = DenoSocket.OPEN;
      socket.#fire(new Event("open"), socket.onopen);
    },
    message(wire: ServerWebSocket<DenoSocket>, data: string | Buffer<ArrayBuffer>): void {
      const socket = wire.data;
      socket.#fire(new MessageEvent("message", { data: socket.#payload(data) }), socket.onmessage);
    },
    close(wire: ServerWebSocket<DenoSocket>, code: number, reason: string): void {
      const socket = wire.data;
      socket.#state = DenoSocket.CLOSED;
      socket.#wire = undefined;
      socket.#fire(new CloseEvent("close", { code, reason, wasClean: true }), socket.onclose);
    },
  };

  #payload(data: string | Buffer<ArrayBuffer>): string | Blob | ArrayBuffer {
    if (typeof data === "string") return data;
    return this.binaryType === "blob" ? new Blob([data]) : new Uint8Array(data).buffer;
  }

  #fire<E extends Event>(event: E, handler: On<E>): void {
    handler?.call(this, event);
    this.dispatchEvent(event);
  }
}
