/**
 * A program of its own, run by Node: many clients that ask one server all the time and know of every request what its answer
 * has to be. Its one argument is JSON (`StormOrder`). While it runs it says how far it is (`StormProgress`), one JSON object a
 * line; a line on its input ends it, and then it says all that it met (`StormCount`).
 */
import { createInterface } from "node:readline";
import { type Answer, type Ask, type Asker, makeAsker, type Way } from "./storm-askers.ts";
import { SeededRng } from "./rng.ts";

export interface StormGroup {
  readonly way: Way;
  readonly keep: boolean;
  readonly clients: number;
  /** Longest rest between two requests of a client; 0 is none. */
  readonly restMs: number;
}

export interface StormOrder {
  readonly port: number;
  readonly seed: number;
  readonly groups: readonly StormGroup[];
  /** How often each kind is asked, as parts of all. */
  readonly mix: Readonly<Record<AskKind, number>>;
}

/** What it asks: a text with the request's own name; its body again; a transaction in the database. */
export type AskKind = "tag" | "echo" | "deal";

export interface Failure {
  readonly id: string;
  readonly kind: AskKind;
  readonly way: Way;
  readonly keep: boolean;
  readonly why: string;
  /** Of the client's side; 0 when not known. */
  readonly port: number;
  /** Since 1970, as is `failedMs`. */
  readonly sentMs: number;
  readonly failedMs: number;
}

export interface StormProgress {
  readonly answered: number;
}

export interface StormCount {
  readonly sent: number;
  readonly answered: number;
  readonly failed: readonly Failure[];
  /** Answered with what belongs to another request, or to none. */
  readonly wrong: readonly string[];
  /** The deals whose answers arrived. */
  readonly dealt: readonly string[];
}

interface KnownAsk extends Ask {
  readonly id: string;
  readonly kind: AskKind;
  readonly wanted: string;
}

const ANSWER_TIMEOUT_MS = 30_000;
const BODY_MAX = 40_000;
const EXCERPT = 120;
const PROGRESS_MS = 50;
const NUMBERS_PER_GROUP = 1_000;

class Storm {
  readonly #order: StormOrder;
  readonly #failed: Failure[] = [];
  readonly #wrong: string[] = [];
  readonly #dealt: string[] = [];
  #sent = 0;
  answered = 0;
  stopping = false;

  constructor(order: StormOrder) {
    this.#order = order;
  }

  async run(): Promise<StormCount> {
    const clients = this.#order.groups.flatMap((group, at) =>
      Array.from({ length: group.clients }, (_, index) => this.#client(group, at * NUMBERS_PER_GROUP + index)),
    );
    await Promise.all(clients);
    const { answered } = this;
    return { sent: this.#sent, answered, failed: this.#failed, wrong: this.#wrong, dealt: this.#dealt };
  }

  async #client(group: StormGroup, number: number): Promise<void> {
    const { port, seed, mix } = this.#order;
    const rng = new SeededRng(seed + number);
    let asker = makeAsker({ ...group, port });
    for (let count = 0; !this.stopping; count += 1) {
      const isGood = await this.#one(askOf(mix, `${seed}.${number}.${count}`, rng), asker, group);
      if (!isGood || !group.keep) {
        asker.close();
        asker = makeAsker({ ...group, port });
      }
      if (group.restMs > 0) await after(rng.next() * group.restMs);
    }
    asker.close();
  }

  async #one(ask: KnownAsk, asker: Asker, { way, keep }: StormGroup): Promise<boolean> {
    const sentMs = Date.now();
    this.#sent += 1;
    const answer = await inTime(asker.ask(ask)).catch((error: unknown) => whyOf(error));
    if (typeof answer === "object" && answer.status === 200) {
      this.#take(ask, answer.body);
      return true;
    }
    const why = typeof answer === "string" ? answer : `${answer.status} ${answer.body.slice(0, EXCERPT)}`;
    const { id, kind } = ask;
    this.#failed.push({ id, kind, way, keep, why, port: asker.port, sentMs, failedMs: Date.now() });
    return false;
  }

  #take({ kind, id, wanted }: KnownAsk, body: string): void {
    this.answered += 1;
    if (body !== wanted) this.#wrong.push(`${kind} ${id}: ${body.slice(0, EXCERPT)}`);
    else if (kind === "deal") this.#dealt.push(id);
  }
}

function askOf(mix: StormOrder["mix"], id: string, rng: SeededRng): KnownAsk {
  const at = rng.next() * (mix.tag + mix.echo + mix.deal);
  if (at < mix.tag) return { id, kind: "tag", method: "GET", path: `/tag/${id}`, body: "", wanted: `tag ${id}` };
  if (at >= mix.tag + mix.echo) {
    return { id, kind: "deal", method: "POST", path: `/deal/${id}`, body: "x", wanted: `deal ${id}` };
  }
  const body = `${id} `.repeat(1 + Math.floor((rng.next() * BODY_MAX) / id.length));
  return { id, kind: "echo", method: "POST", path: "/echo", body, wanted: body };
}

function inTime(answer: Promise<Answer>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)), ANSWER_TIMEOUT_MS);
    answer.then(resolve, reject).finally(() => clearTimeout(late));
  });
}

/** undici says "fetch failed" and keeps the reason to itself. */
function whyOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function say(what: StormProgress | StormCount): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const storm = new Storm(JSON.parse(process.argv[2] ?? "{}") as StormOrder);
const input = createInterface({ input: process.stdin });
input.once("line", () => {
  storm.stopping = true;
  input.close();
});
const progress = setInterval(() => say({ answered: storm.answered }), PROGRESS_MS);
const count = await storm.run();
clearInterval(progress);
say(count);
