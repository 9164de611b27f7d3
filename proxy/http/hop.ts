/**
 * What of a head ends at this hop (RFC 9110 §7.6.1): fields of the connection, what `Connection` nominates, what trailers may
 * not say. It only marks; the writer leaves out what is marked.
 * Invariant: nobody can nominate away a field that means something to us or to the server's trust in us.
 */
import { lowerAscii } from "../base/bytes.ts";
import type { FieldBlock } from "./field-block.ts";
import { FIELD_OTHER, HOP_BITS } from "./fields.ts";
import { forEachNomination } from "./framing-rules.ts";
import type { HttpHead } from "./head.ts";

/**
 * Marks what is not forwarded of a request or response; a codec does it to every head it writes. `Upgrade` goes too: a codec
 * that switches protocols writes it anew, as it does with framing.
 */
export function dropHopByHop(head: HttpHead): void {
  head.dropBits(HOP_BITS);
  if (head.nominates) forEachNomination(head, (start, end) => dropNominated(head, start, end));
}

/** Trailers may carry what nobody before the application acts on: everything this room knows is dropped (RFC 9110 §6.5.1). */
export function dropFromTrailers(trailers: FieldBlock): void {
  trailers.dropBits(~(1 << FIELD_OTHER));
  trailers.dropUnderscored();
}

/** Known fields are hop-by-hop anyway, or not the client's to take away. */
function dropNominated(head: HttpHead, start: number, end: number): void {
  for (let index = 0; index < head.count; index++) {
    if (head.id(index) === FIELD_OTHER && sameName(head, index, start, end)) head.drop(index);
  }
}

function sameName(head: HttpHead, index: number, start: number, end: number): boolean {
  const { bytes } = head;
  const nameStart = head.nameStart(index);
  if (head.nameEnd(index) - nameStart !== end - start) return false;
  for (let at = 0; at < end - start; at++) {
    if (lowerAscii(bytes[nameStart + at]!) !== lowerAscii(bytes[start + at]!)) return false;
  }
  return true;
}
