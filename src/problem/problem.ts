/**
 * What a person is told when something cannot be done: what, where, why, how to fix it, under a stable code that
 * `scale explain CODE` documents. Not for conversations of clients and servers: those end in a `Fault` (proxy/base).
 */
import type { ProblemCode } from "./codes.ts";

export interface Place {
  readonly file: string;
  /** 1-based; absent when the whole file is meant. */
  readonly line?: number;
  readonly column?: number;
  /** How many characters to underline; 1 when absent. */
  readonly width?: number;
  /** The text of that line, for the caret. */
  readonly text?: string;
  /** Where in `text` the caret stands, from 1, when it is not `column`: parts of the line are hidden. */
  readonly caret?: number;
}

export interface ProblemParts {
  /** `Cannot <verb> <thing>: <what is>`, no full stop. */
  readonly what: string;
  readonly where?: Place;
  /** A sentence or two on the reason, when `what` does not say it all. */
  readonly why?: string;
  /** What to do next, as an instruction. */
  readonly fix?: string;
  readonly severity?: "error" | "warning";
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly parts: ProblemParts;

  constructor(code: ProblemCode, parts: ProblemParts) {
    super(parts.what);
    this.name = "Problem";
    this.code = code;
    this.parts = parts;
  }

  /** For the way between processes and for `--json`; `fromWire` is its inverse. */
  toJSON(): ProblemWire {
    return { code: this.code, ...this.parts };
  }

  static fromWire(wire: ProblemWire): Problem {
    const { code, ...parts } = wire;
    return new Problem(code, parts);
  }
}

export type ProblemWire = ProblemParts & { readonly code: ProblemCode };

/** Several problems at once, as `scale check` finds them. */
export class Problems extends Error {
  readonly list: readonly Problem[];

  constructor(list: readonly Problem[]) {
    super(list.map((problem) => `${problem.code}: ${problem.message}`).join("\n"));
    this.name = "Problems";
    this.list = list;
  }
}

/** Anything thrown, as something a person can be told. */
export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  const what = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? error.stack : undefined;
  return new Problem("RUN_UNEXPECTED", { what, ...(stack === undefined ? {} : { why: stack }) });
}

/** The same, when it may be several at once. */
export function problemsOf(error: unknown): readonly Problem[] {
  return error instanceof Problems ? error.list : [asProblem(error)];
}
