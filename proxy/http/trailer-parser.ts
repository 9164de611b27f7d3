/** Reads the trailers behind a chunked body: field lines and an empty one, without a start line (RFC 9112 §7.1.2). */
import type { Flaw } from "./flaws.ts";
import { FIELDS, HeadParser } from "./head-parser.ts";

export class TrailerParser extends HeadParser {
  protected readonly firstStep = FIELDS;

  protected startLine(_bytes: Uint8Array, at: number): number {
    return at;
  }

  /** Their names are judged where they are forwarded (`hop.ts`): what means anything is dropped there. */
  protected judge(): Flaw | undefined {
    return undefined;
  }
}
