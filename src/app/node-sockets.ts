/**
 * The WebSockets of a node:http server, whichever package speaks them: each is a connection that was upgraded, and all that
 * is known of it is its protocol. That is enough to say goodbye.
 * Invariant: a server that has no listener for upgrades gets none by being watched; with one it would take upgrades.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";

/** An unmasked close frame with the code 1001, "going away", RFC 6455 sections 5.5.1 and 7.4.1. */
const GOING_AWAY = Uint8Array.of(0x88, 2, 0x03, 0xe9);
const UPGRADE = "upgrade";

export class NodeSockets {
  readonly #open = new Set<Duplex>();

  get size(): number {
    return this.#open.size;
  }

  /** Those that open from now on. */
  watch(server: Server): void {
    if (server.listenerCount(UPGRADE) > 0) {
      server.prependListener(UPGRADE, this.#upgraded);
      return;
    }
    const wait = (event: string | symbol): void => {
      if (event !== UPGRADE) return;
      server.off("newListener", wait);
      server.prependListener(UPGRADE, this.#upgraded);
    };
    server.on("newListener", wait);
  }

  /** The package hears the client's answer as any close, and ends the connection. Between two writes of it there is always room for a frame. */
  sayGoodbye(): void {
    for (const socket of this.#open) if (socket.writable) socket.write(GOING_AWAY);
  }

  readonly #upgraded = (request: IncomingMessage, socket: Duplex): void => {
    if (request.headers.upgrade?.toLowerCase() !== "websocket") return;
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  };
}
