/**
 * The fields that mean something to a proxy, as small integers, found from a name's bytes without making a string.
 * Invariant: an id is given only after the whole name was compared.
 */
import { TOKEN } from "./characters.ts";

/** What becomes of a field on its way; a `plain` one is forwarded, and a client cannot nominate it away by Connection. */
type FieldKind = "hop" | "framing" | "forwarding" | "plain";

/** At most 31, so that a head can tell by one bit each which of them it has. */
const KNOWN = {
  host: "framing",
  "content-length": "framing",
  "transfer-encoding": "hop",
  connection: "hop",
  "keep-alive": "hop",
  "proxy-connection": "hop",
  te: "hop",
  upgrade: "hop",
  "http2-settings": "hop",
  "proxy-authenticate": "hop",
  "proxy-authorization": "hop",
  "proxy-authentication-info": "hop",
  forwarded: "forwarding",
  "x-forwarded-for": "forwarding",
  "x-forwarded-proto": "forwarding",
  "x-forwarded-host": "forwarding",
  "x-forwarded-port": "forwarding",
  "x-forwarded-server": "forwarding",
  "x-forwarded-client-cert": "forwarding",
  "x-real-ip": "forwarding",
  "x-request-id": "plain",
  via: "plain",
  expect: "plain",
  trailer: "plain",
  date: "plain",
  authorization: "plain",
  cookie: "plain",
  "set-cookie": "plain",
  "cache-control": "plain",
  "content-encoding": "plain",
  "content-type": "plain",
} as const satisfies { readonly [name: string]: FieldKind };

export type KnownField = keyof typeof KNOWN;

const NAMES = Object.keys(KNOWN) as KnownField[];
const NAME_BYTES = ["", ...NAMES].map((name) => Uint8Array.from(name, (letter) => letter.charCodeAt(0)));

/** 0 is every field that is not known. */
export const FIELD_OTHER = 0;
export const FIELD = Object.fromEntries(NAMES.map((name, index) => [name, index + 1])) as {
  readonly [name in KnownField]: number;
};

/** The bits of all fields of a kind, as `FieldBlock.known` has them. */
export const HOP_BITS = bitsOf("hop");
export const FORWARDING_BITS = bitsOf("forwarding");

/**
 * Names by their length, first and last letter; those that share a slot stand in the next free ones. Of the names that are
 * not known nearly all find their slot empty, and nothing is compared.
 */
const SLOTS = 256;
const SLOT_IDS = new Uint8Array(SLOTS);

for (const name of NAMES) {
  const bytes = NAME_BYTES[FIELD[name]] as Uint8Array;
  let slot = slotOf(bytes, 0, bytes.length);
  while (SLOT_IDS[slot] !== FIELD_OTHER) slot = (slot + 1) & (SLOTS - 1);
  SLOT_IDS[slot] = FIELD[name];
}

/** The id of the name in [start, end), which is a token. */
export function knownField(bytes: Uint8Array, start: number, end: number): number {
  for (let slot = slotOf(bytes, start, end); ; slot = (slot + 1) & (SLOTS - 1)) {
    const id = SLOT_IDS[slot]!;
    if (id === FIELD_OTHER || isName(id, bytes, start, end)) return id;
  }
}

function slotOf(bytes: Uint8Array, start: number, end: number): number {
  return ((end - start) * 5 + TOKEN[bytes[start]!]! * 23 + TOKEN[bytes[end - 1]!]! * 7) & (SLOTS - 1);
}

function bitsOf(kind: FieldKind): number {
  return NAMES.filter((name) => KNOWN[name] === kind).reduce((bits, name) => bits | (1 << FIELD[name]), 0);
}

function isName(id: number, bytes: Uint8Array, start: number, end: number): boolean {
  const name = NAME_BYTES[id] as Uint8Array;
  if (name.length !== end - start) return false;
  for (let index = 0; index < name.length; index++) if (TOKEN[bytes[start + index]!] !== name[index]) return false;
  return true;
}
