/**
 * Problems for people (place, line with caret, reason, fix, code) and for machines (JSON). Returns text; writing it is the
 * caller's. Invariant: adds nothing that was not in the problems, so what is hidden there stays hidden.
 */
import { codes } from "./codes.ts";
import type { Place, Problem, ProblemWire } from "./problem.ts";

export interface PrintOptions {
  readonly colour: boolean;
}

/** A longer line is shown around the caret only. */
export const EXCERPT_WIDTH = 120;

/** One line that counts them comes last when there is more than one. */
export function printProblems(problems: readonly Problem[], { colour }: PrintOptions): string {
  const paint = colour ? coloured : plain;
  const blocks = problems.map((problem) => printProblem(problem, paint));
  if (problems.length > 1) blocks.push(`${countProblems(problems)}\n`);
  return blocks.join("\n");
}

/** `{"ok":…,"errors":…,"warnings":…,"problems":[…]}` on one line. */
export function problemsJson(problems: readonly Problem[]): string {
  return `${JSON.stringify(problemsObject(problems))}\n`;
}

export interface ProblemsObject {
  readonly ok: boolean;
  readonly errors: number;
  readonly warnings: number;
  readonly problems: readonly (ProblemWire & { readonly severity: "error" | "warning"; readonly title: string })[];
}

export function problemsObject(problems: readonly Problem[]): ProblemsObject {
  const warnings = problems.filter(isWarning).length;
  return {
    ok: warnings === problems.length,
    errors: problems.length - warnings,
    warnings,
    problems: problems.map((problem) => ({
      ...problem.toJSON(),
      severity: problem.parts.severity ?? "error",
      title: codes[problem.code].title,
    })),
  };
}

/** "2 errors, 1 warning". */
export function countProblems(problems: readonly Problem[]): string {
  const warnings = problems.filter(isWarning).length;
  const errors = problems.length - warnings;
  return `${errors} ${errors === 1 ? "error" : "errors"}, ${warnings} ${warnings === 1 ? "warning" : "warnings"}`;
}

export function isWarning(problem: Problem): boolean {
  return problem.parts.severity === "warning";
}

interface Paint {
  readonly error: (text: string) => string;
  readonly warning: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

const same = (text: string): string => text;
const plain: Paint = { error: same, warning: same, strong: same, faint: same };
const sgr = (open: number, close: number) => (text: string) => `\u001b[${open}m${text}\u001b[${close}m`;
const coloured: Paint = { error: sgr(31, 39), warning: sgr(33, 39), strong: sgr(1, 22), faint: sgr(2, 22) };

function printProblem(problem: Problem, paint: Paint): string {
  const { where, why, fix } = problem.parts;
  const severity = isWarning(problem) ? paint.warning("warning") : paint.error("error");
  const place = where === undefined ? "" : `${paint.strong(printPlace(where))}  `;
  const lines = [`${place}${severity}  ${printable(problem.message)}  ${paint.faint(`[${problem.code}]`)}`];
  if (where?.text !== undefined) lines.push(...excerpt(where, where.text, paint));
  if (why !== undefined) lines.push(...why.split("\n").map((line) => `  ${printable(line)}`));
  const more = paint.faint(`More: scale explain ${problem.code}`);
  lines.push(fix === undefined ? `  ${more}` : `  Fix: ${printable(fix)}   ${more}`);
  return `${lines.join("\n")}\n`;
}

function printPlace({ file, line, column }: Place): string {
  return [file, line, column].filter((part) => part !== undefined).join(":");
}

function excerpt(place: Place, text: string, paint: Paint): string[] {
  const number = String(place.line ?? "").padStart(4);
  const column = Math.max(1, place.caret ?? place.column ?? 1);
  const start =
    text.length <= EXCERPT_WIDTH ? 0 : Math.max(0, Math.min(column - EXCERPT_WIDTH / 2, text.length - EXCERPT_WIDTH));
  const part = printable(text.slice(start, start + EXCERPT_WIDTH));
  const [left, right] = [start > 0 ? "…" : "", start + EXCERPT_WIDTH < text.length ? "…" : ""];
  const before = part.slice(0, column - 1 - start).replace(/[^\t]/g, " ");
  const width = Math.max(1, Math.min(place.width ?? 1, EXCERPT_WIDTH - before.length));
  const bar = paint.faint("|");
  return [
    `${number} ${bar} ${left}${part}${right}`,
    `     ${bar} ${left && " "}${before}${paint.error("^".repeat(width))}`,
  ];
}

/** Without signs that would move the cursor or colour the terminal. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\uFFFD");
}
