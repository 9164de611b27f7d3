/**
 * Settings of a session that belong to a client and not to the link it happens to have: what it asked for when it started
 * and what it has SET since. A link knows what it has been told. Where the two differ, one simple query makes the link what
 * the client wants, before anything of the client's is sent. What a client changed is never guessed from its words: the
 * server reports it (ParameterStatus), or is asked (`pins.ts`).
 *
 * Invariants: two sides with the same `key` have the same settings; a value never reaches a query but in quotes, as ASCII,
 * whatever the session's encoding and `standard_conforming_strings` are.
 */

/** In lower case; values as Postgres takes them. */
type Values = Map<string, string>;

/** More settings than this are not carried: the client is refused, or its link pinned. */
export const SETTINGS_MAX = 128;

/** What they are decides neither how a text is read when it is prepared, nor what names in it stand for. */
const MEANINGLESS: ReadonlySet<string> = new Set([
  "application_name",
  "bytea_output",
  "client_min_messages",
  "extra_float_digits",
  "idle_in_transaction_session_timeout",
  "idle_session_timeout",
  "lock_timeout",
  "maintenance_work_mem",
  "statement_timeout",
  "synchronous_commit",
  "transaction_timeout",
  "work_mem",
]);

/**
 * Whether a text that is prepared may mean something else where this setting is another: dates, zones, names without a
 * schema, the encoding. Names in parts are extensions' and programs' own, and are looked at when a statement runs.
 */
export function hasMeaning(name: string): boolean {
  return !MEANINGLESS.has(name) && !name.includes(".");
}

/** What a link is known to have been told, where that differs from what it came with. */
export class LinkSettings {
  readonly values: Values = new Map();
  /** What was reported before anybody changed it. */
  readonly #base: Values = new Map();
  #key: string | undefined = "";

  get key(): string {
    return (this.#key ??= keyOf(this.values));
  }

  /** The server reports `value` where `before` was last reported. Whether that is how the link came. */
  isBase(name: string, value: string, before: string | undefined): boolean {
    if (!this.#base.has(name) && before !== undefined) this.#base.set(name, before);
    return this.#base.get(name) === value;
  }

  set(name: string, value: string): void {
    this.values.set(name, value);
    this.#key = undefined;
  }

  delete(name: string): void {
    if (this.values.delete(name)) this.#key = undefined;
  }

  /** It has been told all of the client's. */
  become(client: ClientSettings): void {
    this.values.clear();
    for (const [name, value] of client.values) this.values.set(name, value);
    this.#key = client.key;
  }

  /** DISCARD ALL. */
  clear(): void {
    this.values.clear();
    this.#key = "";
  }
}

/** What a client wants. */
export class ClientSettings {
  readonly values: Values;
  /** What it started with. */
  readonly startup: ReadonlyMap<string, string>;
  #key: string | undefined;
  #meaning: string | undefined;

  /** `startup`: by lower-case name, what the client asked for at its start (`startupSettings`). */
  constructor(startup: ReadonlyMap<string, string>) {
    this.startup = startup;
    this.values = new Map(startup);
  }

  get key(): string {
    return (this.#key ??= keyOf(this.values));
  }

  /** Clients with the same one understand a text alike. */
  get meaning(): string {
    return (this.#meaning ??= keyOf(new Map([...this.values].filter(([name]) => hasMeaning(name)))));
  }

  get full(): boolean {
    return this.values.size >= SETTINGS_MAX;
  }

  set(name: string, value: string): void {
    this.values.set(name, value);
    this.#changed();
  }

  delete(name: string): void {
    if (this.values.delete(name)) this.#changed();
  }

  /** As it was when the client started. */
  reset(name: string): void {
    const first = this.startup.get(name);
    if (first === undefined) this.values.delete(name);
    else this.values.set(name, first);
    this.#changed();
  }

  resetAll(): void {
    this.values.clear();
    for (const [name, value] of this.startup) this.values.set(name, value);
    this.#changed();
  }

  #changed(): void {
    this.#key = undefined;
    this.#meaning = undefined;
  }
}

/** A simple query that makes the link what the client wants; it acts as a whole or not at all. */
export function differenceText(link: LinkSettings, client: ClientSettings): string {
  const statements: string[] = [];
  for (const name of link.values.keys()) if (!client.values.has(name)) statements.push(`RESET ${quotedName(name)}`);
  const sets: string[] = [];
  for (const [name, value] of client.values) {
    if (link.values.get(name) !== value) sets.push(setText(name, value));
  }
  if (sets.length > 0) statements.push(`SELECT ${sets.join(",")}`);
  return statements.join(";");
}

/** One statement that sets those of these settings that a client started with. */
export function startupText(client: ClientSettings, names: readonly string[]): string {
  const sets = names.map((name) => setText(name, client.startup.get(name) ?? ""));
  return `SELECT ${sets.join(",")}`;
}

function setText(name: string, value: string): string {
  return `pg_catalog.set_config(${quoted(name)},${quoted(value)},false)`;
}

/** Start-up parameters that are no settings. */
const NO_SETTINGS: ReadonlySet<string> = new Set(["user", "database", "replication", "options"]);

/**
 * What a start-up packet asks for: its parameters, and those inside of `options`, which come first. Undefined when `options`
 * has something else than settings, or it is too many.
 */
export function startupSettings(parameters: Iterable<readonly [string, string]>): Map<string, string> | undefined {
  const settings: Values = new Map();
  const direct: Values = new Map();
  for (const [name, value] of parameters) {
    const lower = name.toLowerCase();
    if (lower === "options" && !readOptions(value, settings)) return undefined;
    if (!NO_SETTINGS.has(lower) && !lower.startsWith("_pq_.")) direct.set(lower, value);
  }
  for (const [name, value] of direct) settings.set(name, value);
  if (settings.size > SETTINGS_MAX) return undefined;
  return [...settings.keys()].every((name) => ASCII.test(name)) ? settings : undefined;
}

/** `-c name=value`, `-cname=value`, `--name=value`; a backslash takes the meaning of what follows. False for others. */
function readOptions(options: string, into: Values): boolean {
  const words = splitOptions(options);
  for (let at = 0; at < words.length; at++) {
    let word = words[at]!;
    if (word === "-c") word = `--${words[++at] ?? ""}`;
    else if (word.startsWith("-c")) word = `--${word.slice(2)}`;
    const equals = word.indexOf("=");
    if (!word.startsWith("--") || equals < 3) return false;
    into.set(word.slice(2, equals).replaceAll("-", "_").toLowerCase(), word.slice(equals + 1));
  }
  return true;
}

function splitOptions(options: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < options.length; at++) {
    let character = options.charAt(at);
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    if (character === "\\") character = options.charAt(++at);
    word = (word ?? "") + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

const ASCII = /^[\x01-\x7f]*$/;
const UTF8 = new TextEncoder();

/** A text as an expression of SQL that is ASCII and means the same in every session. */
export function quoted(text: string): string {
  if (!ASCII.test(text)) {
    return `pg_catalog.convert_from(pg_catalog.decode('${UTF8.encode(text).toHex()}','hex'),'UTF8')`;
  }
  const doubled = text.replaceAll("'", "''");
  return text.includes("\\") ? `E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}

/** Names of settings have parts, each of which is quoted. */
function quotedName(name: string): string {
  return name
    .split(".")
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join(".");
}

function keyOf(values: Values): string {
  if (values.size === 0) return "";
  return [...values]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, value]) => `${name}=${value}\0`)
    .join("");
}
