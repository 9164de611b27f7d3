/** Rules "layers" and "packages": who may import whom (style, rules 1 and 2), types included. */
import { dirname, join } from "node:path/posix";
import { floorOf, inProduct, inProxy, roomOf, SRC_FLOOR } from "./rooms.ts";
import type { Import, Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

const BUILT_IN = /^(?:node:|bun:|bun$)/;

/** Imports point down, and rooms on one floor of `proxy` do not know each other. */
export function layers({ sources }: Tree): Violation[] {
  return sources
    .filter(({ path }) => inProduct(path))
    .flatMap((source) => [...unknownRoom(source), ...perImport(source, "layers", layerFault)]);
}

/** The byte path has no dependency, not even by its types. */
export function packages({ sources }: Tree): Violation[] {
  return sources.filter(({ path }) => inProxy(path)).flatMap((source) => perImport(source, "packages", packageFault));
}

/** The path that a relative import names, from the root of the tree; undefined for packages and what is computed. */
export function targetOf(path: string, { specifier }: Import): string | undefined {
  if (specifier === undefined || !/^\.{1,2}(?:\/|$)/.test(specifier)) return undefined;
  return join(dirname(path), specifier.replace(/[?#].*$/, ""));
}

function unknownRoom({ path }: Source): Violation[] {
  if (floorOf(roomOf(path)) !== undefined) return [];
  return [{ rule: "layers", path, line: 1, what: `${roomOf(path)} is no room: give it a floor in test/tidy/rooms.ts` }];
}

function perImport(
  { path, imports }: Source,
  rule: string,
  faultOf: (path: string, one: Import) => string | undefined,
): Violation[] {
  return imports.flatMap((one) => {
    const what = faultOf(path, one);
    return what === undefined ? [] : [{ rule, path, line: one.line, what }];
  });
}

function layerFault(path: string, one: Import): string | undefined {
  const target = targetOf(path, one);
  if (target === undefined)
    return one.specifier === undefined && inProxy(path) ? "imports what is computed" : undefined;
  if (target.startsWith("test/") || target === "build.ts")
    return `imports ${target}: the product does not know its tools`;
  const [from, to] = [roomOf(path), roomOf(target)];
  const [fromFloor, toFloor] = [floorOf(from), floorOf(to)];
  if (from === to || fromFloor === undefined || toFloor === undefined) return undefined;
  if (toFloor > fromFloor) return `imports ${target}: ${to} is above ${from}`;
  if (toFloor === fromFloor && fromFloor !== SRC_FLOOR) return `imports ${target}: ${to} is on the floor of ${from}`;
  return undefined;
}

function packageFault(path: string, one: Import): string | undefined {
  const { specifier } = one;
  if (specifier === undefined || targetOf(path, one) !== undefined || BUILT_IN.test(specifier)) return undefined;
  return `imports "${specifier}": proxy has no dependency`;
}
