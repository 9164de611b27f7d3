/** `scale config --resolved`: every value of the configuration with where it comes from, secrets hidden. */
import type { RoleName } from "../config/config.ts";
import { load } from "../config/load.ts";
import { originText } from "../config/node.ts";
import { commonFlags, quickForm } from "../config/quick.ts";
import type { ResolvedValue } from "../config/resolve.ts";
import { printProblems } from "../problem/print.ts";

export interface ConfigWords {
  readonly file?: string;
  /** With a role all its flags count, and what only other boxes have may be missing. */
  readonly role?: RoleName;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly json: boolean;
  readonly colour: boolean;
  readonly folder: string;
  readonly env: { readonly [name: string]: string | undefined };
  write(text: string): void;
  /** For warnings. */
  warn(text: string): void;
}

/** Throws Problems when the configuration cannot be used. */
export async function runConfig(words: ConfigWords): Promise<number> {
  const { file, role, options = {}, folder, env } = words;
  const named = file === undefined ? {} : { file };
  const flags =
    role === undefined
      ? commonFlags(options)
      : quickForm(role, { entry: undefined, options: { ...options, ...(file === undefined ? {} : { config: file }) } });
  const { values, warnings } = await load({ ...named, flags, env, folder, ...(role === undefined ? {} : { role }) });
  if (words.json) words.write(`${JSON.stringify({ values: values.map(valueObject) })}\n`);
  else words.write(valueLines(values));
  if (warnings.length > 0 && !words.json) words.warn(printProblems(warnings, { colour: words.colour }));
  return 0;
}

function valueObject(value: ResolvedValue): object {
  const { from } = value.origin;
  return { path: value.path, value: value.shown, from, origin: originText(value.origin), hidden: value.hidden };
}

/** Longer values do not move the column of origins. */
const VALUE_WIDTH = 48;

function valueLines(values: readonly ResolvedValue[]): string {
  const names = Math.max(0, ...values.map(({ path }) => path.length));
  const texts = Math.min(VALUE_WIDTH, Math.max(0, ...values.map(({ shown }) => shown.length)));
  return values
    .map(({ path, shown, origin }) => `${path.padEnd(names)} = ${shown.padEnd(texts)}  ${originText(origin)}\n`)
    .join("");
}
