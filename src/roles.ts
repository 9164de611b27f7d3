/**
 * The roles, by name. A role is loaded only in a process that is one, so that no command pays for what it does not use.
 */
import type { Role } from "./config/role.ts";
import { Problem } from "./problem/problem.ts";

/** Only those that are built; `src/config/not-built.ts` refuses the others before anyone gets here. */
export async function loadRole(name: string): Promise<Role> {
  if (name === "app") {
    const { role } = await import("./app/app.ts");
    return role;
  }
  throw new Problem("CONFIG_NOT_BUILT", { what: `Cannot be a "${name}": this build has no such role yet` });
}
