/**
 * An address as people write it: `host:port`, a port alone (then of 127.0.0.1), or `unix:PATH`. Pure: nothing is resolved
 * or dialled here, and a path is not looked at.
 * Invariant: `parseAddress(formatAddress(address))` is `address`.
 */
export type Address =
  | { readonly host: string; readonly port: number; readonly path?: undefined }
  | { readonly path: string; readonly host?: undefined; readonly port?: undefined };

/** Why a text is not an address. */
export type AddressFlaw = "empty" | "url" | "no host" | "no port" | "bad port" | "bad host" | "no path" | "long path";

export const PORT_MAX = 65_535;
/** What fits into sun_path of unix(7), with its closing zero. */
export const UNIX_PATH_BYTES_MAX = 107;

const LOOPBACK_HOST = "127.0.0.1";
const HOST_NAME = /^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,252})$/;
const IPV6 = /^[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,15})?$/;

export function parseAddress(text: string): Address | AddressFlaw {
  if (text === "") return "empty";
  if (text.startsWith("unix:")) return parsePath(text.slice("unix:".length));
  if (text.includes("://")) return "url";
  if (/^[0-9]+$/.test(text)) return withPort(LOOPBACK_HOST, text);
  const colon = text.lastIndexOf(":");
  if (colon === -1 || text.endsWith("]")) return "no port";
  const host = text.slice(0, colon);
  if (host === "") return "no host";
  return withPort(host, text.slice(colon + 1));
}

export function formatAddress(address: Address): string {
  if (address.path !== undefined) return `unix:${address.path}`;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  return `${host}:${address.port}`;
}

/** Whether only this machine reaches it. A name other than localhost may be anything. */
export function isLocal(address: Address): boolean {
  if (address.path !== undefined) return true;
  return address.host === "localhost" || address.host === "::1" || /^127(\.[0-9]{1,3}){3}$/.test(address.host);
}

function parsePath(path: string): Address | AddressFlaw {
  if (path === "") return "no path";
  if (new TextEncoder().encode(path).length > UNIX_PATH_BYTES_MAX) return "long path";
  return { path };
}

function withPort(written: string, digits: string): Address | AddressFlaw {
  if (digits === "") return "no port";
  const port = /^[0-9]{1,6}$/.test(digits) ? Number(digits) : -1;
  if (port < 0 || port > PORT_MAX) return "bad port";
  const bracketed = written.startsWith("[") && written.endsWith("]");
  const host = bracketed ? written.slice(1, -1) : written;
  const good = bracketed ? host.includes(":") && IPV6.test(host) : HOST_NAME.test(host);
  return good ? { host, port } : "bad host";
}
