/**
 * Who may ask the admin listener, and what: the policy alone, before any page is made. It takes no body, and is
 * not a web site: no page of another origin may use a browser on this machine to read it (DNS rebinding). What changes the
 * box (POST) is only for who can open its unix socket or has its token: a loopback port is open to every user of the
 * machine, and to every page in their browsers.
 * Invariant: a request passes only if every rule here says so.
 */
import { timingSafeEqual } from "node:crypto";
import { formatAddress, isLocal, type Address } from "../../proxy/base/address.ts";
import { digest } from "../run/digest.ts";

export interface Refusal {
  readonly status: 400 | 401 | 403 | 405;
  readonly why: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Gate = (method: string, headers: Headers) => Refusal | undefined;

const READING = ["GET", "HEAD"] as const;
const COMMANDING = [...READING, "POST"] as const;
/** RFC 6750 section 2.1. */
const BEARER = /^bearer (.+)$/i;

/** `token` is what a caller over TCP must present; without one, `address` must be one that only this machine reaches. */
export function makeGate(address: Address, token: string | undefined): Gate {
  const wanted = token === undefined || address.path !== undefined ? undefined : hashOf(token);
  const names = hostNames(address);
  const methods: readonly string[] = address.path !== undefined || wanted !== undefined ? COMMANDING : READING;
  return (method, headers) => {
    if (!methods.includes(method)) {
      const allow = methods.join(", ");
      return { status: 405, why: `this listener only answers ${allow}`, headers: { allow } };
    }
    if (hasBody(headers))
      return { status: 400, why: "a request must not have a body", headers: { connection: "close" } };
    if (names !== undefined && !names.has(bareHost(headers.get("host") ?? ""))) {
      return { status: 403, why: "the Host header does not name this listener" };
    }
    if (wanted === undefined || presents(headers.get("authorization"), wanted)) return undefined;
    return { status: 401, why: "a token is required", headers: { "www-authenticate": 'Bearer realm="scale admin"' } };
  };
}

/**
 * The names under which a loopback listener may be asked. `undefined`: any, because a unix socket cannot be reached by a
 * browser, and beyond loopback the token is what a foreign page does not have.
 */
function hostNames(address: Address): ReadonlySet<string> | undefined {
  if (address.path !== undefined || !isLocal(address)) return undefined;
  return new Set(["localhost", "127.0.0.1", "[::1]", bareHost(formatAddress(address))]);
}

/** Without its port, in lower case; a bracketed IPv6 address keeps its brackets. */
function bareHost(text: string): string {
  return text.toLowerCase().replace(/:\d{1,5}$/, "");
}

function hasBody(headers: Headers): boolean {
  return headers.has("transfer-encoding") || (headers.get("content-length") ?? "0") !== "0";
}

/** Hashes are compared, so that neither the time nor the length of the comparison depends on the token. */
function presents(authorization: string | null, wanted: Uint8Array): boolean {
  const said = BEARER.exec(authorization ?? "")?.[1];
  return said !== undefined && timingSafeEqual(hashOf(said), wanted);
}

function hashOf(text: string): Uint8Array {
  return digest.sha256(new TextEncoder().encode(text));
}
