/**
 * TOML text → the tree of `node.ts`, with every value's place, and all that is wrong with the text, not only the first
 * mistake: when the file as a whole does not parse, each statement is parsed alone, so that one bad line does not hide the
 * others. Not the meaning of keys. Spec: toml.io/en/v1.0.0 (the parser takes 1.1 too, which only adds).
 */
import type { AST } from "toml-eslint-parser";
import { Problem } from "../problem/problem.ts";
import { diagnose } from "./diagnose.ts";
import { type Entry, emptyTable, type Node, type Origin, type TableNode } from "./node.ts";
import { scan } from "./scan.ts";
import type { Source } from "./source.ts";
import { type Statement, statements } from "./statements.ts";

export interface Toml {
  readonly root: TableNode;
  readonly problems: readonly Problem[];
  /** Whether statements were left out because they could not be read. */
  readonly broken: boolean;
}

/** Deeper brackets or longer dotted names than anyone writes by hand. */
export const DEPTH_MAX = 32;
export const SYNTAX_PROBLEMS_MAX = 20;

export async function parseToml(source: Source): Promise<Toml> {
  const deep = tooDeep(source);
  if (deep !== undefined) return { root: emptyTable(), problems: [deep], broken: true };
  const parser = await import("toml-eslint-parser");
  const builder = new Builder(source);
  const whole = parse(parser, source.text);
  if (!("message" in whole)) {
    builder.take(whole, 0);
    return builder.done(false);
  }
  const problems: Problem[] = [];
  for (const statement of statements(source.text)) {
    if (problems.length === SYNTAX_PROBLEMS_MAX) break;
    const part = parse(parser, statement.text);
    if (!("message" in part)) {
      builder.take(part, statement.start);
      continue;
    }
    problems.push(syntaxProblem(source, statement, part));
    if (statement.isHeader) builder.lose();
  }
  return builder.done(problems.length > 0, problems);
}

interface SyntaxFlaw {
  readonly message: string;
  readonly index: number;
}

function parse(parser: typeof import("toml-eslint-parser"), text: string): AST.TOMLProgram | SyntaxFlaw {
  try {
    return parser.parseTOML(text);
  } catch (error) {
    if (error instanceof parser.ParseError) return { message: error.message, index: error.index };
    throw error;
  }
}

function syntaxProblem(source: Source, statement: Statement, flaw: SyntaxFlaw): Problem {
  const found = diagnose(statement.text, Math.min(flaw.index, statement.text.length), flaw.message);
  return new Problem("CONFIG_SYNTAX", {
    what: `Cannot read this line: ${found.what}`,
    where: source.at(statement.start + found.offset, found.width),
    ...(found.why === undefined ? {} : { why: found.why }),
    ...(found.fix === undefined ? {} : { fix: found.fix }),
  });
}

function tooDeep(source: Source): Problem | undefined {
  let depth = 0;
  for (const piece of scan(source.text)) {
    const letter = source.text[piece.start];
    const dots = piece.kind === "word" ? source.text.slice(piece.start, piece.end).split(".").length : 0;
    if (piece.kind === "mark" && (letter === "[" || letter === "{")) depth += 1;
    if (piece.kind === "mark" && (letter === "]" || letter === "}")) depth = Math.max(0, depth - 1);
    if (depth <= DEPTH_MAX && dots <= DEPTH_MAX) continue;
    return new Problem("CONFIG_TOO_DEEP", {
      what: `Cannot read the file: brackets or names go deeper than ${DEPTH_MAX}`,
      where: source.at(piece.start),
      fix: "Look for a bracket that is not closed; no section needs more than four levels",
    });
  }
  return undefined;
}

/** Makes one tree of statements, in order, and sees what is said twice. */
class Builder {
  readonly #source: Source;
  readonly #root = emptyTable();
  readonly #problems: Problem[] = [];
  /** Tables that their own header has opened; those that only stood in a longer name may still get one. */
  readonly #opened = new Set<TableNode>();
  /** Lists made by [[headers]], which further headers may extend. */
  readonly #growing = new Map<readonly Node[], TableNode[]>();
  /** The table that statements go into; undefined behind a header that cannot be obeyed. */
  #table: TableNode | undefined = this.#root;

  constructor(source: Source) {
    this.#source = source;
  }

  take(program: AST.TOMLProgram, start: number): void {
    for (const part of program.body[0].body) {
      if (part.type === "TOMLKeyValue") this.#put(this.#table, part, start);
      else this.#header(part, start);
    }
  }

  /** What follows belongs to a table whose name could not be read. */
  lose(): void {
    this.#table = undefined;
  }

