/**
 * What only a session can hold, and what a client's texts have left in it. After a text that may have left something
 * (`sql/classify.ts`) the server itself is asked, by one simple query outside of any transaction, before the link could go
 * to another client: what is held, and what the settings are that were touched. What the answer says pins the link to its
 * client, visibly, until an answer says otherwise.
 *
 * Invariants: a link with a pin is not given to another client; what cannot be asked for (a loaded library, a setting of
 * unknown name, a failed question) pins for good, and the link is closed when its client is gone.
 */
import { readInt32, readUint16 } from "../base/bytes.ts";
import type { Traces } from "../sql/classify.ts";
import { hasMeaning, quoted, type ClientSettings, type LinkSettings } from "./settings.ts";

/** Why a link is pinned; the names are those of SHOW and of metrics. */
export const PIN = {
  listen: 1,
  temporary: 2,
  advisory_lock: 4,
  hold: 8,
  prepare: 16,
  role: 32,
  load: 64,
  setting: 128,
  unknown: 256,
} as const;

export type PinReason = keyof typeof PIN;
export const PIN_REASONS = Object.keys(PIN) as readonly PinReason[];

/** In the order of the answer's columns. */
const ASKED: readonly PinReason[] = ["listen", "temporary", "advisory_lock", "hold", "prepare", "role"];
const ASKED_BITS = ASKED.reduce((bits, reason) => bits | PIN[reason], 0);

/** Nothing that DISCARD ALL does undoes these: such a link ends with its client. */
const FOR_GOOD = PIN.load | PIN.unknown;

/** Names that one question asks for; a client that touches more at once is pinned. */
const NAMES_MAX = 128;

/** What an answer may have; more is no answer to our question. */
export const ANSWER_BYTES_MAX = 0x10000;

export class Pins {
  /** Of PIN. */
  #bits = 0;
  /** The session may hold something: ask when it is quiet. */
  #asks = false;
  #names: Set<string> | undefined;
  #allSettings = false;
  /** A setting by which texts are read may have changed. */
  #readsOtherwise = false;
  /** What the question under way asked for. */
  #asked: Question | undefined;

  /** Not to be given to another. */
  get pinned(): boolean {
    return this.#bits !== 0;
  }

  get bits(): number {
    return this.#bits;
  }

