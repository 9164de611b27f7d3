/**
 * Clients of a pool that ask all the time, each over its own connection: half of them postgres.js, half node-postgres. Each
 * transaction is tagged with its own name and reads it back; who loses the connection comes back with a new one.
 */
import pg from "pg";
import postgres from "postgres";

export interface QueryCount {
  readonly sent: number;
  readonly answered: number;
  readonly failed: readonly string[];
  /** Answered with what belongs to another. */
  readonly wrong: readonly string[];
}

interface Conversation {
  /** What the transaction reads back. */
  deal(tag: string): Promise<string>;
  end(): Promise<unknown>;
}

export class QueryLoad {
  readonly #url: string;
  readonly #clients: Promise<void>[] = [];
  readonly #failed: string[] = [];
  readonly #wrong: string[] = [];
  #sent = 0;
  #stopping = false;
  answered = 0;

  constructor(url: string, clients: number) {
    this.#url = url;
    for (let number = 0; number < clients; number += 1) this.#clients.push(this.#client(number));
  }

  async stop(): Promise<QueryCount> {
    this.#stopping = true;
    await Promise.all(this.#clients);
    return { sent: this.#sent, answered: this.answered, failed: this.#failed, wrong: this.#wrong };
  }

  async #client(number: number): Promise<void> {
    let conversation: Conversation | undefined;
    for (let count = 0; !this.#stopping; count += 1) {
      this.#sent += 1;
      try {
        conversation ??= await (number % 2 === 0 ? byPostgresJs(this.#url) : byNodePostgres(this.#url));
        this.#take(`${number}.${count}`, await conversation.deal(`${number}.${count}`));
      } catch (error) {
        this.#failed.push(`${number}.${count}: ${String(error)}`);
        await conversation?.end();
        conversation = undefined;
      }
    }
    await conversation?.end();
  }

  #take(wanted: string, got: string): void {
    this.answered += 1;
    if (got !== wanted) this.#wrong.push(`${wanted}: ${got}`);
  }
}

const SET = "select set_config('storm.tag', $1, true)";
const GET = "select current_setting('storm.tag') as tag, $1::text as own";

async function byPostgresJs(url: string): Promise<Conversation> {
  const sql = postgres(url, { max: 1, idle_timeout: 0, connect_timeout: 20, onnotice: () => undefined });
  const deal = async (tag: string): Promise<string> => {
    const rows = await sql.begin(async (tx) => {
      await tx.unsafe(SET, [tag]);
      return tx.unsafe<{ tag: string; own: string }[]>(GET, [tag]);
    });
    return tagOf(rows[0]);
  };
  return { deal, end: () => sql.end({ timeout: 0 }) };
}

async function byNodePostgres(url: string): Promise<Conversation> {
  const client = new pg.Client({ connectionString: url });
  // Said once more by the query that is under way, or by the next one.
  client.on("error", () => undefined);
  await client.connect();
  const deal = async (tag: string): Promise<string> => {
    await client.query("begin");
    await client.query(SET, [tag]);
    const { rows } = await client.query(GET, [tag]);
    await client.query("commit");
    return tagOf(rows[0]);
  };
  return { deal, end: () => client.end().catch((error: unknown) => error) };
}

function tagOf(row: { readonly tag?: string; readonly own?: string } | undefined): string {
  return row !== undefined && row.tag === row.own ? (row.tag ?? "") : JSON.stringify(row);
}
