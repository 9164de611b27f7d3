/**
 * What `scale explain WORD` says: about a knob, a section or a code. Text for people and an object for machines; all of
 * it comes from the knob tables and the catalogue of codes.
 */
import type { Row, Rows } from "../../proxy/base/schema.ts";
import { type CodePage, codes } from "../problem/codes.ts";
import { configRows } from "./config.ts";
import { defaultOf, describe, writePath } from "./describe.ts";
import { didYouMean } from "./did-you-mean.ts";
import { allKnobs, envName, findKnob, type Knob, namesIn, settablePath } from "./knob-path.ts";
import { splitPath } from "./layers.ts";
import { flagOf } from "./quick.ts";

export type Explanation =
  | { readonly about: "knob"; readonly knob: Knob }
  | { readonly about: "section"; readonly knob: Knob }
  | { readonly about: "code"; readonly code: string; readonly page: CodePage }
  /** Several knobs have that last name. */
  | { readonly about: "several"; readonly word: string; readonly knobs: readonly Knob[] }
  | { readonly about: "nothing"; readonly word: string; readonly meant?: string };

export function explain(word: string): Explanation {
  const plain = word.trim().replace(/^\[+|\]+$/g, "");
  const code = plain.toUpperCase().replaceAll("-", "_");
  const page = Object.hasOwn(codes, code) ? (codes as { readonly [code: string]: CodePage })[code] : undefined;
  if (page !== undefined) return { about: "code", code, page };
  const path = plain.startsWith("SCALE_") ? plain.slice("SCALE_".length).toLowerCase().split("__") : splitPath(plain);
  const knob = findKnob(path);
  if (!("word" in knob) && path.length > 0) return { about: isSection(knob.row) ? "section" : "knob", knob };
  const same = allKnobs().filter((one) => one.path.at(-1) === plain.replace(/^--/, "").replaceAll("-", "_"));
  const [only] = same;
  if (only !== undefined && same.length === 1) return { about: isSection(only.row) ? "section" : "knob", knob: only };
  if (same.length > 1) return { about: "several", word: plain, knobs: same };
  return { about: "nothing", word: plain, ...meantOf(plain, path) };
}

function meantOf(word: string, path: readonly string[]): { readonly meant?: string } {
  const missed = findKnob(path);
  if ("word" in missed && missed.meant !== undefined) {
    const better = path.with(missed.index, missed.meant);
    if (!("word" in findKnob(better))) return { meant: writePath(better) };
  }
  const knobs = allKnobs().map(({ path: one }) => writePath(one));
  const last = [...new Set(allKnobs().map(({ path: one }) => one.at(-1) ?? ""))];
  const meant = didYouMean(word.toUpperCase(), Object.keys(codes)) ?? didYouMean(word, knobs) ?? didYouMean(word, last);
  return meant === undefined ? {} : { meant };
}

/** A section has knobs of its own; a short form does not make it a plain knob. */
function isSection(row: Row): boolean {
  return namesIn(row).length > 0 || (row.kind === "map" && row.of.kind === "table");
}

export function explanationText(explanation: Exclude<Explanation, { readonly about: "nothing" }>): string {
  switch (explanation.about) {
    case "code":
      return codeText(explanation.code, explanation.page);
    case "knob":
      return knobText(explanation.knob);
    case "section":
      return sectionText(explanation.knob);
    case "several":
      return severalText(explanation.word, explanation.knobs);
  }
}

function codeText(code: string, page: CodePage): string {
  const exit = page.exit === 2 ? "2 (bad configuration or usage)" : "1 (failed)";
  return `${code}\n${page.title}\n\n${wrap(page.why)}\n\nFix\n${indent(wrap(page.fix, WIDTH - 2))}\n\nExit code  ${exit}\n`;
}

function knobText({ path, row }: Knob): string {
  const name = writePath(path);
  const facts: [string, string | undefined][] = [
    ["Value", describe(row)],
    ["Default", row.required === true ? "none, it must be set" : (defaultOf(row) ?? "none")],
    ["Example", row.example === undefined ? undefined : `${path.at(-1)} = ${row.example}`],
    ["In the file", inFile(path)],
    ["Environment", envName(path) ?? "only in a file"],
    ["Flag", flagText(path)],
    ["Secret", row.secret === true ? "yes: it is never printed" : undefined],
    ["Not yet", row.notBuilt],
  ];
  const more = row.more === undefined ? "" : `\n${wrap(row.more)}\n`;
  return `${name}\n${row.doc}\n${more}\n${table(facts)}`;
}

