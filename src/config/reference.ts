/**
 * The knob tables as text for people: the reference in README.md (between its two markers, kept fresh by a test) and the
 * list of a role's knobs for `scale --role X --help`.
 */
import type { Row } from "../../proxy/base/schema.ts";
import { configRows, type RoleName } from "./config.ts";
import { defaultOf, kindName, writePath } from "./describe.ts";
import { allKnobs, type Knob, knobsIn } from "./knob-path.ts";

export const REFERENCE_BEGIN = "<!-- config reference -->";
export const REFERENCE_END = "<!-- /config reference -->";

/** What stands between the markers of README.md. */
export function markdownReference(): string {
  const sections = Object.entries(configRows).map(([name, row]: [string, Row]) => markdownSection(name, row));
  return `${REFERENCE_BEGIN}\n${sections.join("\n")}${REFERENCE_END}`;
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
  const lines = plainKnobs(name, row).map(({ path, row: knob }) => {
    const about = knob.notBuilt === undefined ? knob.doc : `${knob.doc} *(not yet: ${knob.notBuilt})*`;
    const cells = [code(writePath(path.slice(skipped))), kindName(knob), defaultCell(knob), about];
    return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  });
  const built = row.notBuilt === undefined ? "" : ` *Not yet: ${row.notBuilt}.*`;
  return `#### \`${header}\`\n${row.doc}.${built}\n\n| knob | value | default | |\n|---|---|---|---|\n${lines.join("\n")}\n`;
}

/** The knobs that have a value of their own; what repeats in each role ([ROLE.admin]) is left to its own section. */
function plainKnobs(name: string, row: Row): Knob[] {
  return allKnobs({ [name]: row }).filter(({ path, row: knob }) => {
    if (path.length > 2 && path[1] === "admin") return false;
    return path.length > 1 && (knobsIn(knob, path).length === 0 || path.at(-1) === "admin");
  });
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
    name: `--set ${writePath(path)}=`,
    text: `${knob.doc}${defaultOf(knob) === undefined ? "" : ` (${defaultOf(knob)})`}`,
  }));
  const width = Math.max(...rows.map(({ name }) => name.length));
  return rows.map(({ name, text }) => `  ${name.padEnd(width)}  ${text}\n`).join("");
}
