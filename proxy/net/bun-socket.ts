/**
 * Bun's sockets as `bun-wire.ts` and `bun-net.ts` see them: one set of handlers for all, which hands each event to the ears of
 * its socket, and what the types leave out.
 */
import type { Socket, SocketHandler } from "bun";
import type { Address } from "../base/address.ts";

/** Each says of which socket it hears, since one that speaks TLS lies over one that does not, and both talk. */
export interface SocketEars {
  onData(socket: BunSocket, bytes: Uint8Array): void;
  onDrain(socket: BunSocket): void;
  onEnd(socket: BunSocket): void;
  onHandshake(socket: BunSocket, completed: boolean, error: Error | null): void;
  /** What could not be read under TLS; what an event throws does not come this way. */
  onError(socket: BunSocket, error: Error): void;
  onClose(socket: BunSocket, error: Error | undefined): void;
}

export type BunSocket = Socket<SocketEars>;

/** The same for all sockets, plain and secured: Bun keeps one set of handlers, and the ears are the socket's `data`. */
export const BUN_EVENTS: SocketHandler<SocketEars> = {
  data(socket, bytes) {
    socket.data.onData(socket, bytes);
  },
  drain(socket) {
    socket.data?.onDrain(socket);
  },
  end(socket) {
    socket.data?.onEnd(socket);
  },
  handshake(socket, completed, error) {
    socket.data.onHandshake(socket, completed, error);
  },
  error(socket, error) {
    socket.data?.onError(socket, error);
  },
  close(socket, error) {
    socket.data?.onClose(socket, error);
  },
};

/** An IPv4 client of an IPv6 listener by its own address. */
export function plainAddress(host: string | undefined, port: number | undefined): Address | undefined {
  if (host === undefined || port === undefined) return undefined;
  return { host: host.startsWith("::ffff:") && host.includes(".") ? host.slice("::ffff:".length) : host, port };
}

/** Missing in Bun's types: close(2), so that what the kernel took still arrives, and then the end. Fires `close` within. */
export function closeInOrder(socket: BunSocket): void {
  (socket as BunSocket & { close(): void }).close();
}

/** Missing in Bun's types. */
export function fdOf(socket: BunSocket): number {
  return (socket as BunSocket & { readonly fd: number }).fd;
}
