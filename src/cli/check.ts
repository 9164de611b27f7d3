/**
 * `scale check [FILE]`: all that is wrong with a file, at once; with --live also with the world it describes. Prints, and
 * returns the exit code: 2 when there is an error, 0 when there are warnings at most.
 */
import { type Config, roleNames } from "../config/config.ts";
import { type Loaded, load } from "../config/load.ts";
import { isWarning, printProblems, problemsObject } from "../problem/print.ts";
import { type Problem, Problems } from "../problem/problem.ts";

export interface CheckWords {
  readonly file: string;
  readonly json: boolean;
  /** Look at ports and servers too. */
  readonly live: boolean;
  readonly colour: boolean;
  readonly folder: string;
  readonly env: { readonly [name: string]: string | undefined };
  write(text: string): void;
}

export async function runCheck(words: CheckWords): Promise<number> {
  const { problems, loaded } = await lookAt(words);
  const failed = problems.some((problem) => !isWarning(problem));
  const summary = loaded === undefined ? undefined : summaryOf(loaded.config);
  if (words.json) {
    words.write(
      `${JSON.stringify({ file: words.file, ...problemsObject(problems), ...(summary === undefined ? {} : { summary }) })}\n`,
    );
    return failed ? 2 : 0;
  }
  if (problems.length > 0) words.write(printProblems(problems, { colour: words.colour }));
  if (summary !== undefined && !failed)
    words.write(`${problems.length > 0 ? "\n" : ""}${words.file} has no errors. ${summary}\n`);
  return failed ? 2 : 0;
}

interface Look {
  readonly problems: readonly Problem[];
  readonly loaded?: Loaded;
}

async function lookAt({ file, live, folder, env }: CheckWords): Promise<Look> {
  try {
    const loaded = await load({ file, flags: [], env, folder, strict: true });
    if (!live) return { problems: loaded.warnings, loaded };
    const { checkLive } = await import("../config/live.ts");
    return { problems: [...loaded.warnings, ...(await checkLive(loaded))], loaded };
  } catch (error) {
    if (error instanceof Problems) return { problems: error.list };
    throw error;
  }
}

/** "It describes app (./server.ts on 127.0.0.1:3000) and 1 postgres." */
function summaryOf(config: Config): string {
  const roles = roleNames
    .filter((role) => config[role] !== undefined)
    .map((role) => `${role} (${listens(config, role)})`);
  const stores = (["postgres", "redis", "queue"] as const)
    .map((kind) => ({ kind, count: Object.keys(config[kind]).length }))
    .filter(({ count }) => count > 0)
    .map(({ kind, count }) => `${count} ${kind}`);
  const duties = (["edge", "autoscale"] as const).filter((duty) => config[duty] !== undefined);
  return `It describes ${[...roles, ...duties, ...stores].join(", ")}.`;
}

function listens(config: Config, role: (typeof roleNames)[number]): string {
  if (role === "app") return config.app?.listen ?? "";
  if (role === "lb") return (config.lb?.listen ?? []).map(({ address }) => address).join(", ");
  return (config[role]?.listen ?? []).join(", ");
}
