/** What a rule has found, how it reads, and the exceptions that the test grants. */

export interface Violation {
  readonly rule: string;
  readonly path: string;
  readonly line: number;
  readonly what: string;
}

/** A row of the test's table. */
export interface Exception {
  readonly rule: string;
  /** A file, or a folder with "/" at its end. */
  readonly path: string;
  /** Only what says this; else all that this rule finds there. */
  readonly what?: string;
  readonly reason: string;
}

export function show({ path, line, rule, what }: Violation): string {
  return `${path}:${line} [${rule}] ${what}`;
}

/** The violations that no row excepts, and the rows that except nothing. */
export function except(
  violations: readonly Violation[],
  exceptions: readonly Exception[],
): { readonly standing: readonly Violation[]; readonly idle: readonly Exception[] } {
  return {
    standing: violations.filter((violation) => !exceptions.some((exception) => covers(exception, violation))),
    idle: exceptions.filter((exception) => !violations.some((violation) => covers(exception, violation))),
  };
}

function covers(exception: Exception, violation: Violation): boolean {
  if (exception.rule !== violation.rule) return false;
  if (exception.what !== undefined && !violation.what.includes(exception.what)) return false;
  return exception.path.endsWith("/") ? violation.path.startsWith(exception.path) : violation.path === exception.path;
}
