/** The options of `scale up` and `scale dev`, checked. */
import { Problem } from "../problem/problem.ts";
import type { UpWords } from "../up/up.ts";

const PORT_MAX = 65_535;
const TIERS = 4;

type Fixed = Pick<UpWords, "dev" | "version">;

export function upWords(app: string | undefined, options: Readonly<Record<string, unknown>>, fixed: Fixed): UpWords {
  const tier = wholeNumber("--tier", options["tier"], 1, TIERS);
  const port = wholeNumber("--port", options["port"], 0, PORT_MAX);
  const config = options["config"];
  return {
    ...fixed,
    ephemeral: options["ephemeral"] === true,
    json: options["json"] === true,
    ...(app === undefined ? {} : { app }),
    ...(tier === undefined ? {} : { tier }),
    ...(port === undefined ? {} : { port }),
    ...(typeof config === "string" ? { config } : {}),
  };
}

function wholeNumber(option: string, text: unknown, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (Number.isInteger(number) && number >= min && number <= max && String(text).trim() !== "") return number;
  throw new Problem("CLI_BAD_OPTION", {
    what: `Cannot take ${option} "${String(text)}": wanted is a whole number from ${min} to ${max}`,
    fix: "See scale up --help",
  });
}
