/**
 * What somebody wrote, before anyone asks what it means: a tree of values that know where they come from. The file, the
 * environment, the flags and the defaults all become this one tree; `resolve.ts` reads it against the knob tables.
 * Invariant: a node is never changed after `overlay` has put it into a tree, only replaced.
 */
import type { Written } from "../../proxy/base/schema.ts";
import type { Place } from "../problem/problem.ts";
import type { Source } from "./source.ts";

export type Origin =
  | {
      readonly from: "file";
      readonly source: Source;
      readonly line: number;
      readonly column: number;
      readonly width: number;
    }
  | { readonly from: "env"; readonly name: string }
  | { readonly from: "flag"; readonly flag: string }
  | { readonly from: "default"; readonly note?: string };

export type Scalar =
  | { readonly kind: "text"; readonly value: string; readonly origin: Origin }
  | { readonly kind: "integer"; readonly value: bigint; readonly origin: Origin }
  | { readonly kind: "float"; readonly value: number; readonly origin: Origin }
  | { readonly kind: "flag"; readonly value: boolean; readonly origin: Origin }
  | { readonly kind: "date"; readonly value: string; readonly origin: Origin }
  /** From the environment or a flag: what it means is decided by the knob. */
  | { readonly kind: "words"; readonly value: string; readonly origin: Origin };

export interface ListNode {
  readonly kind: "list";
  readonly items: readonly Node[];
  readonly origin: Origin;
}

export interface TableNode {
  readonly kind: "table";
  readonly entries: Map<string, Entry>;
  readonly origin: Origin;
}

export interface Entry {
  /** Where the name stands. */
  readonly at: Origin;
  readonly node: Node;
}

export type Node = Scalar | ListNode | TableNode;

export const NOWHERE: Origin = { from: "default" };

export function emptyTable(origin: Origin = NOWHERE): TableNode {
  return { kind: "table", entries: new Map(), origin };
}

/** A default, as it stands in a knob table. */
export function nodeOf(written: Written, origin: Origin = NOWHERE): Node {
  if (typeof written === "string") return { kind: "text", value: written, origin };
  if (typeof written === "boolean") return { kind: "flag", value: written, origin };
  if (typeof written === "number") {
    if (Number.isInteger(written)) return { kind: "integer", value: BigInt(written), origin };
    return { kind: "float", value: written, origin };
  }
  if (Array.isArray(written))
    return { kind: "list", items: written.map((item: Written) => nodeOf(item, origin)), origin };
  const table = emptyTable(origin);
  for (const [name, value] of Object.entries(written))
    table.entries.set(name, { at: origin, node: nodeOf(value, origin) });
  return table;
}

/**
 * Puts `node` at `path`, making the tables on the way. False when something on the way is not a table: what stands there
 * is wrong or written in a short form, and is left alone.
 */
export function overlay(root: TableNode, path: readonly string[], node: Scalar): boolean {
  const last = path.at(-1);
  if (last === undefined) return false;
  let table = root;
  for (const name of path.slice(0, -1)) {
    const found = table.entries.get(name);
    if (found !== undefined && found.node.kind !== "table") return false;
    const next = found?.node.kind === "table" ? found.node : emptyTable(node.origin);
    if (found === undefined) table.entries.set(name, { at: node.origin, node: next });
    table = next;
  }
  table.entries.set(last, { at: node.origin, node });
  return true;
}

/** Where a person finds it; undefined for defaults. */
export function placeOf(origin: Origin): Place | undefined {
  switch (origin.from) {
    case "file":
      return origin.source.place(origin.line, origin.column, origin.width);
    case "env":
      return { file: `env ${origin.name}` };
    case "flag":
      return { file: flagText(origin.flag) };
    case "default":
      return undefined;
  }
}

/** The same in one word or two, for `scale config --resolved`. */
export function originText(origin: Origin): string {
  switch (origin.from) {
    case "file":
      return `${origin.source.file}:${origin.line}:${origin.column}`;
    case "env":
      return `env ${origin.name}`;
    case "flag":
      return flagText(origin.flag);
    case "default":
      return origin.note === undefined ? "default" : `default (${origin.note})`;
  }
}

/** An argument that is no flag says itself what it is. */
function flagText(flag: string): string {
  return flag.startsWith("--") ? `flag ${flag}` : flag;
}
