/**
 * The rooms of the house and the floors they stand on (style, rules 1 to 3). A room is a folder right below `src` or
 * `proxy`, or a single file there.
 */

/** Imports point down. Rooms on one floor do not know each other, but for those of `src`. */
const FLOORS: { readonly [room: string]: number } = {
  "proxy/base": 0,
  "proxy/net": 1,
  "proxy/pg": 1,
  "proxy/http": 1,
  "proxy/sql": 1,
  "proxy/upstream": 1,
  "proxy/pgconn": 2,
  "proxy/cluster": 3,
  // The contract of the roles: it names what they are given, from any floor below them.
  "proxy/role.ts": 3.5,
  "proxy/lb": 4,
  "proxy/pool": 4,
  "proxy/router": 4,
};

export const SRC_FLOOR = 5;

/** No Bun, no node:*, no promise, no timer, no clock, no random, no digest, no log. */
const PURE: readonly string[] = ["proxy/base", "proxy/pg", "proxy/http", "proxy/sql", "proxy/upstream"];

export const ROLES: readonly string[] = ["proxy/lb", "proxy/pool", "proxy/router", "src/app"];

/** "proxy/pg" for "proxy/pg/framer.ts", "src/main.ts" for itself, "test/kit" for what is in it, "build.ts" for itself. */
export function roomOf(path: string): string {
  return path.split("/", 2).join("/");
}

/** Undefined for what is neither in `src` nor in a room of `proxy` that the table knows. */
export function floorOf(room: string): number | undefined {
  if (room.startsWith("src/")) return SRC_FLOOR;
  return Object.hasOwn(FLOORS, room) ? FLOORS[room] : undefined;
}

export function isPure(path: string): boolean {
  return PURE.includes(roomOf(path));
}

export function inProxy(path: string): boolean {
  return path.startsWith("proxy/");
}

/** What the executable is made of. */
export function inProduct(path: string): boolean {
  return path.startsWith("proxy/") || path.startsWith("src/");
}

/** What all rules but the sizes look at; tests may name and build things as they need. */
export function isHouse(path: string): boolean {
  return inProduct(path) || path === "build.ts" || path.startsWith("test/kit/") || path.startsWith("test/tidy/");
}
