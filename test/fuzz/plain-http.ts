/**
 * Obvious readers of HTTP/1.1, for judging what a proxy has sent. They work on text, know one way to say each thing, and call
 * everything else a flaw.
 */
export interface PlainMessages {
  /** Messages that are complete, and their start lines. */
  readonly starts: readonly string[];
  /** Of all their bodies, chunks joined. */
  readonly content: string;
  /** The last message has a body that is not complete. */
  readonly cut: boolean;
  readonly flaw: string | undefined;
}

const REQUEST_LINE = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+ (\/[\x21\x22\x24-\x7e]*|\*) HTTP\/1\.1$/;
const STATUS_LINE = /^HTTP\/1\.1 ([1-5]\d\d) [\t\x20-\x7e\x80-\xff]*$/;
const FIELD = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/;

/** What a server got. */
export function readRequests(text: string): PlainMessages {
  return readAll(text, (reader) => {
    reader.head(REQUEST_LINE);
    if (reader.valuesOf("host").length !== 1) throw new Error("Host");
    reader.body("none");
  });
}

/** What a client got for requests of this method. */
export function readResponses(text: string, method: string): PlainMessages {
  return readAll(text, (reader) => {
    const status = Number(STATUS_LINE.exec(reader.head(STATUS_LINE))?.[1]);
    if (method === "HEAD" || status < 200 || status === 204 || status === 304) reader.silent();
    else reader.body("close");
  });
}

function readAll(text: string, readOne: (reader: Reader) => void): PlainMessages {
  const reader = new Reader(text);
  const starts: string[] = [];
  let content = "";
  while (reader.rest !== "") {
    try {
      readOne(reader);
    } catch (thrown) {
      const { message } = thrown as Error;
      return { starts, content, cut: message === "cut", flaw: message === "cut" ? undefined : message };
    }
    starts.push(reader.start);
    content += reader.content;
  }
  return { starts, content, cut: false, flaw: undefined };
}

class Reader {
  rest: string;
  start = "";
  content = "";
  #fields: (readonly [name: string, value: string])[] = [];

  constructor(text: string) {
    this.rest = text;
  }

  head(startLine: RegExp): string {
    const end = this.rest.indexOf("\r\n\r\n");
    if (end === -1) throw new Error("a head that is not complete");
    const [start = "", ...lines] = this.rest.slice(0, end).split("\r\n");
    this.rest = this.rest.slice(end + 4);
    if (!startLine.test(start)) throw new Error("the start line");
    this.#fields = lines.map((line) => {
      const field = FIELD.exec(line);
      if (field === null) throw new Error("a field");
      return [(field[1] as string).toLowerCase(), (field[2] as string).trim()] as const;
    });
    this.start = start;
    this.content = "";
    return start;
  }

  valuesOf(wanted: string): string[] {
    return this.#fields.filter(([name]) => name === wanted).map(([, value]) => value);
  }

  /** No body, whatever the fields say; but never two of them. */
  silent(): void {
    if (this.valuesOf("content-length").length + this.valuesOf("transfer-encoding").length > 1)
      throw new Error("framing");
  }

  body(otherwise: "none" | "close"): void {
    this.silent();
    const [length] = this.valuesOf("content-length");
    const [coding] = this.valuesOf("transfer-encoding");
    if (length !== undefined) this.#length(length);
    else if (coding !== undefined) this.#chunks(coding);
    else if (otherwise === "close") this.#length(String(this.rest.length));
  }

  #length(length: string): void {
    if (!/^(0|[1-9]\d*)$/.test(length)) throw new Error("length");
    this.content = this.#take(Number(length));
  }

  #chunks(coding: string): void {
    if (coding !== "chunked") throw new Error("coding");
    for (;;) {
      const line = /^(0|[1-9a-f][0-9a-f]*)\r\n/.exec(this.rest);
      if (line === null) throw new Error(this.rest === "" ? "cut" : "a chunk's size");
      this.#take(line[0].length);
      const size = Number.parseInt(line[1] as string, 16);
      if (size === 0) break;
      this.content += this.#take(size);
      if (this.#take(2) !== "\r\n") throw new Error("a chunk's end");
    }
    const trailers = /^((?:[^\r\n:]+:[^\r\n]*\r\n)*)\r\n/.exec(this.rest);
    if (trailers === null) throw new Error("trailers");
    const frames = /^(?:content-length|transfer-encoding|host|connection|authorization|cookie|set-cookie):/im;
    if (frames.test(this.#take(trailers[0].length))) throw new Error("a trailer that frames");
  }

  #take(count: number): string {
    if (this.rest.length < count) throw new Error("cut");
    const taken = this.rest.slice(0, count);
    this.rest = this.rest.slice(count);
    return taken;
  }
}
