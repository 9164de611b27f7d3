/**
 * `scale init [--template NAME] [folder]`: the files an app begins with: scale.toml, types for `import … from "scale"`, and
 * a program where there is none. Needs no network and runs nothing.
 * Invariant: a file that exists is kept, whatever it is; `--force` replaces only what `init` itself writes whole, and
 * never package.json or tsconfig.json.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";
import { scaleTypes } from "../app/scale-types.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { Problem } from "../problem/problem.ts";
import { configText } from "./init/config-text.ts";
import { findProgram, type Manifest, readManifest } from "../up/find-program.ts";
import { packageJson, PROGRAM_FILE, type TemplateName, templateNames, templates, TSCONFIG } from "./init/templates.ts";

export interface InitWords {
  /** Made when it is not there. */
  readonly folder: string;
  /** By what the folder depends on when absent, else "fetch". */
  readonly template?: string;
  readonly force: boolean;
  readonly json: boolean;
  write(text: string): void;
}

/** What `--json` prints. */
export interface InitResult {
  readonly folder: string;
  /** Absent when a scale.toml says it that was there before. */
  readonly entry?: string;
  /** Absent when the folder had a program. */
  readonly template?: TemplateName;
  readonly wrote: readonly string[];
  readonly kept: readonly string[];
  /** Commands that remain, in order. */
  readonly next: readonly string[];
}

const CONFIG_FILE = "scale.toml";
const TYPES_FILE = "scale.d.ts";

/** Throws a Problem: CLI_BAD_OPTION, CLI_INIT_FOLDER. */
export async function runInit(words: InitWords): Promise<number> {
  const folder = resolve(words.folder);
  const chosen = words.template === undefined ? undefined : templateNamed(words.template);
  makeFolder(folder);
  const manifest = readManifest(folder);
  const program = chosen === undefined ? programFor(folder, manifest, words.force) : newProgram(chosen);
  const wrote: string[] = [];
  const kept: string[] = [];
  for (const { name, text, replaceable } of filesFor(folder, program, manifest)) {
    const written = writeNew(join(folder, name), text, words.force && replaceable);
    (written ? wrote : kept).push(name);
  }
  const next = nextSteps(folder, program.template, manifest);
  const { entry, template } = program;
  const result = {
    folder,
    ...(entry && { entry }),
    ...(template && { template }),
    wrote,
    kept,
    next,
  } satisfies InitResult;
  words.write(words.json ? `${JSON.stringify(result)}\n` : report(result, program.by));
  return 0;
}

/** Where the program is, or which one is to be written. */
interface Program {
  readonly entry?: string;
  readonly template?: TemplateName;
  /** For a person. */
  readonly by: string;
}

function programFor(folder: string, manifest: Manifest | undefined, force: boolean): Program {
  const settled = existsSync(join(folder, CONFIG_FILE)) && !force;
  if (settled) return { by: `as its ${CONFIG_FILE} says` };
  const found = findProgram(folder, manifest);
  if (found !== undefined) return { entry: found.entry, by: `${found.entry}, found by ${found.by}` };
  return newProgram(templateNames.find((name) => manifest?.dependencies.has(name)) ?? "fetch");
}

function newProgram(template: TemplateName): Program {
  return { entry: `./${PROGRAM_FILE}`, template, by: templates[template].title };
}

interface NewFile {
  readonly name: string;
  readonly text: string;
  /** `--force` may write over it. */
  readonly replaceable: boolean;
}

function filesFor(folder: string, { entry, template }: Program, manifest: Manifest | undefined): readonly NewFile[] {
  const files: NewFile[] = [
    { name: CONFIG_FILE, text: configText(entry ?? `./${PROGRAM_FILE}`), replaceable: true },
    { name: TYPES_FILE, text: scaleTypes, replaceable: true },
  ];
  if (template === undefined) return files;
  files.push({ name: PROGRAM_FILE, text: templates[template].program, replaceable: true });
  files.push({ name: "tsconfig.json", text: TSCONFIG, replaceable: false });
  if (manifest === undefined) {
    files.push({ name: "package.json", text: packageJson(basename(folder), templates[template]), replaceable: false });
  }
  return files;
}

function templateNamed(word: string): TemplateName {
  const name = templateNames.find((one) => one === word);
  if (name !== undefined) return name;
  const near = didYouMean(word, templateNames);
  throw new Problem("CLI_BAD_OPTION", {
    what: `Cannot begin with template "${word}": the templates are ${templateNames.join(", ")}`,
    ...(near === undefined ? {} : { fix: `Did you mean --template ${near}?` }),
  });
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

/** False when there is something of that name, be it a broken link. */
function writeNew(path: string, text: string, replace: boolean): boolean {
  try {
    writeFileSync(path, text, { flag: replace ? "w" : "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw cannotWrite(path, error);
  }
}

function cannotWrite(path: string, error: unknown): Problem {
  return new Problem("CLI_INIT_FOLDER", {
    what: `Cannot write "${path}"`,
    why: error instanceof Error ? error.message : String(error),
    fix: "Name a folder that you may write to: scale init FOLDER",
  });
}

function nextSteps(
  folder: string,
  template: TemplateName | undefined,
  manifest: Manifest | undefined,
): readonly string[] {
  const from = relative(process.cwd(), folder);
  const missing = Object.keys(template === undefined ? {} : templates[template].dependencies);
  const install = missing.filter((name) => manifest?.dependencies.has(name) !== true);
  const bare = manifest !== undefined && manifest.dependencies.size > 0 && !existsSync(join(folder, "node_modules"));
  return [
    ...(from === "" ? [] : [`cd ${quoted(from)}`]),
    ...(install.length > 0 || bare ? [["npm install", ...install].join(" ")] : []),
    "scale up",
  ];
}

/** As a shell takes it. */
function quoted(path: string): string {
  return /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}

function report({ folder, wrote, kept, next }: InitResult, by: string): string {
  return [
    `${folder}: ${by}`,
    ...wrote.map((name) => `  ✓ wrote ${name}`),
    ...kept.map((name) => `  · kept  ${name}`),
    "",
    `Next: ${next.join(" && ")}`,
    "",
  ].join("\n");
}
