/**
 * What the program's own tsconfig.json says that changes how its files run: which JSX it is written in, and whether its
 * decorators are TypeScript's old ones. Not a checker of that file: what cannot be read says nothing, as when a program is
 * installed without the package that its tsconfig extends. `paths` are the runtime's own affair.
 */
import { readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";

export interface TsOptions {
  /** The tsconfig.json or jsconfig.json itself. */
  readonly file: string;
  /** The comment that makes a file's JSX mean what the options say; absent when they say what is usual. */
  readonly jsx?: string;
  readonly legacyDecorators: boolean;
  /** What it says altogether, without the paths, which it says in relation to itself. */
  readonly compilerOptions: Fields;
}

type Fields = Readonly<Record<string, unknown>>;

const NAMES = ["tsconfig.json", "jsconfig.json"];
const EXTENDS_DEPTH_MAX = 16;
/** What may stand in a comment: a package or a name with dots. */
const WORD = /^[\w@./$-]+$/;

/** The options of the nearest file above `entry`; `unreadable` hears why a part of them is missing. */
export function findTsOptions(entry: string, unreadable: (reason: string) => void): TsOptions | undefined {
  const file = nearest(dirname(entry));
  if (file === undefined) return undefined;
  const options = optionsOf(file, unreadable, 0);
  const jsx = jsxComment(options);
  return {
    file,
    ...(jsx === undefined ? {} : { jsx }),
    legacyDecorators: options["experimentalDecorators"] === true,
    compilerOptions: { ...options, paths: undefined, baseUrl: undefined },
  };
}

function nearest(home: string): string | undefined {
  for (let folder = home; ; folder = dirname(folder)) {
    const found = NAMES.map((name) => join(folder, name)).find(isFile);
    if (found !== undefined || folder === dirname(folder)) return found;
  }
}

/** compilerOptions, with those of the files that it extends below them. */
function optionsOf(file: string, unreadable: (reason: string) => void, depth: number): Fields {
  const content = read(file, unreadable);
  const bases = [content["extends"]].flat().filter((base) => typeof base === "string");
  let options: Fields = {};
  for (const base of depth < EXTENDS_DEPTH_MAX ? bases : []) {
    const found = findBase(base, dirname(file));
    if (found === undefined) unreadable(`"${file}" extends "${base}", which cannot be found`);
    else options = { ...options, ...optionsOf(found, unreadable, depth + 1) };
  }
  return { ...options, ...fieldsOf(content["compilerOptions"]) };
}

function read(file: string, unreadable: (reason: string) => void): Fields {
  try {
    return fieldsOf(Bun.JSONC.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    unreadable(`Cannot read "${file}": ${error.message}`);
    return {};
  }
}

function findBase(base: string, folder: string): string | undefined {
  const isPath = isAbsolute(base) || /^\.\.?(\/|$)/.test(base);
  const homes = isPath ? [folder] : packageFolders(folder);
  const endings = ["", ".json", "/tsconfig.json"];
  return homes.flatMap((home) => endings.map((ending) => resolve(home, base + ending))).find(isFile);
}

function packageFolders(folder: string): string[] {
  const own = join(folder, "node_modules");
  return folder === dirname(folder) ? [own] : [own, ...packageFolders(dirname(folder))];
}

function jsxComment(options: Fields): string | undefined {
  const word = (name: string): string | undefined => {
    const value = options[name];
    return typeof value === "string" && WORD.test(value) ? value : undefined;
  };
  const say = (pragma: string, value: string | undefined): string =>
    value === undefined ? "" : ` @${pragma} ${value}`;
  if (options["jsx"] === "react") {
    return `/** @jsxRuntime classic${say("jsx", word("jsxFactory"))}${say("jsxFrag", word("jsxFragmentFactory"))} */`;
  }
  const source = word("jsxImportSource");
  return source === undefined ? undefined : `/** @jsxRuntime automatic${say("jsxImportSource", source)} */`;
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
