/**
 * A Postgres client that a test holds by the hand, over any `Net`: it says what it is told to, and keeps what is said to it,
 * read message by message. It answers nothing by itself.
 */
import type { Address } from "../../proxy/base/address.ts";
import { Budget } from "../../proxy/base/byte-queue.ts";
import type { Fault } from "../../proxy/base/fault.ts";
import { Spill } from "../../proxy/net/spill.ts";
import type { Net, TlsContext, Wire, WireEvents } from "../../proxy/net/wire.ts";
import { Framer, NOTHING } from "../../proxy/pg/framer.ts";
import type { NoticeTexts } from "../../proxy/pg/notice.ts";
import { BACKEND, tagName } from "../../proxy/pg/tag.ts";
import { Writer } from "../../proxy/pg/writer.ts";
import { type Said, understand } from "./pg-talk.ts";

const BYTES_MAX = 0x4000000;
const DIAL_MS = 10_000;

export class PgFrontend implements WireEvents {
  readonly said: Said[] = [];
  /** Bytes that were no messages: the answer to a wish for encryption. */
  readonly plain: number[] = [];
  closed = false;
  ended = false;
  fault: Fault | undefined;
  /** How many single bytes are answers to wishes. */
  wishes = 0;
  readonly wire: Wire;
  readonly #budget = new Budget(BYTES_MAX);
  readonly #spill = new Spill(BYTES_MAX, this.#budget);
  readonly #framer = new Framer({ side: "backend", phase: "login", wholeBytesMax: 0x100000, budget: this.#budget });
  #parts: Uint8Array[] = [];
  #open = false;
  #early: Uint8Array[] = [];

  constructor(net: Net, address: Address) {
    this.wire = net.dial(address, DIAL_MS, this);
  }

  /** The names of what was said, in one line. */
  get words(): string {
    return this.said.map(({ name }) => name).join(" ");
  }

  /** The last error. */
  get error(): NoticeTexts {
    return (this.said.findLast(({ name }) => name === "error")?.value ?? {}) as NoticeTexts;
  }

  valueOf(name: string): unknown {
    return this.said.findLast((one) => one.name === name)?.value;
  }

  send(write: ((writer: Writer) => void) | Uint8Array): void {
    let bytes: Uint8Array;
    if (write instanceof Uint8Array) {
      bytes = write;
    } else {
      const writer = new Writer(BYTES_MAX);
      write(writer);
      bytes = writer.bytes.slice(0, writer.end);
    }
    if (this.#open) this.#spill.write(this.wire, bytes, 0, bytes.length);
    else this.#early.push(bytes);
  }

  /** The answer is one byte. */
  wish(write: (writer: Writer) => void): void {
    this.wishes += 1;
    this.send(write);
  }

  secure(context: TlsContext): void {
    this.#open = false;
    this.wire.startTls(context, "client");
  }

  hangUp(): void {
    this.#spill.end(this.wire);
  }

  end(): void {
    this.ended = true;
  }

  data(_wire: Wire, bytes: Uint8Array, start: number, end: number): void {
    let from = start;
    for (; this.wishes > 0 && from < end; this.wishes -= 1, from += 1) this.plain.push(bytes[from] ?? 0);
    const framer = this.#framer;
    framer.feed(bytes, from, end);
    while (framer.next() !== NOTHING) this.#take();
  }

  drain(wire: Wire): void {
    this.#open = true;
    this.#spill.drain(wire);
    for (const bytes of this.#early.splice(0)) this.#spill.write(wire, bytes, 0, bytes.length);
  }

  close(_wire: Wire, fault?: Fault): void {
    this.closed = true;
    this.fault = fault;
  }

  #take(): void {
    const framer = this.#framer;
    this.#parts.push(framer.bytes.slice(framer.start, framer.end));
    if (framer.left > 0) return;
    const bytes = Uint8Array.from(Buffer.concat(this.#parts));
    this.#parts = [];
    this.said.push({ name: tagName("backend", framer.tag), value: understand(framer.tag, bytes), bytes });
    if (framer.tag === BACKEND.ready && framer.phase === "login") framer.enter("steady");
  }
}
