/** Rule "doors" (style, rule 5): a room that has the face of a role has every door of a role. */
import { ROLES } from "./rooms.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

const DOORS: readonly string[] = ["options.ts", "metrics.ts", "client.ts", "README.md"];

export function doors({ paths }: Tree): Violation[] {
  return ROLES.flatMap((room) => {
    const face = `${room}/${room.split("/").at(-1)}.ts`;
    if (!paths.includes(face)) return [];
    const missing = DOORS.filter((door) => !paths.includes(`${room}/${door}`));
    return missing.map((door) => ({ rule: "doors", path: face, line: 1, what: `the role has no ${door}` }));
  });
}
