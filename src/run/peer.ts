/**
 * One end of the talk between the keeper and a child. Four verbs, never on the path of one request:
 * `push` (state, whole) and `report` (something seen) expect no answer, `gather` (a question) and `command` do.
 * It knows nothing of processes: letters go out by `send` and come in by `receive`.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import { asProblem, Problem, type ProblemWire } from "../problem/problem.ts";

export type Verb = "push" | "report" | "gather" | "command";

export type Letter = Call | Reply;

interface Call {
  readonly verb: Verb;
  readonly name: string;
  readonly value: unknown;
  /** There when an answer is expected. */
  readonly id?: number;
}

interface Reply {
  readonly answer: number;
  readonly value?: unknown;
  readonly problem?: ProblemWire;
}

export interface PeerSeams {
  readonly clock: Clock;
  send(letter: Letter): void;
  /** What to do with a letter from the other end; what it returns (or rejects with) is the answer. */
  handle(verb: Verb, name: string, value: unknown): unknown;
}

interface Question {
  resolve(value: unknown): void;
  reject(problem: Error): void;
  readonly timer: Timer;
}

export class Peer {
  readonly #seams: PeerSeams;
  readonly #open = new Map<number, Question>();
  #lastId = 0;
  #gone: Problem | undefined;

  constructor(seams: PeerSeams) {
    this.#seams = seams;
  }

  /** Without an answer. Nothing happens when the other end is gone. */
  tell(verb: "push" | "report", name: string, value: unknown): void {
    if (this.#gone === undefined) this.#seams.send({ verb, name, value });
  }

  /** Rejects with what the other end rejects with, after `timeoutMs`, or when it is gone. */
  ask(verb: "gather" | "command", name: string, value: unknown, timeoutMs: number): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      const timer = this.#seams.clock.after(timeoutMs, () => {
        this.#open.delete(id);
        reject(
          new Problem("RUN_NO_ANSWER", {
            what: `Cannot ${verb} "${name}": no answer from the other process within ${timeoutMs} ms`,
          }),
        );
      });
      this.#open.set(id, { resolve, reject, timer });
      this.#seams.send({ verb, name, value, id });
    });
  }

  receive(letter: Letter): void {
    if ("answer" in letter) this.#settle(letter);
    else if (letter.id === undefined) this.#seams.handle(letter.verb, letter.name, letter.value);
    else void this.#answer(letter.id, letter);
  }

  /** The other end died: whoever still waits for it is told why. */
  lost(problem: Problem): void {
    this.#gone = problem;
    for (const question of this.#open.values()) {
      question.timer.cancel();
      question.reject(problem);
    }
    this.#open.clear();
  }

  #settle(letter: Reply): void {
    const question = this.#open.get(letter.answer);
    if (question === undefined) return;
    this.#open.delete(letter.answer);
    question.timer.cancel();
    if (letter.problem === undefined) question.resolve(letter.value);
    else question.reject(Problem.fromWire(letter.problem));
  }

  async #answer(id: number, letter: Call): Promise<void> {
    let reply: Reply;
    try {
      reply = { answer: id, value: await this.#seams.handle(letter.verb, letter.name, letter.value) };
    } catch (error) {
      reply = { answer: id, problem: asProblem(error).toJSON() };
    }
    if (this.#gone === undefined) this.#seams.send(reply);
  }
}
