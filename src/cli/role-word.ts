/** The word behind --role. */
import { type RoleName, roleNames } from "../config/config.ts";
import { didYouMean } from "../config/did-you-mean.ts";
import { Problem } from "../problem/problem.ts";

/** Throws CLI_UNKNOWN_ROLE. */
export function roleOf(word: unknown): RoleName {
  const role = roleNames.find((name) => name === word);
  if (role !== undefined) return role;
  const near = didYouMean(String(word), roleNames);
  throw new Problem("CLI_UNKNOWN_ROLE", {
    what: `Cannot be role "${String(word)}": the roles are ${roleNames.join(", ")}`,
    ...(near === undefined ? {} : { fix: `Did you mean --role ${near}?` }),
  });
}
