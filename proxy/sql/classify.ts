/**
 * What a text of SQL may leave behind in the session it runs in, by its words alone: settings, and what only a session can
 * hold. It knows no grammar and errs on the side of "maybe": the server is asked afterwards what is true (`pgconn/pins.ts`).
 * It does not see into functions, DO blocks and procedures.
 *
 * Invariant: comments, strings and names in quotes are not mistaken for words; a text is judged the same whether it came
 * whole or in parts. `NOTHING_LEFT` is the one answer for almost all texts, and nothing is allocated for it.
 */
import { Lexer, type Tokens } from "./lexer.ts";

/** What only a session can hold. */
export type Held = "listen" | "temporary" | "advisory_lock" | "hold" | "prepare" | "role" | "load" | "setting";

export interface Traces {
  /** The first thing that it may leave in the session; undefined when it only lets go of such things, or touches settings. */
  readonly holds: Held | undefined;
  /** It may have changed what the server can be asked about: listening, temporary objects, advisory locks, cursors… */
  readonly ask: boolean;
  /** A library was loaded, or a setting changed whose name is not in the text: nothing that could be asked for. */
  readonly load: boolean;
  readonly unknownSetting: boolean;
  /** Names may stand for other things until the end of the transaction, which the server does not report. */
  readonly locally: boolean;
  /** Settings by name in lower case that it may have set or reset for the session. */
  readonly settings: readonly string[];
  /** Those of them that go back to what they were at the start of the session. */
  readonly resets: readonly string[];
  /** RESET ALL or DISCARD ALL: any setting. */
  readonly allSettings: boolean;
  /** DEALLOCATE or DISCARD: prepared statements may be gone. */
  readonly deallocates: boolean;
  /** The name that the one statement DEALLOCATE gives, as the server would store it. */
  readonly deallocated: string | undefined;
}

export const NOTHING_LEFT: Traces = {
  holds: undefined,
  ask: false,
  load: false,
  unknownSetting: false,
  locally: false,
  settings: [],
  resets: [],
  allSettings: false,
  deallocates: false,
  deallocated: undefined,
};

/** Texts that change more settings than this are not followed by name. */
const SETTINGS_MAX = 64;

/** Words that mean something as the first of a statement. */
const FIRST = {
  set: "set",
  reset: "reset",
  listen: "listen",
  unlisten: "ask",
  prepare: "prepare",
  declare: "declare",
  close: "ask",
  load: "load",
  discard: "discard",
  deallocate: "deallocate",
  create: "create",
  explain: "explain",
  // What they do is not seen: all that can be asked for.
  do: "ask",
  call: "ask",
} as const;

type First = (typeof FIRST)[keyof typeof FIRST] | "other";

/** Functions and names that mean something anywhere, and what they hold. */
const ANYWHERE: ReadonlyMap<string, Held | undefined> = new Map([
  ["pg_advisory_lock", "advisory_lock"],
  ["pg_advisory_lock_shared", "advisory_lock"],
  ["pg_try_advisory_lock", "advisory_lock"],
  ["pg_try_advisory_lock_shared", "advisory_lock"],
  ["pg_advisory_unlock", undefined],
  ["pg_advisory_unlock_shared", undefined],
  ["pg_advisory_unlock_all", undefined],
  ["pg_temp", "temporary"],
]);
const SET_CONFIG = "set_config";
/** To update this view is to SET. */
const PG_SETTINGS = "pg_settings";
const PG_TEMP = "pg_temp";
const SEARCH_PATH = "search_path";
const OF_EXPLAIN: ReadonlySet<string> = new Set(["analyze", "analyse", "verbose"]);
/** Words between CREATE or INTO and TEMP. */
const BEFORE_TEMPORARY: ReadonlySet<string> = new Set(["or", "replace", "global", "local"]);
/** What SET sets only until the end of the transaction, or what is no setting. */
const NOT_KEPT: ReadonlySet<string> = new Set(["local", "transaction", "constraints"]);

/** Settings that decide what one may do: not carried, but asked for. */
const ROLES: ReadonlySet<string> = new Set(["role", "session_authorization"]);

const SEMICOLON = 0x3b;
const COLON = 0x3a;
const OPEN = 0x28;
const CLOSE = 0x29;
const COMMA = 0x2c;
const DOT = 0x2e;
const EQUALS = 0x3d;

