/**
 * `require` of a package finds the file that Node would take. Bun prefers the `bun` condition of a package's `exports`,
 * which for some packages is an ES module: `require("postgres")` would then be a namespace and no function. Only the
 * bare name of a package is looked at; what has no such condition is left to the runtime.
 */
import { readFileSync } from "node:fs";
import Module from "node:module";
import { join } from "node:path";

type Resolve = (request: string, ...more: unknown[]) => string;

/** The bare name of a package, without a path inside it. */
const PACKAGE = /^(?:@[\w.~-]+\/)?[A-Za-z0-9][\w.~-]*$/;

let installed = false;

/** Once for the process; harmless to call again. */
export function requireAsNode(): void {
  if (installed) return;
  installed = true;
  const loader = Module as unknown as { _resolveFilename: Resolve };
  const original = loader._resolveFilename;
  const known = new Map<string, string>();
  loader._resolveFilename = function (this: unknown, request, ...more) {
    const path = Reflect.apply(original, this, [request, ...more]) as string;
    if (!PACKAGE.test(request)) return path;
    const before = known.get(path);
    if (before !== undefined) return before;
    const found = commonJsOf(request, path) ?? path;
    known.set(path, found);
    return found;
  };
}

/** The file that a `require` of the package finds under Node, when its `bun` condition hides it. */
function commonJsOf(request: string, path: string): string | undefined {
  const mark = `/node_modules/${request}/`;
  const at = path.lastIndexOf(mark);
  if (at === -1) return undefined;
  const folder = path.slice(0, at + mark.length);
  const { exports } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { exports?: unknown };
  if (!isRecord(exports)) return undefined;
  const root = isRecord(exports["."]) ? exports["."] : exports;
  const file = [root["require"], root["node"], root["default"]].find((one) => typeof one === "string");
  return typeof root["bun"] === "string" && typeof file === "string" ? join(folder, file) : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
