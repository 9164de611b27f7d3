/**
 * The knob tables as text for people: the reference in README.md (between its two markers, kept fresh by a test) and the
 * list of a role's knobs for `scale --role X --help`.
 */
import type { Row } from "../../proxy/base/schema.ts";
import { processRows } from "../run/options.ts";
import { configRows, type RoleName, roleNames } from "./config.ts";
import { defaultOf, kindName, writePath } from "./describe.ts";
import { allKnobs, findKnob, type Knob, knobsIn } from "./knob-path.ts";

export const REFERENCE_BEGIN = "<!-- config reference -->";
export const REFERENCE_END = "<!-- /config reference -->";

/** What stands between the markers of README.md. */
export function markdownReference(): string {
  const sections = Object.entries(configRows).map(([name, row]: [string, Row]) => markdownSection(name, row));
  const everyRole = roleNames.map((name) => `\`[${name}]\``).join(", ");
  const shared = `#### Every role: ${everyRole}\n${markdownTable(allKnobs(processRows), 0)}`;
  return `${REFERENCE_BEGIN}\n${[...sections, shared].join("\n")}${REFERENCE_END}`;
}

/** `text` with its reference made anew; undefined when it has no markers. */
export function refreshReference(text: string): string | undefined {
  const begin = text.indexOf(REFERENCE_BEGIN);
  const end = text.indexOf(REFERENCE_END, begin);
  if (begin === -1 || end === -1) return undefined;
  return text.slice(0, begin) + markdownReference() + text.slice(end + REFERENCE_END.length);
}

function markdownSection(name: string, row: Row): string {
  const header = row.kind === "map" ? `[${name}.${row.key}]` : `[${name}]`;
  const skipped = row.kind === "map" ? 2 : 1;
  const own = plainKnobs(name, row).filter(({ path }) => !Object.hasOwn(processRows, path[1] ?? ""));
  const built = row.notBuilt === undefined ? "" : ` *Not yet: ${row.notBuilt}.*`;
  return `#### \`${header}\`\n${row.doc}.${built}\n${markdownTable(own, skipped)}`;
}

/** `skipped`: how many words of a path the header says already. */
function markdownTable(knobs: readonly Knob[], skipped: number): string {
  const lines = knobs.map(({ path, row }) => {
    const reason = whyNotBuilt(path);
    const about = reason === undefined ? row.doc : `${row.doc} *(not yet: ${reason})*`;
    const cells = [code(writePath(path.slice(skipped))), kindName(row), defaultCell(row), about];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |\n`;
  });
  return `\n| knob | value | default | |\n|---|---|---|---|\n${lines.join("")}`;
}

/** The knobs that have a value of their own; what repeats in each role ([ROLE.admin]) is left to its own section. */
function plainKnobs(name: string, row: Row): Knob[] {
  return allKnobs({ [name]: row }).filter(({ path, row: knob }) => {
    if (path.length < 2 || (path.length > 2 && path[1] === "admin")) return false;
    return path.at(-1) === "admin" || hasValue(knob);
  });
}

/** Whether one can say something of the knob itself, not only of the knobs in it. */
function hasValue(row: Row): boolean {
  if (knobsIn(row, []).length === 0 || defaultOf(row) !== undefined) return true;
  return row.kind === "map" && row.of.kind === "either";
}

/** The reason of the knob, or of a part of its section that it belongs to; that of the whole section stands above. */
function whyNotBuilt(path: readonly string[]): string | undefined {
  for (let end = 2; end <= path.length; end += 1) {
    const knob = findKnob(path.slice(0, end));
    if (!("word" in knob) && knob.row.notBuilt !== undefined) return knob.row.notBuilt;
  }
  return undefined;
}

function defaultCell(row: Row): string {
  if (row.required === true) return "*required*";
  if (row.defaultText !== undefined) return row.defaultText;
  const written = defaultOf(row);
  return written === undefined ? "" : code(written);
}

function code(text: string): string {
  return `\`${text}\``;
}

/** The knobs of a role, one a line, for its help. */
export function helpKnobs(role: RoleName): string {
  const row: Row = configRows[role];
  const rows = plainKnobs(role, row).map(({ path, row: knob }) => ({
    name: writePath(path),
    text: `${knob.doc}${defaultOf(knob) === undefined ? "" : ` (default: ${defaultOf(knob)})`}`,
  }));
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, text }) => `  ${name.padEnd(width)}  ${text}\n`).join("");
}
