/** A number that a person gave to an option, checked before anything is started. */
import { Problem } from "../problem/problem.ts";

export interface Wanted {
  readonly command: string;
  readonly option: string;
  readonly min: number;
  readonly max: number;
}

/** Digits only. Throws CLI_BAD_OPTION. */
export function wholeNumber(text: string, { command, option, min, max }: Wanted): number {
  const number = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  throw new Problem("CLI_BAD_OPTION", {
    what: `Cannot take ${option} "${text}": wanted is a whole number from ${min} to ${max}`,
    fix: `See scale help ${command}`,
  });
}
