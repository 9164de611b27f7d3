/**
 * What a response's fields must be together, and how its body ends (RFC 9112 §6.3). Where the rules of HTTP allow no body
 * there is none, whatever the fields say; bytes that come all the same are bytes that nobody asked for.
 */
import { NONE } from "../base/bytes.ts";
import type { Flaw } from "./flaws.ts";
import { judgeFraming } from "./framing-rules.ts";
import { FRAMING, type HttpHead, METHOD, type Method } from "./head.ts";

export function judgeResponse(head: HttpHead, method: Method): Flaw | undefined {
  const flaw = judgeFraming(head);
  if (flaw !== undefined) return flaw;
  if (!mayHaveBody(head.status, method)) head.framing = FRAMING.none;
  else if (head.lengthField !== NONE) {
    head.framing = FRAMING.length;
    head.bodyLength = head.lengthField;
  } else if (head.framing === FRAMING.none) head.framing = FRAMING.close;
  return undefined;
}

export function mayHaveBody(status: number, method: Method): boolean {
  return method !== METHOD.HEAD && status >= 200 && status !== 204 && status !== 304;
}
