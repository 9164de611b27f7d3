/**
 * The worker's side of the admin console: what a client asks is asked of the steward, who asks all workers. It may die
 * meanwhile, so the question is put again until it is answered.
 */
import type { Timer } from "../base/clock.ts";
import { Fault } from "../base/fault.ts";
import type { ConsoleDesk } from "../pgconn/console.ts";
import type { TableName, TableRow } from "../pgconn/console-tables.ts";
import type { Verb } from "../pgconn/console-words.ts";
import type { NoticeWords } from "../pg/notice.ts";
import { SQLSTATE } from "../pg/sqlstate.ts";
import type { Host } from "../role.ts";
import { REPORT, type Asked, type Reply, type Told } from "./letters.ts";

const AGAIN_MS = 2_000;
/** Of what is only looked at. A PAUSE may take as long as the longest transaction. */
const SHOW_MS = 10_000;

interface Pending {
  readonly settle: (reply: Reply) => void;
  readonly timers: readonly Timer[];
}

type Question = { readonly table: TableName } | { readonly verb: Verb; readonly database: string | undefined };

export class Desk implements ConsoleDesk {
  readonly #host: Host;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(host: Host) {
    this.#host = host;
  }

  async show(table: TableName): Promise<readonly TableRow[]> {
    const reply = await this.#ask({ table }, SHOW_MS);
    if (reply.kind === "rows") return reply.rows;
    throw new Fault("OVERLOADED", "Cannot show a table: the steward of the box does not answer", { scope: "exchange" });
  }

  async perform(verb: Verb, database: string | undefined): Promise<NoticeWords | undefined> {
    const reply = await this.#ask({ verb, database }, undefined);
    if (reply.kind !== "refused") return undefined;
    const code = reply.why === "database" ? SQLSTATE.invalidDatabaseName : SQLSTATE.objectNotInState;
    return { severity: "ERROR", code, message: reply.message };
  }

  /** The command `told`. */
  take({ worker, id, reply }: Told): void {
    if (worker === this.#host.box.index) this.#settle(id, reply);
  }

  /** Nobody waits any more. */
  stop(): void {
    for (const id of [...this.#pending.keys()]) {
      this.#settle(id, { kind: "refused", message: "the pool is shutting down", why: "steward" });
    }
  }

  #ask(question: Question, limitMs: number | undefined): Promise<Reply> {
    const { clock } = this.#host;
    this.#lastId += 1;
    const asked: Asked = { id: this.#lastId, ...question };
    const { promise, resolve } = Promise.withResolvers<Reply>();
    const again = clock.every(AGAIN_MS, () => this.#host.report(REPORT.ask, asked));
    const silence: Reply = { kind: "refused", message: "the steward of the box does not answer", why: "steward" };
    const late = limitMs === undefined ? [] : [clock.after(limitMs, () => this.#settle(asked.id, silence))];
    this.#pending.set(asked.id, { settle: resolve, timers: [again, ...late] });
    this.#host.report(REPORT.ask, asked);
    return promise;
  }

  #settle(id: number, reply: Reply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    for (const timer of pending.timers) timer.cancel();
    pending.settle(reply);
  }
}
