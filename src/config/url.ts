/**
 * A store's URL, looked at as text: whether it is one, and which parts it names. Not `new URL`, which knows neither a list
 * of hosts nor a socket folder as host. Spec: RFC 3986, and libpq's connection URIs.
 */
import { PORT_MAX } from "../../proxy/base/address.ts";

export interface StoreUrl {
  readonly scheme: string;
  readonly user?: string;
  /** Each with its port when it says one. */
  readonly hosts: readonly { readonly host: string; readonly port?: number }[];
  /** What stands behind the first slash, "" when nothing does. */
  readonly database: string;
  readonly hasPassword: boolean;
}

const PARTS = /^([A-Za-z][A-Za-z0-9+.-]*):\/\/(?:([^@/?#]*)@)?([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/;
const HOST = /^([A-Za-z0-9_.%-]*|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?$/;

/** The parts, or what is wrong in a few words that repeat nothing of the text. */
export function parseUrl(text: string, schemes: readonly string[]): StoreUrl | string {
  const wanted = schemes.map((scheme) => `${scheme}://`).join(" or ");
  if (!text.includes("://")) return `it does not begin with ${wanted}`;
  const scheme = text.slice(0, text.indexOf("://"));
  if (!schemes.includes(scheme.toLowerCase()))
    return `it begins with ${/^[A-Za-z+.-]{1,16}$/.test(scheme) ? `${scheme}://` : "something else"}, wanted ${wanted}`;
  if (/\s/.test(text)) return "there is a space in it";
  if (/%(?![0-9A-Fa-f]{2})/.test(text)) return "a % in it is not followed by two hexadecimal digits (a plain % is %25)";
  const parts = PARTS.exec(text);
  if (parts === null || (text.match(/@/g)?.length ?? 0) > 1) return afterAt(text);
  const [, , credentials, hostList, path] = parts;
  const hosts = readHosts(hostList ?? "");
  if (typeof hosts === "string")
    return text.includes("@") && hosts === "bad"
      ? afterAt(text)
      : hosts === "bad"
        ? "its host is not a name or an IP address"
        : hosts;
  const colon = credentials?.indexOf(":") ?? -1;
  const user = colon === -1 ? credentials : credentials?.slice(0, colon);
  return {
    scheme,
    hosts,
    database: path ?? "",
    hasPassword: colon !== -1,
    ...(user === undefined || user === "" ? {} : { user }),
  };
}

function afterAt(text: string): string {
  if (!text.includes("@")) return "its host is not a name or an IP address";
  return "its user, password or host holds a sign that must be percent-encoded (@ is %40, / is %2F, : is %3A, # is %23)";
}

function readHosts(list: string): StoreUrl["hosts"] | string {
  const hosts: { host: string; port?: number }[] = [];
  for (const one of list.split(",")) {
    const match = HOST.exec(one);
    if (match === null) return "bad";
    const [, host, digits] = match;
    const port = digits === undefined ? undefined : Number(digits);
    if (port !== undefined && (port < 1 || port > PORT_MAX)) return `port ${digits} is not from 1 to ${PORT_MAX}`;
    hosts.push({ host: host ?? "", ...(port === undefined ? {} : { port }) });
  }
  return hosts;
}
