/** The tasks of one turn. Whoever owns the loop calls `run` when the turn's reads are done. */
import type { Turn, TurnTask } from "./stream.ts";

export class TurnList implements Turn {
  #tasks: TurnTask[] = [];
  #spare: TurnTask[] = [];

  later(task: TurnTask): void {
    this.#tasks.push(task);
  }

  get empty(): boolean {
    return this.#tasks.length === 0;
  }

  /** Tasks that others bring about while it runs run too. */
  run(): void {
    while (this.#tasks.length > 0) {
      const tasks = this.#tasks;
      this.#tasks = this.#spare;
      for (const task of tasks) task.turn();
      tasks.length = 0;
      this.#spare = tasks;
    }
  }
}
