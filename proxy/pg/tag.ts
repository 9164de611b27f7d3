/**
 * Which messages protocol 3 has: the tag byte of each, how long it may be, who sends it in which phase, and whether it is
 * bulk that is passed on in parts. A table; it reads nothing. Lengths are the message's own length field: they count
 * its 4 bytes and not the tag.
 * Invariant: a tag that has no row for its side and phase has a minimum above its maximum, so it fits no length.
 * Spec: PostgreSQL documentation, "Message Formats"; the limits are those of the server and of libpq.
 */

export type Side = "frontend" | "backend";

/** Behind the start-up packet, which has no tag: until the first ReadyForQuery, and from there on. */
export type TaggedPhase = "login" | "steady";

export const FRONTEND = {
  bind: 0x42,
  close: 0x43,
  copyData: 0x64,
  copyDone: 0x63,
  copyFail: 0x66,
  describe: 0x44,
  execute: 0x45,
  flush: 0x48,
  functionCall: 0x46,
  parse: 0x50,
  /** Every answer to an authentication request: password, SASL and GSS share the tag. */
  password: 0x70,
  query: 0x51,
  sync: 0x53,
  terminate: 0x58,
} as const;

export const BACKEND = {
  authentication: 0x52,
  backendKeyData: 0x4b,
  bindComplete: 0x32,
  closeComplete: 0x33,
  commandComplete: 0x43,
  copyBoth: 0x57,
  copyData: 0x64,
  copyDone: 0x63,
  copyIn: 0x47,
  copyOut: 0x48,
  dataRow: 0x44,
  emptyQuery: 0x49,
  error: 0x45,
  functionResult: 0x56,
  negotiateVersion: 0x76,
  noData: 0x6e,
  notice: 0x4e,
  notification: 0x41,
  parameterDescription: 0x74,
  parameterStatus: 0x53,
  parseComplete: 0x31,
  portalSuspended: 0x73,
  ready: 0x5a,
  rowDescription: 0x54,
} as const;

export type FrontendName = keyof typeof FRONTEND;
export type BackendName = keyof typeof BACKEND;

interface TagRow {
  readonly min: number;
  readonly max: number;
  readonly phases: readonly TaggedPhase[];
  /** Never gathered: it comes in the parts that the chunks give, and nobody here looks inside. */
  readonly bulk?: true;
}

/** The server's PQ_LARGE_MESSAGE_LIMIT. */
const LARGE = 0x3ffffffe;
/** The server's PQ_SMALL_MESSAGE_LIMIT, for what a frontend sends. */
const SMALL = 10_000;
/** What libpq takes of a backend's message that is not known to be long. */
const SHORT = 30_000;
/** The server's PG_MAX_AUTH_TOKEN_LENGTH; nothing that is sent before the end of the login is longer. */
const LOGIN_MAX = 65_535;
/** A count of 16 bits. */
const COUNT_MAX = 0xffff;

const login: readonly TaggedPhase[] = ["login"];
const steady: readonly TaggedPhase[] = ["steady"];
const always: readonly TaggedPhase[] = ["login", "steady"];

const FRONTEND_ROWS = {
  bind: { min: 12, max: LARGE, phases: steady },
  close: { min: 6, max: SMALL, phases: steady },
  copyData: { min: 4, max: LARGE, phases: steady, bulk: true },
  copyDone: { min: 4, max: 4, phases: steady },
  copyFail: { min: 5, max: SMALL, phases: steady },
  describe: { min: 6, max: SMALL, phases: steady },
  execute: { min: 9, max: SMALL, phases: steady },
  flush: { min: 4, max: 4, phases: steady },
  functionCall: { min: 14, max: LARGE, phases: steady },
  parse: { min: 8, max: LARGE, phases: steady },
  password: { min: 4, max: LOGIN_MAX, phases: login },
  query: { min: 5, max: LARGE, phases: steady },
  sync: { min: 4, max: 4, phases: steady },
  terminate: { min: 4, max: 4, phases: always },
} as const satisfies Record<FrontendName, TagRow>;

