/** What became of a command that was put to boxes, for people or for machines, a line or an object for each box. */
import { printProblems } from "../problem/print.ts";
import { Problem, type ProblemWire } from "../problem/problem.ts";

export type Outcome =
  | {
      readonly box: string;
      readonly ok: true;
      /** For people, behind the name of the box. */
      readonly said: string;
      /** For machines, beside `box` and `ok`. */
      readonly facts: Readonly<Record<string, unknown>>;
    }
  | { readonly box: string; readonly ok: false; readonly said: string; readonly problems: readonly ProblemWire[] };

interface Audience {
  readonly json: boolean;
  write(text: string): void;
}

/** Returns the exit code. */
export function tellOutcomes(outcomes: readonly Outcome[], audience: Audience): number {
  for (const outcome of outcomes) audience.write(audience.json ? jsonOf(outcome) : textOf(outcome));
  return outcomes.every(({ ok }) => ok) ? 0 : 1;
}

function jsonOf(outcome: Outcome): string {
  const { box, ok } = outcome;
  return `${JSON.stringify({ box, ok, ...(outcome.ok ? outcome.facts : { problems: outcome.problems }) })}\n`;
}

function textOf(outcome: Outcome): string {
  const line = `${outcome.box}: ${outcome.said}\n`;
  if (outcome.ok) return line;
  const problems = outcome.problems.map((problem) => Problem.fromWire(problem));
  return line + printProblems(problems, { colour: false });
}
