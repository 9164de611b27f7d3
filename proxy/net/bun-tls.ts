/**
 * TLS as Bun speaks it: a TlsContext as Bun's options, the judgement of a handshake, and what is to be known of it. How a
 * socket changes over to TLS is in `bun-wire.ts`.
 * Invariant: no byte of a peer whose certificate did not pass reaches an event, whatever the environment of the process
 * says (NODE_TLS_REJECT_UNAUTHORIZED).
 */
import { createSecureContext } from "node:tls";
import type { Socket, TLSOptions } from "bun";
import { assert } from "../base/assert.ts";
import { codeOf } from "./bun-faults.ts";
import type { TlsContext, TlsInfo, TlsSide } from "./wire.ts";

/** Says "chain is good, but it is the certificate of someone else"; a bad chain is told before it. */
const WRONG_NAME = "ERR_TLS_CERT_ALTNAME_INVALID";
/** Bun says "not completed" of a wrong name too, though all was exchanged. Flaws of a certificate have an underscore. */
const BROKEN_HANDSHAKE = /^(E[A-Z0-9]+|ERR_SSL.*|closed)$/;
const ALPN_NAME_BYTES_MAX = 255;

/** `isServer` is missing in Bun's types. */
type Options = TLSOptions & { readonly isServer?: boolean };

/** Made once for each context and side, so that Bun can find its own context again. */
const made: Record<TlsSide, WeakMap<TlsContext, Options>> = { client: new WeakMap(), server: new WeakMap() };

export function tlsOptions(context: TlsContext, side: TlsSide): Options {
  const known = made[side].get(context);
  if (known !== undefined) return known;
  const options = side === "server" ? serverOptions(context) : clientOptions(context);
  made[side].set(context, options);
  return options;
}

/** Why this context cannot be used, for who checks a configuration; undefined when it can. */
export function tlsFlaw(context: TlsContext): string | undefined {
  const { cert, key, ca } = context;
  try {
    createSecureContext({
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(ca === undefined ? {} : { ca }),
    });
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Why the handshake is refused; undefined when it is good. `completed` and `error` are what Bun says of it. */
export function refusal(
  context: TlsContext,
  side: TlsSide,
  completed: boolean,
  error: Error | null,
): string | undefined {
  const code = error === null || error === undefined ? undefined : codeOf(error);
  if (side === "server") {
    if (!completed) return code ?? "no handshake";
    return context.verify === "none" ? undefined : code;
  }
  if (code === undefined) return completed ? undefined : "no handshake";
  if (context.verify === "none") return BROKEN_HANDSHAKE.test(code) ? code : undefined;
  return context.verify === "chain" && code === WRONG_NAME ? undefined : code;
}

export function tlsInfo(socket: Socket<unknown>, context: TlsContext, side: TlsSide): TlsInfo {
  const asked = side === "client" || context.verify !== "none";
  const certificate = asked ? socket.getPeerX509Certificate() : undefined;
  return {
    version: socket.getTLSVersion(),
    cipher: socket.getCipher().name,
    alpn: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : undefined,
    serverName: socket.getServername() || undefined,
    verified: context.verify !== "none",
    peerCertificate: certificate === undefined ? undefined : new Uint8Array(certificate.raw),
  };
}

function serverOptions(context: TlsContext): Options {
  assert(context.cert !== undefined && context.key !== undefined, "Cannot serve TLS: there is no certificate or key");
  const verifies = context.verify !== "none";
  return { ...commonOptions(context), isServer: true, requestCert: verifies, rejectUnauthorized: verifies };
}

function clientOptions(context: TlsContext): Options {
  const { verify, serverName } = context;
  assert(verify !== "name" || serverName !== undefined, "Cannot verify a name: there is none");
  return {
    ...commonOptions(context),
    ...(serverName === undefined ? {} : { serverName }),
    rejectUnauthorized: verify === "name",
  };
}

function commonOptions({ cert, key, ca, alpn }: TlsContext): Options {
  return {
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(ca === undefined ? {} : { ca }),
    ...(alpn === undefined || alpn.length === 0 ? {} : { ALPNProtocols: alpnList(alpn) }),
  };
}

/** A length byte before each name (RFC 7301, section 3.1): Bun takes nothing else, and no other form says so. */
function alpnList(names: readonly string[]): Uint8Array<ArrayBuffer> {
  const list: number[] = [];
  for (const name of names) {
    const bytes = new TextEncoder().encode(name);
    assert(bytes.length > 0 && bytes.length <= ALPN_NAME_BYTES_MAX, "Cannot offer a protocol: its name has no length");
    list.push(bytes.length, ...bytes);
  }
  return Uint8Array.from(list);
}
