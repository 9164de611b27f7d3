/**
 * The scale.toml that `scale init` writes: the knobs that people turn first, each with the words of its row, so that the
 * file says what `scale explain` says. Not all knobs; those are in the reference. Pure.
 * Invariant: `# …` is prose and `#name = value` is a knob that is not set; taking away that one # sets it to its default,
 * or to an example where it has none.
 */
import { writeToml } from "../../config/describe.ts";
import { findKnob } from "../../config/knob-path.ts";

const WIDTH = 100;

const INTRO = `# The one file of this app's diagram. Every knob has a default; those with a # before them are not set.
#   scale up              everything here, on this machine
#   scale check           all that is wrong with this file, at once
#   scale explain KNOB    what a knob is for, as in: scale explain app.workers
#   scale schema          a JSON Schema of this file, for editors`;

const POSTGRES = `# Postgres. Without this section \`scale up\` brings one of its own, with its data in .scale/.
# To use yours, take away the # before the section and its primary.`;

/** `entry` as it is seen from the folder of the file. */
export function configText(entry: string): string {
  const app = [`${knob("app.entry", entry)}\n${orCommand()}`, knob("app.listen"), knob("app.workers"), knob("app.env")];
  const parts = [
    INTRO,
    section("[app]", app),
    section("[app.pool]", [knob("app.pool.max")]),
    section(`${POSTGRES}\n#[postgres.main]`, [knob("postgres.main.primary")]),
    section("[admin]", [knob("admin.listen"), knob("admin.token")]),
    section("[log]", [knob("log.level")]),
  ];
  return `${parts.join("\n\n")}\n`;
}

function section(head: string, knobs: readonly string[]): string {
  return `${head}\n${knobs.join("\n\n")}`;
}

/** Its words and its line. Throws when there is no such knob: that is our mistake, not a person's. */
function knob(path: string, value?: string): string {
  const found = findKnob(path.split("."));
  if (!("row" in found)) throw new Error(`Cannot write knob "${path}": there is no "${found.word}"`);
  const { row } = found;
  const name = path.slice(path.lastIndexOf(".") + 1);
  const shown = row.default === undefined ? row.example : writeToml(row.default);
  if (value === undefined && shown === undefined) throw new Error(`Cannot write knob "${path}": it has no example`);
  const line = value === undefined ? `#${name} = ${shown}` : `${name} = ${writeToml(value)}`;
  const otherwise = row.defaultText === undefined ? [] : [`Not set: ${row.defaultText}.`];
  return [...comment([`${row.doc}.`, row.more ?? "", ...otherwise].join(" ")), line].join("\n");
}

function orCommand(): string {
  const found = findKnob(["app", "command"]);
  const example = "row" in found ? found.row.example : undefined;
  return `#command = ${example ?? ""}`;
}

function comment(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "#";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = "#";
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