function sectionText({ path, row }: Knob): string {
  const header = headerOf(path, row);
  const below = allKnobs({ [path.at(-1) ?? ""]: row }, []).slice(1);
  const width = Math.max(0, ...below.map((knob) => writePath(knob.path.slice(1)).length));
  const lines = below.map((knob) => {
    return `  ${writePath(knob.path.slice(1)).padEnd(width)}  ${knob.row.doc}${asideOf(knob.row)}`;
  });
  const more = row.more === undefined ? "" : `\n${wrap(row.more)}\n`;
  const built = row.notBuilt === undefined ? "" : `\nNot yet: ${row.notBuilt}\n`;
  const example = row.example === undefined ? "" : `\nExample\n  ${path.at(-1)} = ${row.example}\n`;
  const next = `\nMore: scale explain ${writePath(below[0] === undefined ? path : [...path, ...below[0].path.slice(1)])}\n`;
  return `${header}\n${row.doc}\n${more}${built}${example}\nKnobs\n${lines.join("\n")}\n${next}`;
}

/** What the line of a knob in a list of knobs says besides its doc. */
function asideOf(row: Row): string {
  if (row.notBuilt !== undefined) return ` (not yet: ${row.notBuilt})`;
  if (row.required === true) return " (required)";
  const value = defaultOf(row);
  return value === undefined || value === "[]" ? "" : ` (default: ${value})`;
}

function severalText(word: string, knobs: readonly Knob[]): string {
  const width = Math.max(...knobs.map(({ path }) => writePath(path).length));
  const lines = knobs.map(({ path, row }) => `  ${writePath(path).padEnd(width)}  ${row.doc}`);
  return `${knobs.length} knobs are called ${word}:\n${lines.join("\n")}\n\nMore: scale explain ${writePath(knobs[0]?.path ?? [])}\n`;
}

export interface SectionLine {
  /** `[postgres.NAME]` */
  readonly header: string;
  readonly doc: string;
}

/** The sections of the file, for who asks about nothing in particular. */
export function overview(): readonly SectionLine[] {
  return Object.entries(configRows as Rows).map(([name, row]) => ({ header: headerOf([name], row), doc: row.doc }));
}

export function overviewText(): string {
  const sections = overview();
  const width = Math.max(...sections.map(({ header }) => header.length));
  const lines = sections.map(({ header, doc }) => `  ${header.padEnd(width)}  ${doc}`);
  return `The config file has these sections:\n${lines.join("\n")}\n\nMore: scale explain app, scale explain app.workers, or any code such as CONFIG_SYNTAX\n`;
}

/** `[pool.databases.NAME]`, `[[lb.routes]]` or, for a table in a value, just its path. */
function headerOf(path: readonly string[], row: Row): string {
  const name = writePath(path);
  if (row.kind === "list") return `[[${name}]]`;
  return row.kind === "map" ? `[${name}.${row.key}]` : `[${name}]`;
}

/** `[app]`, or `tls.key in [[lb.listen]]` for what is in an item of a list. */
function inFile(path: readonly string[]): string {
  for (let end = 1; end < path.length; end += 1) {
    const knob = findKnob(path.slice(0, end));
    if ("word" in knob || knob.row.kind !== "list") continue;
    return `${writePath(path.slice(end))} in [[${writePath(path.slice(0, end))}]]`;
  }
  return `[${writePath(path.slice(0, -1))}]`;
}

function flagText(path: readonly string[]): string | undefined {
  const settable = settablePath(path);
  if (settable === undefined) return undefined;
  const set = `--set ${writePath(settable)}=VALUE`;
  const flag = flagOf(path);
  return flag === undefined ? set : `${flag}, or ${set}`;
}

const WIDTH = 96;

function table(facts: readonly [string, string | undefined][]): string {
  const known = facts.filter((fact): fact is [string, string] => fact[1] !== undefined);
  const width = Math.max(...known.map(([name]) => name.length));
  return known.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join("");
}

function wrap(text: string, width = WIDTH): string {
  let line = "";
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length >= width) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].join("\n");
}

function indent(text: string): string {
  return text.replace(/^/gm, "  ");
}
