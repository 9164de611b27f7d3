/**
 * The language of the admin console: PgBouncer's, as far as it is spoken here. A text becomes a command or a complaint; what
 * a command does is not known here. Spec: PgBouncer's manual, "Admin console".
 */
import { SQLSTATE } from "../pg/sqlstate.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { TABLES, type TableName } from "./console-tables.ts";

export const VERBS = ["pause", "resume", "reload"] as const;
export type Verb = (typeof VERBS)[number];

export type Command =
  | { readonly kind: "empty" }
  | { readonly kind: "help" }
  | { readonly kind: "show"; readonly table: TableName }
  | { readonly kind: "do"; readonly verb: Verb; readonly database: string | undefined }
  | { readonly kind: "unknown"; readonly words: NoticeWords };

const WORD = /\s*(?:"((?:[^"]|"")*)"|([^\s";]+))/y;
const REST = /\s*;?\s*$/y;
const COMMENTS = /\/\*[\s\S]*?\*\/|--[^\n]*/g;

export function readCommand(text: string): Command {
  const words = wordsOf(text.replace(COMMENTS, " "));
  if (words === undefined) return unknown("syntax error");
  const [verb, ...rest] = words;
  if (verb === undefined) return { kind: "empty" };
  const lower = verb.text.toLowerCase();
  if (lower === "show") return readShow(rest);
  if (!isVerb(lower)) return unknown(`invalid command "${verb.text}"`);
  if (rest.length > 1 || (lower === "reload" && rest.length > 0)) return unknown(`${lower} takes fewer words`);
  const [database] = rest;
  return {
    kind: "do",
    verb: lower,
    database: database?.quoted === false ? database.text.toLowerCase() : database?.text,
  };
}

function readShow([subject, ...rest]: readonly Word[]): Command {
  if (subject === undefined || subject.text.toLowerCase() === "help") return { kind: "help" };
  const table = subject.text.toLowerCase();
  if (rest.length > 0) return unknown("SHOW takes one word");
  if (isTable(table)) return { kind: "show", table };
  return unknown(`unknown subject of SHOW "${subject.text}"`);
}

interface Word {
  readonly text: string;
  readonly quoted: boolean;
}

/** Undefined for what is no sequence of words. */
function wordsOf(text: string): readonly Word[] | undefined {
  const words: Word[] = [];
  let at = 0;
  for (;;) {
    REST.lastIndex = at;
    if (REST.test(text)) return words;
    WORD.lastIndex = at;
    const match = WORD.exec(text);
    if (match === null) return undefined;
    const [, quoted, plain] = match;
    words.push({ text: plain ?? (quoted ?? "").replaceAll('""', '"'), quoted: plain === undefined });
    at = WORD.lastIndex;
  }
}

function isVerb(word: string): word is Verb {
  return (VERBS as readonly string[]).includes(word);
}

function isTable(word: string): word is TableName {
  return Object.hasOwn(TABLES, word);
}

function unknown(message: string): Command {
  const hint = 'Say "SHOW HELP" to see what is known.';
  return { kind: "unknown", words: { severity: "ERROR", code: SQLSTATE.syntaxError, message, hint } };
}

/** What SHOW HELP says. */
export function helpText(): string {
  const tables = Object.keys(TABLES)
    .map((name) => name.toUpperCase())
    .join("|");
  return `\n\tSHOW HELP|${tables}\n\tPAUSE [<db>]\n\tRESUME [<db>]\n\tRELOAD\n`;
}
