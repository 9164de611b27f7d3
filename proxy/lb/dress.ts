/**
 * The lines of ours on what is forwarded and answered: who the client is, as a proxy at the edge or as the app's own front
 * tells it, and the id by which a person can ask about a request.
 */
import { NONE, type Run } from "../base/bytes.ts";
import { type Additions, LineStart } from "../http/additions.ts";
import { FIELD } from "../http/fields.ts";
import { forwardRequest, type ForwardingPolicy, REQUEST_ID_BYTES_MAX, type Sender } from "../http/forwarding.ts";
import type { HttpHead } from "../http/head.ts";

export interface DressParts {
  /** Used again for every head. */
  readonly additions: Additions;
  readonly forwarding: "edge" | "front";
  readonly requestIds: Spelling;
}

/** Of requests' ids, which are numbers until someone reads them. */
export interface Spelling {
  next(): number;
  /** A token; it stands there until the next call. */
  spell(id: number): Run;
}

export interface DressSender {
  readonly sender: Sender;
  /** The value of X-Scale-Client. */
  readonly scaleClient: string;
}

const POLICY: ForwardingPolicy = { via: undefined, keepRequestId: true };
const SCALE_CLIENT = "x-scale-client";
const SCALE_CLIENT_LINE = new LineStart("X-Scale-Client");
const REQUEST_ID_LINE = new LineStart("X-Request-Id");
const REQUEST_ID = FIELD["x-request-id"];

/** Marks what is not forwarded, and answers what goes behind it. Doing so again, for another server, changes nothing. */
export function dressRequest(
  head: HttpHead,
  { additions, forwarding, requestIds }: DressParts,
  from: DressSender,
  requestId: number,
): Additions {
  additions.clear();
  if (forwarding === "edge") {
    forwardRequest(head, additions, from.sender, { policy: POLICY, requestId: requestIds.spell(requestId) });
    return additions;
  }
  for (let at = head.findName(SCALE_CLIENT); at !== NONE; at = head.findName(SCALE_CLIENT, at + 1)) head.drop(at);
  additions.line(SCALE_CLIENT_LINE, from.scaleClient);
  return additions;
}

/** For an answer of our own: the client's id of the request, or ours. */
export function dressAnswer(head: HttpHead, parts: DressParts, requestId: number): Additions {
  const { additions, requestIds } = parts;
  const index = head.find(REQUEST_ID);
  const start = index === NONE ? 0 : head.valueStart(index);
  const end = index === NONE ? 0 : head.valueEnd(index);
  additions.clear();
  additions.begin(REQUEST_ID_LINE);
  const theirs = end > start && end - start <= REQUEST_ID_BYTES_MAX && !head.dropped(index);
  if (theirs) additions.run(head.bytes, start, end);
  else {
    const { bytes, start: from, end: to } = requestIds.spell(requestId === 0 ? requestIds.next() : requestId);
    additions.run(bytes, from, to);
  }
  additions.end();
  return additions;
}
