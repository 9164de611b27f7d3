/**
 * Rule "cycles": no room needs a room that needs it, types included; and no file is loaded by what it loads, where types
 * do not count, because they are gone by then.
 */
import { targetOf } from "./layers.ts";
import { inProduct, roomOf } from "./rooms.ts";
import type { Source } from "./source.ts";
import type { Tree } from "./tree.ts";
import type { Violation } from "./violation.ts";

/** Node → the nodes it leads to, each with a place that shows it. */
type Graph = Map<string, Map<string, Place>>;

interface Place {
  readonly path: string;
  readonly line: number;
}

export function cycles({ sources }: Tree): Violation[] {
  const product = sources.filter(({ path }) => inProduct(path));
  const known = new Set(sources.map(({ path }) => path));
  const rooms = graphOf(product, known, { name: roomOf, types: true });
  const files = graphOf(sources, known, { name: (path) => path, types: false });
  return [...cyclesOf(rooms, "rooms"), ...cyclesOf(files, "files")];
}

function graphOf(
  sources: readonly Source[],
  known: ReadonlySet<string>,
  by: { readonly name: (path: string) => string; readonly types: boolean },
): Graph {
  const graph: Graph = new Map();
  for (const { path, imports } of sources) {
    const edges = graph.get(by.name(path)) ?? new Map<string, Place>();
    graph.set(by.name(path), edges);
    for (const one of imports) {
      const target = resolve(targetOf(path, one), known);
      if (target === undefined || one.addressOnly || (one.typeOnly && !by.types)) continue;
      const to = by.name(target);
      if (to !== by.name(path) && !edges.has(to)) edges.set(to, { path, line: one.line });
    }
  }
  return graph;
}

function resolve(target: string | undefined, known: ReadonlySet<string>): string | undefined {
  if (target === undefined) return undefined;
  return [target, `${target}.ts`, `${target}/index.ts`].find((path) => known.has(path));
}

/** For each knot of nodes that reach each other, its shortest cycle through the first of them. */
function cyclesOf(graph: Graph, kind: string): Violation[] {
  const told = new Set<string>();
  const violations: Violation[] = [];
  for (const start of [...graph.keys()].sort()) {
    const cycle = told.has(start) ? undefined : shortestCycle(graph, start);
    if (cycle === undefined) continue;
    for (const node of knotOf(graph, start)) told.add(node);
    const steps = cycle.map(({ to, place }) => `${to} (${place.path}:${place.line})`);
    const { path, line } = (cycle[0] as Step).place;
    violations.push({ rule: "cycles", path, line, what: `${kind} in a circle: ${start} → ${steps.join(" → ")}` });
  }
  return violations;
}

interface Step {
  readonly to: string;
  readonly place: Place;
}

function shortestCycle(graph: Graph, start: string): readonly Step[] | undefined {
  const ways: { readonly at: string; readonly steps: readonly Step[] }[] = [{ at: start, steps: [] }];
  const seen = new Set<string>();
  for (const { at, steps } of ways) {
    for (const [to, place] of graph.get(at) ?? []) {
      const longer = [...steps, { to, place }];
      if (to === start) return longer;
      if (!seen.has(to)) ways.push({ at: to, steps: longer });
      seen.add(to);
    }
  }
  return undefined;
}

/** All that `start` reaches and that reach it. */
function knotOf(graph: Graph, start: string): string[] {
  return [...reach(graph, start)].filter((node) => reach(graph, node).has(start));
}

function reach(graph: Graph, start: string): Set<string> {
  const reached = new Set([start]);
  for (const node of reached) for (const to of graph.get(node)?.keys() ?? []) reached.add(to);
  return reached;
}
