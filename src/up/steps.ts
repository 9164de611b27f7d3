/**
 * What `up` says while it works: a line a step, with a tick and the time it took, or one JSON event a line. Results go to
 * stdout. On a terminal a step under way is shown and then overwritten; elsewhere only what is done is written.
 */
import type { Clock } from "../../proxy/base/clock.ts";

export interface StepsOptions {
  readonly clock: Clock;
  readonly json: boolean;
  readonly tty: boolean;
  readonly colour: boolean;
  write(text: string): void;
}

const NAME_WIDTH = 10;
const TEXT_WIDTH = 46;
/** To the start of the line, which is emptied. */
const REWIND = "\r\x1b[2K";

export class Steps {
  readonly #options: StepsOptions;
  readonly #startedMs: number;
  /** The line of the step under way, as it stands on a terminal. */
  #underWay = "";

  constructor(options: StepsOptions) {
    this.#options = options;
    this.#startedMs = options.clock.now();
  }

  /** Runs one step; `done` says in a few words what came of it. Its failure is the caller's to tell. */
  async step<T>(name: string, doing: string, run: () => Promise<T>, done: (result: T) => string): Promise<T> {
    const { clock, json, tty } = this.#options;
    const startedMs = clock.now();
    if (tty && !json) {
      this.#underWay = `  · ${name.padEnd(NAME_WIDTH)} ${doing} …`;
      this.#options.write(this.#underWay);
    }
    try {
      const result = await run();
      this.#finish(true, name, done(result), clock.now() - startedMs);
      return result;
    } catch (error) {
      this.#finish(false, name, doing, clock.now() - startedMs);
      throw error;
    }
  }

  /** Something a person should know that is no step: data kept elsewhere, another port taken. */
  note(name: string, text: string): void {
    if (this.#options.json) this.event("note", { step: name, text });
    else this.line(`  ! ${name.padEnd(NAME_WIDTH)} ${text}`);
  }

  event(event: string, fields: Readonly<Record<string, unknown>>): void {
    if (this.#options.json) this.#options.write(`${JSON.stringify({ event, ...fields })}\n`);
  }

  /** Above the step under way, if there is one. */
  line(text: string): void {
    if (this.#options.json) return;
    this.#options.write(this.#underWay === "" ? `${text}\n` : `${REWIND}${text}\n${this.#underWay}`);
  }

  elapsedMs(): number {
    return this.#options.clock.now() - this.#startedMs;
  }

  #finish(ok: boolean, name: string, text: string, tookMs: number): void {
    if (this.#options.json) {
      this.event("step", { step: name, ok, text, ms: Math.round(tookMs) });
      return;
    }
    const mark = this.#paint(ok ? "✓" : "✗", ok ? 32 : 31);
    const rewind = this.#options.tty ? REWIND : "";
    this.#underWay = "";
    this.#options.write(
      `${rewind}  ${mark} ${name.padEnd(NAME_WIDTH)} ${text.padEnd(TEXT_WIDTH)} ${seconds(tookMs)}\n`,
    );
  }

  #paint(text: string, colour: number): string {
    return this.#options.colour ? `\x1b[${colour}m${text}\x1b[0m` : text;
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