  get reasons(): readonly PinReason[] {
    return PIN_REASONS.filter((reason) => (this.#bits & PIN[reason]) !== 0);
  }

  /** Something is to be asked before the link may go. */
  get open(): boolean {
    return this.#asks || this.#names !== undefined || this.#allSettings;
  }

  /** What is prepared now may be read by other settings than those that are known. */
  get readsOtherwise(): boolean {
    return this.#readsOtherwise || (this.#bits & PIN.role) !== 0;
  }

  /** A question is under way. */
  get isAsking(): boolean {
    return this.#asked !== undefined;
  }

  /** Not even DISCARD ALL cleans the session. */
  get forGood(): boolean {
    return (this.#bits & FOR_GOOD) !== 0;
  }

  pin(reason: PinReason): void {
    this.#bits |= PIN[reason];
  }

  /** A text is sent that may leave this. */
  leave(traces: Traces): void {
    if (traces.ask) this.#asks = true;
    if (traces.load) this.pin("load");
    if (traces.unknownSetting) this.pin("setting");
    if (traces.allSettings) this.#allSettings = true;
    const { locally, allSettings, unknownSetting, holds } = traces;
    if (locally || allSettings || unknownSetting || holds === "role") this.#readsOtherwise = true;
    for (const name of traces.settings) this.touch(name);
  }

  /** A setting may have changed. */
  touch(name: string): void {
    if (hasMeaning(name)) this.#readsOtherwise = true;
    this.#names ??= new Set();
    if (this.#names.size < NAMES_MAX) this.#names.add(name);
    else this.pin("setting");
  }

  /** The link goes, or is asked: what was set for a transaction is over. */
  settled(): void {
    this.#readsOtherwise = false;
  }

  /** DISCARD ALL was done: all that is known is that what cannot be asked for is settled, as far as it can be. */
  discarded(): void {
    this.#bits &= ~PIN.setting;
    this.#asks = true;
  }

  /** The link is gone, or clean. */
  clear(): void {
    this.#bits = 0;
    this.#asks = false;
    this.#names = undefined;
    this.#allSettings = false;
    this.#readsOtherwise = false;
    this.#asked = undefined;
  }

  /** The question about everything that is open, which is open no more. */
  ask(login: string, link: LinkSettings, client: ClientSettings): string {
    const names = new Set(this.#names);
    if (this.#allSettings) for (const name of [...link.values.keys(), ...client.values.keys()]) names.add(name);
    this.#asked = { pins: this.#asks, names };
    this.#asks = false;
    this.#names = undefined;
    this.#allSettings = false;
    this.#readsOtherwise = false;
    return questionText(this.#asked, login);
  }

  /** What the answer says of the session becomes what is known of it. `good` is false when there is none. */
  answered(answer: Answer, good: boolean, link: LinkSettings, client: ClientSettings): void {
    const asked = this.#asked;
    this.#asked = undefined;
    if (asked === undefined) return;
    if (!good || !answer.whole || answer.rows.length !== Number(asked.pins) + asked.names.size) {
      this.pin("unknown");
      return;
    }
    const rows = [...answer.rows];
    if (asked.pins) this.#bits = (this.#bits & ~ASKED_BITS) | bitsOf(rows.shift() ?? []);
    for (const row of rows) this.#learn(row, link, client);
  }

  #learn([name, hex, source]: Row, link: LinkSettings, client: ClientSettings): void {
    if (name === null || name === undefined) return this.pin("unknown");
    const value = hex === null || hex === undefined ? undefined : textOf(hex);
    if (value === undefined || (source !== null && source !== "session")) {
      // It is what it was before anybody said SET: then the client has what it started with.
      link.delete(name);
      client.reset(name);
    } else if (client.full) {
      this.pin("setting");
    } else {
      // Any CREATE makes something temporary then, and does not say so.
      if (name === "search_path" && TEMPORARY_FIRST.test(value)) this.pin("setting");
      link.set(name, value);
      client.set(name, value);
    }
  }
}

const TEMPORARY_FIRST = /^\s*"?pg_temp"?\s*(,|$)/;

interface Question {
  readonly pins: boolean;
  readonly names: ReadonlySet<string>;
}

type Row = readonly (string | null)[];

/** One number for each of ASKED; above 0 is held. */
function questionText({ pins, names }: Question, login: string): string {
  const statements: string[] = [];
  if (pins) {
    statements.push(
      "SELECT (SELECT count(*) FROM pg_catalog.pg_listening_channels())," +
        "(SELECT count(*) FROM pg_catalog.pg_depend WHERE refclassid='pg_catalog.pg_namespace'::pg_catalog.regclass" +
        " AND refobjid=pg_catalog.pg_my_temp_schema())," +
        "(SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype='advisory' AND pid=pg_catalog.pg_backend_pid())," +
        "(SELECT count(*) FROM pg_catalog.pg_cursors WHERE is_holdable)," +
        "(SELECT count(*) FROM pg_catalog.pg_prepared_statements WHERE from_sql)," +
        `CASE WHEN session_user<>${quoted(login)} OR current_user<>session_user THEN 1 ELSE 0 END`,
    );
  }
  if (names.size > 0) {
    const rows = [...names].map((name) => `(${quoted(name)})`).join(",");
    statements.push(
      "SELECT n,pg_catalog.encode(pg_catalog.convert_to(pg_catalog.current_setting(n,true),'UTF8'),'hex')," +
        "(SELECT source FROM pg_catalog.pg_settings WHERE pg_catalog.lower(name)=n)" +
        ` FROM (VALUES${rows}) AS v(n)`,
    );
  }
  return statements.join(";");
}

function bitsOf(row: Row): number {
  return ASKED.reduce((bits, reason, at) => ((row[at] ?? "1") === "0" ? bits : bits | PIN[reason]), 0);
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(hex: string): string {
  return UTF8.decode(Uint8Array.fromHex(hex));
}

/** The rows of an answer to a question of ours; their frames come in parts. */
export class Answer {
  readonly rows: Row[] = [];
  #bytes = new Uint8Array(0);
  #length = 0;
  #whole = true;

  /** All that came was rows, and not too much. */
  get whole(): boolean {
    return this.#whole && this.#length === 0;
  }

  /** A part of a row's frame. `left` is 0 behind the last. */
  add(bytes: Uint8Array, start: number, end: number, left: number): void {
    const length = this.#length + end - start;
    if (length > ANSWER_BYTES_MAX) this.#whole = false;
    if (!this.#whole) return;
    if (length > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(length * 2, 256));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
    if (left > 0) return;
    this.#read();
    this.#length = 0;
  }

  clear(): void {
    this.rows.length = 0;
    this.#length = 0;
    this.#whole = true;
    this.#bytes = new Uint8Array(0);
  }

  /** A DataRow of text: all that we ask for is ASCII. */
  #read(): void {
    const [bytes, end] = [this.#bytes, this.#length];
    const row: (string | null)[] = [];
    let at = ROW_HEADER_BYTES;
    for (let count = readUint16(bytes, at - 2, end); count > 0; count--) {
      if (at + 4 > end) return this.#refuse();
      const length = readInt32(bytes, at, end);
      at += 4;
      if (length > end - at) return this.#refuse();
      row.push(length < 0 ? null : UTF8.decode(bytes.subarray(at, at + length)));
      at += Math.max(0, length);
    }
    this.rows.push(row);
  }

  #refuse(): void {
    this.#whole = false;
  }
}

/** Tag, length, and the number of columns. */
const ROW_HEADER_BYTES = 7;