/** By length and hash of the words above, so that other words are told apart without making strings of them. */
const KNOWN = hashesOf([
  ...Object.keys(FIRST),
  ...ANYWHERE.keys(),
  ...OF_EXPLAIN,
  ...BEFORE_TEMPORARY,
  ...NOT_KEPT,
  SET_CONFIG,
  "into",
  "temp",
  "temporary",
  "with",
  "hold",
  "insert",
  "merge",
  "update",
  PG_SETTINGS,
]);

export class Classifier implements Tokens {
  readonly #lexer = new Lexer();
  #traces: Mutable | undefined;
  #first: First | undefined;
  /** How many words of the statement were seen, names and strings included. */
  #words = 0;
  #statements = 0;
  /** What SET, RESET, DISCARD or DEALLOCATE speak of, as far as it was read; parts are joined by what joins them. */
  #subject: string[] = [];
  #subjectEnds = false;
  /** TEMP means something here: behind CREATE or INTO. */
  #mayBeTemporary = false;
  /** There was the word UPDATE. */
  #updates = false;
  /** The last word, if it is one that is looked for. */
  #last = "";
  #depth = 0;
  /** Inside of set_config( at this depth; 0 when not. */
  #configDepth = 0;
  #configArguments = 0;
  #configName: string | undefined;
  /** The last argument so far is one word or string, this one. */
  #configValue: string | undefined;
  #configAwaits = false;

  /** The whole text at once. */
  classify(bytes: Uint8Array, start: number, end: number, standardStrings: boolean): Traces {
    this.begin(standardStrings);
    this.feed(bytes, start, end);
    return this.finish();
  }

  begin(standardStrings: boolean): void {
    this.#lexer.begin(standardStrings);
    this.#traces = undefined;
    this.#statements = 0;
    this.#newStatement();
  }

  feed(bytes: Uint8Array, start: number, end: number): void {
    this.#lexer.feed(bytes, start, end, this);
  }

