/**
 * A play of a TLS handshake: records that look like TLS from outside (so that a ClientHello can be peeked at), and inside say
 * in JSON what a real one would negotiate. Certificates are judged for real; nothing is encrypted. Not a security measure.
 */
import { X509Certificate } from "node:crypto";
import type { TlsContext, TlsInfo, TlsSide } from "../../proxy/net/wire.ts";

interface Words {
  readonly kind: "hello" | "answer" | "finished";
  readonly name?: string | undefined;
  readonly alpn?: readonly string[] | undefined;
  readonly cert?: string | undefined;
}

export interface Outcome {
  readonly done: boolean;
  readonly refused: string | undefined;
  /** Bytes to send. */
  readonly say: Uint8Array;
  /** What came behind the handshake. */
  readonly rest: Uint8Array;
}

const HEAD_BYTES = 5;
const HANDSHAKE = 0x16;
const SILENT = new Uint8Array(0);

export class SimTls {
  info: TlsInfo | undefined;
  readonly #context: TlsContext;
  readonly #side: TlsSide;
  #heard: Uint8Array = SILENT;
  #asked: Words | undefined;

  constructor(context: TlsContext, side: TlsSide) {
    this.#context = context;
    this.#side = side;
  }

  /** The first words: only a client has any, but an empty record does no harm. */
  start(): Uint8Array {
    const { serverName, alpn } = this.#context;
    return this.#side === "client" ? record({ kind: "hello", name: serverName, alpn }) : SILENT;
  }

  take(bytes: Uint8Array): Outcome {
    this.#heard = new Uint8Array(Buffer.concat([this.#heard, bytes]));
    const heard = this.#heard;
    if (heard.length > 0 && heard[0] !== HANDSHAKE) return refuse("that is no TLS");
    if (heard.length < HEAD_BYTES) return WAIT;
    const end = HEAD_BYTES + (((heard[3] as number) << 8) | (heard[4] as number));
    if (heard.length < end) return WAIT;
    this.#heard = heard.slice(end);
    let words: Words;
    try {
      words = JSON.parse(new TextDecoder().decode(heard.subarray(HEAD_BYTES, end)));
    } catch {
      return refuse("that is no handshake");
    }
    return this.#side === "client" ? this.#answered(words) : this.#spoken(words);
  }

  #spoken(words: Words): Outcome {
    if (words.kind === "finished") return this.#finished(words);
    this.#asked = words;
    const alpn = this.#chosen(words.alpn);
    if (alpn === undefined && words.alpn !== undefined && this.#context.alpn !== undefined)
      return refuse("no protocol");
    const answer: Words = { kind: "answer", cert: this.#context.cert, alpn: alpn === undefined ? [] : [alpn] };
    return { ...WAIT, say: record(answer) };
  }

  #finished(words: Words): Outcome {
    const refused = this.#judge(words.cert, undefined);
    if (refused !== undefined) return refuse(refused);
    this.#know(this.#asked?.name, this.#chosen(this.#asked?.alpn), words.cert);
    return { done: true, refused: undefined, say: SILENT, rest: this.#heard };
  }

  #answered(words: Words): Outcome {
    const { serverName, verify, cert } = this.#context;
    const refused = this.#judge(words.cert, verify === "name" ? serverName : undefined);
    if (refused !== undefined) return refuse(refused);
    this.#know(serverName, words.alpn?.[0], words.cert);
    return { done: true, refused: undefined, say: record({ kind: "finished", cert }), rest: this.#heard };
  }

  #chosen(offered: readonly string[] | undefined): string | undefined {
    return this.#context.alpn?.find((name) => offered?.includes(name));
  }

  #judge(cert: string | undefined, name: string | undefined): string | undefined {
    const { verify, ca } = this.#context;
    if (verify === "none") return undefined;
    if (cert === undefined) return "there is no certificate";
    const certificate = new X509Certificate(cert);
    if (ca === undefined || !certificate.verify(new X509Certificate(ca).publicKey)) return "nobody vouches for it";
    if (name !== undefined && certificate.checkHost(name) === undefined) return "it is someone else's certificate";
    return undefined;
  }

  #know(serverName: string | undefined, alpn: string | undefined, cert: string | undefined): void {
    const seen = this.#side === "client" || this.#context.verify !== "none" ? cert : undefined;
    this.info = {
      version: "TLSv1.3",
      cipher: "TLS_PLAY",
      alpn,
      serverName,
      verified: this.#context.verify !== "none",
      peerCertificate: seen === undefined ? undefined : new Uint8Array(new X509Certificate(seen).raw),
    };
  }
}

const WAIT: Outcome = { done: false, refused: undefined, say: SILENT, rest: SILENT };

function refuse(refused: string): Outcome {
  return { ...WAIT, refused };
}

function record(words: Words): Uint8Array {
  const body = new TextEncoder().encode(JSON.stringify(words));
  return Uint8Array.from([HANDSHAKE, 3, 1, body.length >> 8, body.length & 0xff, ...body]);
}