  done(broken: boolean, problems: readonly Problem[] = []): Toml {
    return { root: this.#root, problems: [...problems, ...this.#problems], broken };
  }

  #header(part: AST.TOMLTable, start: number): void {
    const names = part.key.keys;
    let table: TableNode | undefined = this.#root;
    for (const name of names.slice(0, -1)) table = table && this.#step(table, name, start);
    const last = names.at(-1);
    if (table === undefined || last === undefined) {
      this.#table = undefined;
    } else {
      this.#table = part.kind === "array" ? this.#append(table, last, start) : this.#open(table, last, start);
    }
    for (const keyValue of part.body) this.#put(this.#table, keyValue, start);
  }

  #open(parent: TableNode, name: Name, start: number): TableNode | undefined {
    const found = parent.entries.get(textOf(name));
    if (found === undefined) {
      const made = this.#add(parent, name, start);
      this.#opened.add(made);
      return made;
    }
    if (found.node.kind !== "table" || this.#opened.has(found.node)) return this.#twice(name, found, start);
    this.#opened.add(found.node);
    return found.node;
  }

  #append(parent: TableNode, name: Name, start: number): TableNode | undefined {
    const found = parent.entries.get(textOf(name));
    const item = emptyTable(this.#origin(name, start));
    this.#opened.add(item);
    if (found === undefined) {
      const items = [item];
      this.#growing.set(items, items);
      const node: Node = { kind: "list", items, origin: item.origin };
      parent.entries.set(textOf(name), { at: item.origin, node });
      return item;
    }
    const items = found.node.kind === "list" ? this.#growing.get(found.node.items) : undefined;
    if (items === undefined) return this.#twice(name, found, start);
    items.push(item);
    return item;
  }

  /** Into the table of that name on the way to another; the last one of a list that headers made. */
  #step(parent: TableNode, name: Name, start: number): TableNode | undefined {
    const found = parent.entries.get(textOf(name));
    if (found === undefined) return this.#add(parent, name, start);
    if (found.node.kind === "table") return found.node;
    const items = found.node.kind === "list" ? this.#growing.get(found.node.items) : undefined;
    return items?.at(-1) ?? this.#twice(name, found, start);
  }

  #put(into: TableNode | undefined, part: AST.TOMLKeyValue, start: number): void {
    let table = into;
    for (const name of part.key.keys.slice(0, -1)) table = table && this.#step(table, name, start);
    const last = part.key.keys.at(-1);
    if (table === undefined || last === undefined) return;
    const found = table.entries.get(textOf(last));
    if (found !== undefined) this.#twice(last, found, start);
    else table.entries.set(textOf(last), { at: this.#origin(last, start), node: this.#node(part.value, start) });
  }

  #add(parent: TableNode, name: Name, start: number): TableNode {
    const made = emptyTable(this.#origin(name, start));
    parent.entries.set(textOf(name), { at: made.origin, node: made });
    return made;
  }

  #node(value: AST.TOMLContentNode, start: number): Node {
    const origin = this.#origin(value, start);
    if (value.type === "TOMLArray") {
      return { kind: "list", items: value.elements.map((element) => this.#node(element, start)), origin };
    }
    if (value.type === "TOMLInlineTable") {
      const table = emptyTable(origin);
      this.#opened.add(table);
      for (const part of value.body) this.#put(table, part, start);
      return table;
    }
    if (value.kind === "string") return { kind: "text", value: value.value, origin };
    if (value.kind === "boolean") return { kind: "flag", value: value.value, origin };
    if (value.kind === "integer") return { kind: "integer", value: value.bigint, origin };
    if (value.kind === "float") return { kind: "float", value: value.value, origin };
    return { kind: "date", value: value.datetime, origin };
  }

  #twice(name: Name, first: Entry, start: number): undefined {
    const line = first.at.from === "file" ? ` on line ${first.at.line}` : "";
    this.#problems.push(
      new Problem("CONFIG_DUPLICATE", {
        what: `Cannot set "${textOf(name)}" again: it is already set${line}`,
        where: this.#source.at(start + name.range[0], name.range[1] - name.range[0]),
        fix: "Keep one of the two; the keys of one table belong under one header",
      }),
    );
    return undefined;
  }

  #origin(node: { readonly range: readonly [number, number] }, start: number): Origin {
    const from = start + node.range[0];
    const until = Math.min(start + node.range[1], lineEnd(this.#source.text, from));
    return { from: "file", source: this.#source, ...this.#source.position(from), width: Math.max(1, until - from) };
  }
}

type Name = AST.TOMLBare | AST.TOMLQuoted;

function textOf(name: Name): string {
  return name.type === "TOMLBare" ? name.name : name.value;
}

function lineEnd(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}