  finish(): Traces {
    this.#lexer.finish(this);
    this.#endStatement();
    const traces = this.#traces;
    if (traces === undefined) return NOTHING_LEFT;
    if (this.#statements > 1) traces.deallocated = undefined;
    return traces;
  }

  word(lexer: Lexer): void {
    this.#words += 1;
    const known = KNOWN.has(keyOf(lexer.length, lexer.hash)) && !lexer.cut;
    if (this.#first === undefined) {
      this.#first = known ? (FIRST[lexer.string() as keyof typeof FIRST] ?? "other") : "other";
      this.#mayBeTemporary = this.#first === "create";
      this.#begun(this.#first);
      this.#last = known ? lexer.string() : "";
      if (this.#first !== "other" || !known) return;
    }
    if (this.#first === "explain") return this.#explained(lexer, known);
    if (this.#gathers) return this.#gather(lexer.string());
    if (this.#first === "prepare" && this.#words === 2) this.#prepared(lexer);
    if (this.#configDepth > 0) this.#configWord(lexer);
    const word = known ? lexer.string() : "";
    if (known) this.#consider(word);
    else this.#mayBeTemporary = false;
    this.#last = word;
  }

  name(lexer: Lexer, plain: boolean): void {
    this.#words += 1;
    this.#first ??= "other";
    if (this.#gathers) return this.#gather(plain ? lexer.string() : undefined);
    this.#mayBeTemporary = false;
    if (this.#configDepth > 0) this.#configArgument(undefined);
    if (!plain) this.#mark().ask = true;
    else if (lexer.is(SET_CONFIG) || lexer.is(PG_SETTINGS) || ANYWHERE.has(lexer.string())) {
      this.#consider(lexer.string());
    }
    if (this.#first === "prepare" && this.#words === 2) this.#hold("prepare");
  }

  string(lexer: Lexer, plain: boolean): void {
    this.#words += 1;
    this.#first ??= "other";
    this.#mayBeTemporary = false;
    if (this.#gathers) {
      this.#subjectEnds = true;
      if (lexer.is(PG_TEMP)) this.#hold("temporary");
    }
    if (this.#configDepth > 0) this.#configArgument(plain ? lexer.string() : undefined);
  }

  symbol(byte: number): void {
    if (byte === OPEN) this.#depth += 1;
    if (byte === CLOSE) this.#depth -= 1;
    if (byte === SEMICOLON && this.#first !== undefined) {
      this.#endStatement();
      return this.#newStatement();
    }
    if (this.#gathers) return this.#gatherSymbol(byte);
    if (this.#configAwaits) this.#openConfig(byte);
    else if (this.#configDepth > 0) this.#configSymbol(byte);
    this.#mayBeTemporary = false;
  }

  #begun(first: First): void {
    if (first === "ask") this.#mark().ask = true;
    else if (first === "listen") this.#hold("listen");
    else if (first === "load") {
      this.#hold("load");
      this.#mark().load = true;
    }
  }

  /** PREPARE TRANSACTION leaves nothing in the session: it is for another to commit. */
  #prepared(lexer: Lexer): void {
    if (!lexer.is("transaction")) this.#hold("prepare");
  }

  /** Whether the words that come now are the subject of a statement that is about one. */
  get #gathers(): boolean {
    const first = this.#first;
    return first === "set" || first === "reset" || first === "discard" || first === "deallocate";
  }

  #gather(text: string | undefined): void {
    // In a search path, also one until the end of the transaction: any CREATE may make something temporary then.
    if (text === PG_TEMP) this.#hold("temporary");
    if (this.#subjectEnds || this.#subject.length > 8) return;
    if (text === undefined) this.#unknown();
    this.#subject.push(text ?? "");
  }

  #gatherSymbol(byte: number): void {
    if (byte === DOT) this.#subject.push(".");
    else if (byte === EQUALS) this.#subject.push("=");
    else this.#subjectEnds = true;
  }

  /** EXPLAIN ANALYZE does what it explains. */
  #explained(lexer: Lexer, known: boolean): void {
    if (this.#words === 1 || this.#depth > 0 || (known && OF_EXPLAIN.has(lexer.string()))) return;
    this.#first = undefined;
    this.#words = 0;
    this.word(lexer);
  }

  #consider(word: string): void {
    if (word === SET_CONFIG) this.#configAwaits = true;
    else if (word === "update") this.#updates = true;
    else if (word === PG_SETTINGS && this.#updates) this.#unknown();
    else if (ANYWHERE.has(word)) this.#hold(ANYWHERE.get(word));
    // INSERT INTO names a table.
    else if (word === "into") this.#mayBeTemporary = this.#last !== "insert" && this.#last !== "merge";
    else if ((word === "temp" || word === "temporary") && this.#mayBeTemporary) this.#hold("temporary");
    else if (word === "hold" && this.#last === "with" && this.#first === "declare") this.#hold("hold");
    else if (!BEFORE_TEMPORARY.has(word) && word !== "create") this.#mayBeTemporary = false;
  }

  #openConfig(byte: number): void {
    this.#configAwaits = false;
    if (byte !== OPEN) return;
    // One inside of another: which name is whose is no longer followed.
    if (this.#configDepth > 0) this.#unknown();
    this.#configDepth = this.#depth;
    this.#configArguments = 1;
    this.#configName = undefined;
    this.#configValue = undefined;
  }

  /** A word is no name: it may be a column. As a value `true` is what it says, and `text` what something is cast to. */
  #configWord(lexer: Lexer): void {
    const word = lexer.string();
    if (word !== "text") this.#configArgument(this.#configArguments === 1 ? undefined : word);
  }

  #configArgument(text: string | undefined): void {
    if (this.#depth !== this.#configDepth) return;
    if (this.#configArguments === 1) this.#configName = this.#configName === undefined ? (text ?? "") : "";
    this.#configValue = this.#configValue === undefined ? (text ?? "") : "";
  }

  #configSymbol(byte: number): void {
    if (byte === CLOSE && this.#depth < this.#configDepth) return this.#closeConfig();
    // A cast to text changes nothing.
    if (this.#depth > this.#configDepth || byte === COLON) return;
    if (byte === COMMA) {
      this.#configArguments += 1;
      this.#configValue = undefined;
      return;
    }
    // An expression: what it comes to is not known.
    if (this.#configArguments === 1) this.#configName = "";
    this.#configValue = "";
  }

  #closeConfig(): void {
    const name = this.#configName ?? "";
    this.#configDepth = 0;
    if (this.#configArguments === 3 && this.#configValue === "true") {
      // Only until the end of the transaction.
      if (name.toLowerCase() === SEARCH_PATH) this.#mark().locally = true;
      return;
    }
    if (name === "") this.#unknown();
    else this.#addSetting(name.toLowerCase());
  }

  #endStatement(): void {
    if (this.#first === undefined) return;
    this.#statements += 1;
    if (this.#configDepth > 0 || this.#configAwaits) this.#unknown();
    if (!this.#gathers) return;
    const subject = this.#subject;
    if (this.#first === "set" && subject[0] !== undefined) this.#set(subject);
    else if (this.#first === "reset") this.#reset(subject);
    else if (this.#first === "discard") this.#discard(subject);
    else if (this.#first === "deallocate") this.#deallocate(subject);
  }

  #newStatement(): void {
    this.#first = undefined;
    this.#words = 0;
    this.#depth = 0;
    this.#configDepth = 0;
    this.#configAwaits = false;
    this.#mayBeTemporary = false;
    this.#updates = false;
    this.#last = "";
    this.#subjectEnds = false;
    if (this.#subject.length > 0) this.#subject = [];
  }

  #set(words: readonly string[]): void {
    const rest = words[0] === "session" && words[1] !== "=" && words[1] !== "to" ? words.slice(1) : words;
    const [first, second] = rest;
    if (first === "local" && (second === SEARCH_PATH || second === "schema")) this.#mark().locally = true;
    if (first === undefined || NOT_KEPT.has(first)) return;
    if (words !== rest && first === "characteristics") return this.#characteristics();
    if (first === "role" || (words !== rest && first === "authorization")) this.#hold("role");
    else if (rest.at(-1) === "default") this.#resetOne(first === "time" ? "timezone" : nameOf(rest));
    else if (first === "time" && second === "zone") this.#addSetting("timezone");
    else if (first === "names") this.#addSetting("client_encoding");
    else if (first === "schema" && second !== "=" && second !== "to" && second !== ".") this.#addSetting("search_path");
    else if (first === "xml" && second === "option") this.#addSetting("xmloption");
    else this.#addSetting(nameOf(rest));
  }

  #characteristics(): void {
    this.#addSetting("default_transaction_isolation");
    this.#addSetting("default_transaction_read_only");
    this.#addSetting("default_transaction_deferrable");
  }

  #reset(words: readonly string[]): void {
    const [first, second] = words;
    if (first === undefined) return;
    if (first === "all") this.#mark().allSettings = true;
    else if (first === "role" || (first === "session" && second === "authorization")) this.#mark().ask = true;
    else this.#resetOne(first === "time" && second === "zone" ? "timezone" : nameOf(words));
  }

  #resetOne(name: string): void {
    this.#addSetting(name);
    this.#mark().resets.push(name);
  }

  #discard(words: readonly string[]): void {
    const traces = this.#mark();
    traces.ask = true;
    if (words[0] !== "all") return;
    traces.allSettings = true;
    traces.deallocates = true;
  }

  #deallocate(words: readonly string[]): void {
    const traces = this.#mark();
    const rest = words[0] === "prepare" && words.length > 1 ? words.slice(1) : words;
    traces.ask = true;
    traces.deallocates = true;
    if (rest.length === 1 && rest[0] !== "all") traces.deallocated = rest[0];
  }

  #addSetting(name: string): void {
    const traces = this.#mark();
    if (ROLES.has(name)) return this.#hold("role");
    if (traces.settings.includes(name)) return;
    if (name === "" || traces.settings.length === SETTINGS_MAX) this.#unknown();
    else traces.settings.push(name);
  }

  /** A setting whose name is not in the text. */
  #unknown(): void {
    this.#hold("setting");
    this.#mark().unknownSetting = true;
  }

  #hold(held: Held | undefined): void {
    const traces = this.#mark();
    traces.ask = true;
    traces.holds ??= held;
  }

  #mark(): Mutable {
    this.#traces ??= { ...NOTHING_LEFT, settings: [], resets: [] };
    return this.#traces;
  }
}

type Mutable = { -readonly [K in keyof Traces]: K extends "settings" | "resets" ? string[] : Traces[K] };

/** A setting's name may have parts, joined by dots: `shop.tenant`. It ends where two words follow each other. */
function nameOf(words: readonly string[]): string {
  let name = words[0] ?? "";
  for (let at = 1; words[at] === "." && at + 1 < words.length; at += 2) name += `.${words[at + 1]}`;
  return name.toLowerCase();
}

function keyOf(length: number, hash: number): number {
  return (hash ^ (length << 24)) | 0;
}

function hashesOf(words: readonly string[]): ReadonlySet<number> {
  const lexer = new Lexer();
  const hashes = new Set<number>();
  const nothing = (): void => undefined;
  const tokens: Tokens = {
    word: ({ length, hash }) => void hashes.add(keyOf(length, hash)),
    name: nothing,
    string: nothing,
    symbol: nothing,
  };
  for (const word of words) {
    const bytes = Uint8Array.from(word, (character) => character.charCodeAt(0));
    lexer.begin(true);
    lexer.feed(bytes, 0, bytes.length, tokens);
    lexer.finish(tokens);
  }
  return hashes;
}
