/**
 * Who sent a request that came through the front. The balancer before the workers says it in one field, which the program
 * is never shown; it finds the address where it would find it if the client had dialled the program itself. This is the
 * field and its value, and requests of Bun.serve; node:http is `node-clients.ts`.
 * Invariant: only what arrives on the front's own socket is believed. At tier 1 the field is a field like any other.
 */
import type { ServerWebSocket, SocketAddress } from "bun";

/** `ip:port`, or `ip:port;tls`. The balancer drops what a client sends under this name. */
export const CLIENT_FIELD = "X-Scale-Client";
/** As the runtime knows it. */
export const CLIENT_KEY = CLIENT_FIELD.toLowerCase();

const client = Symbol("client");
const PORT_MAX = 65_535;
const SHAPE = /^\[?([0-9A-Fa-f:.]{2,45})\]?:([0-9]{1,5})(?:;tls)?$/;

interface Marked {
  [client]?: string | undefined;
}

/** `undefined` for what no balancer of ours writes. */
export function parseClient(text: string): SocketAddress | undefined {
  const found = SHAPE.exec(text);
  const [, address = "", digits = ""] = found ?? [];
  const port = Number(digits);
  if (found === null || port > PORT_MAX) return undefined;
  return { address, family: address.includes(":") ? "IPv6" : "IPv4", port };
}

/** Takes the field off a request before the program sees it. */
export function takeClient(request: Request): void {
  const { headers } = request;
  const text = headers.get(CLIENT_KEY);
  if (text === null) return;
  headers.delete(CLIENT_KEY);
  (request as Marked)[client] = text;
}

/** What was taken off; `undefined` when there was nothing. */
export function clientOf(request: Request): SocketAddress | undefined {
  const text = (request as Marked)[client];
  return text === undefined ? undefined : parseClient(text);
}

/** `remoteAddress` of a WebSocket is the client's, too. */
export function showClient(socket: ServerWebSocket<unknown>, from: SocketAddress): void {
  Object.defineProperty(socket, "remoteAddress", { value: from.address, configurable: true, enumerable: true });
}
