/**
 * Rules on what code may touch, each as a row: which globals and modules, and where they may be (style, rules 3, 4 and
 * 20). "signals" is the one that looks at an argument too.
 */
import ts from "typescript";
import { inProduct, inProxy, isHouse, isPure, roomOf } from "./rooms.ts";
import type { Import, Source } from "./source.ts";
import { lineOf, walk } from "./syntax.ts";
import type { Tree } from "./tree.ts";
import type { Use } from "./uses.ts";
import type { Violation } from "./violation.ts";

interface Reach {
  readonly rule: string;
  /** Where it is forbidden. */
  forbidden(path: string): boolean;
  /** "Bun.serve" is that member, "Bun" all of it; what is touched by type counts only where `types` says so. */
  readonly globals: readonly string[];
  readonly modules: readonly string[];
  readonly types?: true;
  /** How the sentence ends. */
  readonly instead: string;
}

const MOMENTS = ["Date.now", "Date()", "Temporal.Now", "performance", "setTimeout", "setInterval", "setImmediate"];
const CHANCE_AND_WORLD = [
  "Math.random",
  "crypto",
  "console",
  "process",
  "fetch",
  "WebSocket",
  "EventSource",
  "globalThis",
];

const REACHES: readonly Reach[] = [
  {
    rule: "sockets",
    forbidden: (path) => inProduct(path) && roomOf(path) !== "proxy/net",
    globals: ["Bun.listen", "Bun.connect", "Bun.serve", "Bun.udpSocket"],
    modules: ["net", "tls", "dgram", "http", "https", "http2"],
    instead: "sockets are touched in proxy/net only",
  },
  {
    rule: "exit",
    forbidden: (path) => isHouse(path) && path !== "src/main.ts",
    globals: ["process.exit", "process.reallyExit", "process.abort"],
    modules: [],
    instead: "src/main.ts is the only exit",
  },
  {
    rule: "ffi",
    forbidden: (path) => isHouse(path) && path !== "src/run/os.ts",
    globals: [],
    modules: ["bun:ffi"],
    instead: "the operating system is behind src/run/os.ts",
  },
  {
    rule: "handed in",
    forbidden: (path) => inProxy(path) && roomOf(path) !== "proxy/net",
    globals: [...MOMENTS, ...CHANCE_AND_WORLD],
    modules: ["timers", "timers/promises", "perf_hooks", "crypto", "process", "console"],
    instead: "time, chance, digests, log and network are handed in",
  },
  {
    rule: "pure",
    forbidden: isPure,
    globals: ["Bun", "Buffer", "Promise", "PromiseLike", "queueMicrotask", "require", "SharedArrayBuffer", "Worker"],
    modules: ["*"],
    types: true,
    instead: "this room is pure",
  },
];

/** All rows at once; which rule it was stands in each violation. */
export function reach({ sources }: Tree): Violation[] {
  return sources.flatMap((source) =>
    REACHES.filter((one) => one.forbidden(source.path)).flatMap((one) => reachOf(source, one)),
  );
}

/** Asynchrony has no name to look for, so the pure rooms are searched for its words. */
export function asynchrony({ sources }: Tree): Violation[] {
  return sources.filter(({ path }) => isPure(path)).flatMap(asyncWords);
}

/** Handlers of signals stand in one file; handlers of other events of the process may be anywhere. */
export function signals({ sources }: Tree): Violation[] {
  return sources
    .filter(({ path }) => isHouse(path) && path !== "src/run/signals.ts")
    .flatMap(({ path, uses }) => uses.filter(mayHandleSignal).map((use) => ({ path, line: use.line, use })))
    .map(({ path, line, use }) => ({ rule: "signals", path, line, what: `${use.name} may take a signal` }));
}

function reachOf({ path, uses, imports }: Source, { rule, globals, modules, types, instead }: Reach): Violation[] {
  const touched = uses.filter((use) => types === true || !use.typeOnly).filter((use) => touches(use, globals));
  const loaded = imports.filter((one) => types === true || !one.typeOnly).filter((one) => loads(one, modules));
  return [
    ...touched.map(({ name, line }) => ({ rule, path, line, what: `uses ${name}: ${instead}` })),
    ...loaded.map(({ specifier, line }) => ({ rule, path, line, what: `imports "${specifier}": ${instead}` })),
  ];
}

function touches(use: Use, globals: readonly string[]): boolean {
  const [object] = use.name.split(".", 1);
  if (globals.includes(use.name) || globals.includes(object as string)) return true;
  // The whole object as a value can become any member of it; `Date` alone only where a moment is asked of it.
  if (use.name === "Date") return globals.includes("Date()") && asksForNow(use.node);
  return !use.name.includes(".") && !use.typeOnly && globals.some((global) => global.startsWith(`${use.name}.`));
}

/** `Date()`, and `new Date()` without an argument. */
function asksForNow({ parent }: ts.Node): boolean {
  if (ts.isCallExpression(parent)) return true;
  return ts.isNewExpression(parent) && (parent.arguments ?? []).length === 0;
}

/** "*" is every module of the runtime's; "net" stands for "node:net" too. */
function loads({ specifier = "" }: Import, modules: readonly string[]): boolean {
  if (modules.includes("*") && /^(?:node:|bun:|bun$)/.test(specifier)) return true;
  return modules.includes(specifier) || modules.includes(specifier.replace(/^node:/, ""));
}

const HANDLER_SETTERS: readonly string[] = ["on", "once", "addListener", "prependListener", "prependOnceListener"];

/** With a text that names no signal it cannot; with a computed name, or handed on as a function, it may. */
function mayHandleSignal({ name, node }: Use): boolean {
  if (!HANDLER_SETTERS.some((setter) => name === `process.${setter}`)) return false;
  const { parent } = node;
  const event = ts.isCallExpression(parent) && parent.expression === node ? parent.arguments[0] : undefined;
  return event === undefined || !ts.isStringLiteralLike(event) || event.text.startsWith("SIG");
}

function asyncWords({ path, ast }: Source): Violation[] {
  const found: Violation[] = [];
  walk(ast, (node) => {
    const waits = node.kind === ts.SyntaxKind.AsyncKeyword || node.kind === ts.SyntaxKind.AwaitKeyword;
    if (!waits && !ts.isAwaitExpression(node)) return;
    found.push({ rule: "pure", path, line: lineOf(node), what: "waits: this room is pure" });
  });
  return found;
}
