/**
 * What a proxy tells the server of the client: X-Forwarded-For, -Proto, -Host, X-Request-Id, Via. Who the client is, and
 * whether it is believed, is handed in. Invariant: unless the client is trusted, nothing of what it says of itself or of
 * proxies before us reaches the server.
 */
import { NONE, type Run } from "../base/bytes.ts";
import { type Additions, LineStart } from "./additions.ts";
import { COMMA, SP, TOKEN } from "./characters.ts";
import { FIELD, FORWARDING_BITS } from "./fields.ts";
import type { HttpHead } from "./head.ts";

export interface ForwardingPolicy {
  /** Our name in `Via`, a token; without it there is none. */
  readonly via: string | undefined;
  /** An id that the client sent is kept if it is a token of at most `REQUEST_ID_BYTES_MAX`; else, and without one, ours goes. */
  readonly keepRequestId: boolean;
}

/** What is known of the one who sent the request. */
export interface Sender {
  /** Its address without a port, as X-Forwarded-For has it. */
  readonly address: string;
  readonly secure: boolean;
  /** It is a proxy of ours, or one we believe: what it says is kept and added to. */
  readonly trusted: boolean;
}

export const REQUEST_ID_BYTES_MAX = 128;

const FOR = FIELD["x-forwarded-for"];
const PROTO = FIELD["x-forwarded-proto"];
const HOST = FIELD["x-forwarded-host"];
const REQUEST_ID = FIELD["x-request-id"];
const VIA = FIELD.via;

const FOR_LINE = new LineStart("X-Forwarded-For");
const PROTO_LINE = new LineStart("X-Forwarded-Proto");
const HOST_LINE = new LineStart("X-Forwarded-Host");
const REQUEST_ID_LINE = new LineStart("X-Request-Id");
const VIA_LINE = new LineStart("Via");

/** Marks and adds what the server shall see. `requestId` is made for this request, a token, and used if the client's is not. */
export function forwardRequest(
  head: HttpHead,
  additions: Additions,
  sender: Sender,
  { policy, requestId }: { readonly policy: ForwardingPolicy; readonly requestId: Run },
): void {
  if (!sender.trusted) head.dropBits(FORWARDING_BITS);
  // `X_Real_IP` is `X-Real-IP` to a server behind CGI.
  head.dropUnderscored();
  addFor(head, additions, sender);
  if (!sender.trusted || !head.has(PROTO)) {
    additions.line(PROTO_LINE, sender.secure ? "https" : "http");
  }
  addHost(head, additions, sender);
  addRequestId(head, additions, policy, requestId);
  addVia(head, additions, policy);
}

/** Marks and adds what the client shall see. */
export function forwardResponse(head: HttpHead, additions: Additions, policy: ForwardingPolicy): void {
  if (!head.interim) addVia(head, additions, policy);
}

/** Whether we have seen this request before: our own name stands in its Via (RFC 9110 §7.6.3). */
export function isLoop(head: HttpHead, via: string): boolean {
  for (let index = head.find(VIA); index !== NONE; index = head.find(VIA, index + 1)) {
    const hops = head.value(index).toLowerCase().split(",");
    if (hops.some((hop) => hop.trim().split(/[ \t]+/)[1] === via.toLowerCase())) return true;
  }
  return false;
}

/** All lines of a trusted sender become one, with the sender itself behind them. */
function addFor(head: HttpHead, additions: Additions, sender: Sender): void {
  additions.begin(FOR_LINE);
  for (let index = head.find(FOR); sender.trusted && index !== NONE; index = head.find(FOR, index + 1)) {
    additions.run(head.bytes, head.valueStart(index), head.valueEnd(index));
    if (head.valueEnd(index) > head.valueStart(index)) additions.run(LIST_BREAK, 0, LIST_BREAK.length);
    head.drop(index);
  }
  additions.ascii(sender.address);
  additions.end();
}

function addHost(head: HttpHead, additions: Additions, sender: Sender): void {
  if (head.hostEnd === 0 || (sender.trusted && head.has(HOST))) return;
  additions.begin(HOST_LINE);
  additions.run(head.bytes, head.base + head.hostStart, head.base + head.hostEnd);
  if (head.port !== 0) additions.port(head.port);
  additions.end();
}

function addRequestId(head: HttpHead, additions: Additions, policy: ForwardingPolicy, requestId: Run): void {
  const index = head.find(REQUEST_ID);
  if (policy.keepRequestId && index !== NONE && isRequestId(head, index)) return;
  head.dropAll(REQUEST_ID);
  additions.begin(REQUEST_ID_LINE);
  additions.run(requestId.bytes, requestId.start, requestId.end);
  additions.end();
}

function isRequestId(head: HttpHead, index: number): boolean {
  const start = head.valueStart(index);
  const end = head.valueEnd(index);
  if (end === start || end - start > REQUEST_ID_BYTES_MAX || head.repeats(REQUEST_ID)) return false;
  for (let at = start; at < end; at++) if (TOKEN[head.bytes[at] as number] === 0) return false;
  return true;
}

function addVia(head: HttpHead, additions: Additions, policy: ForwardingPolicy): void {
  if (policy.via === undefined) return;
  additions.begin(VIA_LINE);
  additions.ascii(head.minor === 0 ? "1.0 " : "1.1 ");
  additions.ascii(policy.via);
  additions.end();
}

const LIST_BREAK = Uint8Array.of(COMMA, SP);
