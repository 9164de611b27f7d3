/**
 * Lets the program say goodbye: what it registered for SIGTERM is called once its last request is answered, as if the
 * signal had come then, and what it registered for `beforeExit` after that. Nothing says when such a handler is done
 * unless it returns a promise or ends the process, so a handler of SIGTERM that does neither gets a moment.
 */
import type { Clock } from "../../proxy/base/clock.ts";

export interface Farewell {
  /** `process`, or in a test something like it. */
  readonly process: { rawListeners(event: string): readonly unknown[] };
  readonly clock: Clock;
  /** Hears what the handlers throw. */
  failed(error: unknown): void;
}

/** For handlers that return nothing: they often end with process.exit in a callback. */
export const GRACE_MS = 1_000;

/** Resolves when the handlers are done, at the latest after `deadlineMs`. */
export async function sayGoodbye(farewell: Farewell, deadlineMs: number): Promise<void> {
  const until = farewell.clock.now() + deadlineMs;
  const left = (): number => Math.max(0, until - farewell.clock.now());
  const answers = callAll(farewell, "SIGTERM", "SIGTERM");
  await within(farewell, left(), settled(farewell, answers));
  const isSilent = answers.some((answer) => !(answer instanceof Promise));
  if (isSilent) await within(farewell, Math.min(GRACE_MS, left()), never);
  await within(farewell, left(), settled(farewell, callAll(farewell, "beforeExit", 0)));
}

const never = new Promise<void>(() => undefined);

function callAll({ process, failed }: Farewell, event: string, argument: unknown): unknown[] {
  return process.rawListeners(event).map((listen) => {
    try {
      return typeof listen === "function" ? (listen.call(process, argument) as unknown) : undefined;
    } catch (error) {
      return failed(error);
    }
  });
}

async function settled({ failed }: Farewell, answers: readonly unknown[]): Promise<void> {
  await Promise.all(answers.filter((answer) => answer instanceof Promise).map((answer) => answer.catch(failed)));
}

async function within({ clock }: Farewell, ms: number, done: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const timer = clock.after(ms, late.resolve);
  await Promise.race([done, late.promise]);
  timer.cancel();
}
