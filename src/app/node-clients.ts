/**
 * The same as `client-address.ts` for node:http, whose requests the runtime hands over as two objects of its own: one that
 * has the head of the request, and one for the connection. What they show to node:http is changed at their prototypes, once;
 * whatever reads them (req.headers, rawHeaders, headersDistinct, socket.remoteAddress, req.ip of Express) is then right.
 * A connection of the balancer carries requests of many clients, so its address is that of its latest request.
 */
import type { SocketAddress } from "bun";
import { CLIENT_KEY, parseClient } from "./client-address.ts";

/** The head of one request; gone when its answer is. */
interface RequestHandle {
  headersObject(): Record<string, unknown> | undefined;
  /** Pairs of name and value; what `headersObject` made may be handed back, to be used again. */
  takeRawHeaders(headers: unknown): string[] | undefined;
  [head]?: Record<string, unknown> | undefined;
}

interface ConnectionHandle {
  readonly remoteAddress: unknown;
  readonly localAddress: unknown;
  [sender]?: string | SocketAddress | undefined;
}

const head = Symbol("head");
const sender = Symbol("sender");
const changed = new WeakSet<object>();

/** A request begins, on the front's socket. `local` is where the program believes to be reached. */
export function takeNodeClient(request: object, connection: object, local: SocketAddress | undefined): void {
  if (!isRequest(request)) return;
  changeRequests(request);
  changeConnections(connection, local);
  const headers = request.headersObject();
  const text = headers?.[CLIENT_KEY];
  if (headers !== undefined && text !== undefined) delete headers[CLIENT_KEY];
  request[head] = headers;
  (connection as ConnectionHandle)[sender] = typeof text === "string" ? text : undefined;
}

function isRequest(value: object): value is RequestHandle {
  return "headersObject" in value && "takeRawHeaders" in value;
}

/** The head that was looked at is not built again, and raw lines are shown without ours. */
function changeRequests(example: RequestHandle): void {
  const prototype = Object.getPrototypeOf(example) as RequestHandle;
  if (changed.has(prototype)) return;
  changed.add(prototype);
  const { headersObject, takeRawHeaders } = prototype;
  prototype.headersObject = function (this: RequestHandle) {
    const known = this[head];
    this[head] = undefined;
    return known ?? headersObject.call(this);
  };
  prototype.takeRawHeaders = function (this: RequestHandle, _headers) {
    // Not with the object that lacks our line: the runtime matches the two by their places.
    return withoutClient(takeRawHeaders.call(this, undefined));
  };
}

function withoutClient(lines: string[] | undefined): string[] | undefined {
  for (let at = (lines?.length ?? 0) - 2; at >= 0; at -= 2) {
    if (lines?.[at]?.toLowerCase() === CLIENT_KEY) lines.splice(at, 2);
  }
  return lines;
}

function changeConnections(example: object, local: SocketAddress | undefined): void {
  const prototype = Object.getPrototypeOf(example) as object;
  if (changed.has(prototype)) return;
  changed.add(prototype);
  const remoteOf = getterOf(prototype, "remoteAddress");
  Object.defineProperty(prototype, "remoteAddress", {
    configurable: true,
    enumerable: true,
    get(this: ConnectionHandle) {
      const known = this[sender];
      if (typeof known !== "string") return known ?? remoteOf(this);
      this[sender] = parseClient(known);
      return this[sender] ?? remoteOf(this);
    },
  });
  if (local !== undefined) {
    Object.defineProperty(prototype, "localAddress", { configurable: true, enumerable: true, get: () => local });
  }
}

function getterOf(prototype: object, name: string): (of: object) => unknown {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  return (of) => (get === undefined ? undefined : (get.call(of) as unknown));
}
