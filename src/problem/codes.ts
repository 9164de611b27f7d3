/**
 * Every code a person can meet, with the page that `scale explain CODE` shows. A code is forever: it may get a better
 * page, never another meaning. Each room's codes stand in a file of its own.
 */
import { appCodes } from "./codes-app.ts";
import { cliCodes } from "./codes-cli.ts";
import { configCodes } from "./codes-config.ts";
import { poolCodes } from "./codes-pool.ts";
import { runCodes } from "./codes-run.ts";
import { upCodes } from "./codes-up.ts";

export interface CodePage {
  /** One line: what happened. */
  readonly title: string;
  /** Why it happens and why it is an error at all; plain sentences. */
  readonly why: string;
  /** What to do. */
  readonly fix: string;
  /** The process's exit code when this ends it: 1 failed, 2 bad configuration or usage. */
  readonly exit: 1 | 2;
}

export const codes = { ...appCodes, ...cliCodes, ...configCodes, ...poolCodes, ...runCodes, ...upCodes } as const;

export type ProblemCode = keyof typeof codes;