const BACKEND_ROWS = {
  authentication: { min: 8, max: LOGIN_MAX, phases: login },
  backendKeyData: { min: 12, max: 264, phases: login },
  bindComplete: { min: 4, max: 4, phases: steady },
  closeComplete: { min: 4, max: 4, phases: steady },
  commandComplete: { min: 5, max: SHORT, phases: steady },
  copyBoth: { min: 7, max: 7 + 2 * COUNT_MAX, phases: steady },
  copyData: { min: 4, max: LARGE, phases: steady, bulk: true },
  copyDone: { min: 4, max: 4, phases: steady },
  copyIn: { min: 7, max: 7 + 2 * COUNT_MAX, phases: steady },
  copyOut: { min: 7, max: 7 + 2 * COUNT_MAX, phases: steady },
  dataRow: { min: 6, max: LARGE, phases: steady, bulk: true },
  emptyQuery: { min: 4, max: 4, phases: steady },
  error: { min: 5, max: LARGE, phases: always },
  functionResult: { min: 8, max: LARGE, phases: steady },
  negotiateVersion: { min: 12, max: SHORT, phases: login },
  noData: { min: 4, max: 4, phases: steady },
  notice: { min: 5, max: LARGE, phases: always },
  notification: { min: 10, max: SHORT, phases: steady },
  parameterDescription: { min: 6, max: 6 + 4 * COUNT_MAX, phases: steady },
  parameterStatus: { min: 6, max: SHORT, phases: always },
  parseComplete: { min: 4, max: 4, phases: steady },
  portalSuspended: { min: 4, max: 4, phases: steady },
  ready: { min: 5, max: 5, phases: always },
  rowDescription: { min: 6, max: LARGE, phases: steady },
} as const satisfies Record<BackendName, TagRow>;

/** The table in the form that the framer reads: by tag byte. */
export interface LengthRules {
  /** The minima of all 256 tags, then their maxima. */
  readonly limits: Int32Array;
  /** 1 for bulk. */
  readonly bulk: Uint8Array;
}

const RULES: Readonly<Record<Side, Readonly<Record<TaggedPhase, LengthRules>>>> = {
  frontend: {
    login: rulesOf(FRONTEND, FRONTEND_ROWS, "login"),
    steady: rulesOf(FRONTEND, FRONTEND_ROWS, "steady"),
  },
  backend: {
    login: rulesOf(BACKEND, BACKEND_ROWS, "login"),
    steady: rulesOf(BACKEND, BACKEND_ROWS, "steady"),
  },
};

/** What `side` may send in that phase; made once, shared by all framers. */
export function lengthRules(side: Side, phase: TaggedPhase): LengthRules {
  return RULES[side][phase];
}

/** For logs and faults: the message's name, or its byte when there is no such message. */
export function tagName(side: Side, tag: number): string {
  const names: Readonly<Record<string, number>> = side === "frontend" ? FRONTEND : BACKEND;
  const found = Object.keys(names).find((name) => names[name] === tag);
  return found ?? `0x${tag.toString(16).padStart(2, "0")}`;
}

function rulesOf<Name extends string>(
  tags: Readonly<Record<Name, number>>,
  rows: Readonly<Record<Name, TagRow>>,
  phase: TaggedPhase,
): LengthRules {
  const limits = new Int32Array(512).fill(0x7fffffff, 0, 256).fill(-1, 256);
  const bulk = new Uint8Array(256);
  for (const name of Object.keys(rows) as Name[]) {
    const row = rows[name];
    const tag = tags[name];
    if (!row.phases.includes(phase)) continue;
    limits[tag] = row.min;
    limits[tag + 256] = phase === "login" ? Math.min(row.max, LOGIN_MAX) : row.max;
    bulk[tag] = row.bulk === true ? 1 : 0;
  }
  return { limits, bulk };
}
