/**
 * Sees when the program fails outside any request of ours: an exception nobody caught, a rejection nobody handled, an
 * exit nobody asked for. A program that listens for the first two itself has decided what they mean, as in Node.
 */
import { basename } from "node:path";
import { Problem } from "../problem/problem.ts";
import { placeOf, problemOf, userFrames } from "./trace.ts";

export interface GuardParts {
  readonly entry: string;
  /** `process`, or in a test something like it. */
  readonly process: Emitter;
  failed(problem: Problem): void;
  /** The process is gone when this returns. */
  exited(problem: Problem): void;
}

export interface Emitter {
  prependListener(event: string, listen: (...args: never[]) => void): unknown;
  off(event: string, listen: (...args: never[]) => void): unknown;
  emit(event: string, ...args: unknown[]): boolean;
  listenerCount(event: string): number;
}

export class Guard {
  readonly #parts: GuardParts;
  #leaving = false;

  constructor(parts: GuardParts) {
    this.#parts = parts;
  }

  install(): void {
    const { process } = this.#parts;
    process.prependListener("uncaughtException", this.#onException);
    process.prependListener("unhandledRejection", this.#onRejection);
    process.prependListener("exit", this.#onExit);
  }

  remove(): void {
    const { process } = this.#parts;
    process.off("uncaughtException", this.#onException);
    process.off("unhandledRejection", this.#onRejection);
    process.off("exit", this.#onExit);
  }

  /** From here on the program may end itself. */
  leave(): void {
    this.#leaving = true;
  }

  readonly #onException = (thrown: unknown): void => {
    if (!this.#hasOthers("uncaughtException")) this.#crashed(thrown, "an error that nobody caught");
  };

  readonly #onRejection = (reason: unknown): void => {
    if (this.#hasOthers("unhandledRejection")) return;
    if (this.#hasOthers("uncaughtException"))
      this.#parts.process.emit("uncaughtException", reason, "unhandledRejection");
    else this.#crashed(reason, "a rejected promise that nobody handled");
  };

  /** Where we end the process ourselves we have left before. An exit in tail position leaves no frame of its function. */
  readonly #onExit = (code: number): void => {
    if (this.#leaving) return;
    this.#leaving = true;
    const [frame] = userFrames(new Error("exit").stack);
    this.#parts.exited(
      new Problem("APP_EXITED", {
        what: `Cannot go on with "${basename(this.#parts.entry)}": it ended itself with exit code ${code}`,
        where: frame === undefined ? { file: this.#parts.entry } : placeOf(frame),
        fix: "Find out why it calls exit here; only a handler of SIGTERM should",
      }),
    );
  };

  #hasOthers(event: string): boolean {
    return this.#parts.process.listenerCount(event) > 1;
  }

  #crashed(thrown: unknown, what: string): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const title = `Cannot go on with "${basename(this.#parts.entry)}" after ${what}`;
    this.#parts.failed(problemOf(thrown, { code: "APP_CRASHED", what: title, file: this.#parts.entry }));
  }
}
