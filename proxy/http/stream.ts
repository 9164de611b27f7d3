/**
 * The contract between HTTP as routing sees it and the codecs: one exchange is a stream of head, data, trailers and end, the
 * same words in both directions, with credit flowing against the data. HTTP/1.1 is a codec with one stream at a time, whose
 * object is used again; HTTP/2 is one with many. Nothing here knows which.
 */
import type { Fault } from "../base/fault.ts";
import type { FieldBlock } from "./field-block.ts";
import type { HttpHead } from "./head.ts";

/**
 * What can be sent on one exchange: to a client the response, to a server the request. In order: `head` (interim ones first),
 * any `data`, at most one `trailers`, then `end`; or `reset` at any time. After `end` or `reset` nothing more is sent.
 */
export interface HttpStream {
  /**
   * Fields that were marked as dropped are left out, the additions go behind the others. Hop-by-hop fields and framing are
   * the codec's affair. To a client 101 makes a tunnel of the stream, if that was asked for; data is raw bytes from then on.
   */
  head(head: HttpHead, additions: FieldBlock): void;
  /** All of it is taken. Answers how many bytes of credit are back at once; the rest comes by `credit`. */
  data(bytes: Uint8Array, start: number, end: number): number;
  trailers(trailers: FieldBlock): void;
  end(): void;
  /** Ends the exchange early, with an answer in the peer's tongue if there is still time for one. */
  reset(fault: Fault): void;
  /** So many bytes of what came by the event `data` are out of our hands. */
  credit(count: number): void;
}

/** What comes in on one exchange. Bytes and heads are valid until the call returns; who keeps them copies them. */
export interface HttpStreamEvents {
  /** On the side of a server: its response, interim ones (1xx) first. A client's request comes by `accept`. */
  head(stream: HttpStream, head: HttpHead): void;
  /** Content, or raw bytes of a tunnel. It comes as long as there is credit, and at most one chunk beyond it. */
  data(stream: HttpStream, bytes: Uint8Array, start: number, end: number): void;
  /** So many bytes that `data` took are out of our hands. */
  credit(stream: HttpStream, count: number): void;
  trailers(stream: HttpStream, trailers: FieldBlock): void;
  end(stream: HttpStream): void;
  /** It is over. Whoever hears it does not reset the stream in turn. */
  reset(stream: HttpStream, fault: Fault): void;
}

/** What a codec needs of a wire; a `Wire` of `proxy/net` is one. */
export interface HttpWire {
  /** How many bytes the kernel took; 0 = full, -1 = gone. */
  write(bytes: Uint8Array, start: number, end: number): number;
  pause(): void;
  resume(): void;
  /** Half-close; `forGood` where the peer sends no more, so that its direction may be closed at once, too. */
  end(forGood?: boolean): void;
  /** Reset both ways. */
  close(): void;
}

/** Where a codec asks to be called once when this turn's reads are done, so that what it writes leaves together. */
export interface Turn {
  later(task: TurnTask): void;
}

export interface TurnTask {
  turn(): void;
}
