/** "Did you mean": the nearest of the words that would have been right. Pure, and bounded: it sees short words only. */

/** A longer word is no slip of the finger. */
const WORD_LENGTH_MAX = 64;

/** Words people bring from elsewhere, and what the thing is called here. */
const synonyms: { readonly [word: string]: readonly string[] } = {
  db: ["postgres"],
  database: ["postgres", "databases", "db"],
  pg: ["postgres"],
  postgresql: ["postgres"],
  kafka: ["queue"],
  rabbitmq: ["queue"],
  cache: ["redis"],
  valkey: ["redis"],
  loadbalancer: ["lb"],
  balancer: ["lb"],
  proxy: ["lb", "pool"],
  pooler: ["pool"],
  pgbouncer: ["pool"],
  logging: ["log"],
  logs: ["log"],
  port: ["listen", "address"],
  host: ["listen", "servers", "primary"],
  bind: ["listen"],
  address: ["listen", "servers"],
  main: ["entry"],
  script: ["entry"],
  file: ["entry"],
  cmd: ["command"],
  exec: ["command"],
  count: ["workers"],
  instances: ["workers"],
  processes: ["workers"],
  threads: ["workers"],
  environment: ["env"],
  url: ["primary", "servers"],
  uri: ["url", "primary"],
  dsn: ["primary", "url"],
  master: ["primary"],
  writer: ["primary"],
  standby: ["replicas"],
  slaves: ["replicas"],
  readers: ["replicas"],
  backends: ["servers"],
  targets: ["servers"],
  backend: ["upstream", "servers"],
  pool_size: ["size", "max"],
  max_connections: ["size", "max"],
  password: ["token"],
  secret: ["token"],
  verbosity: ["level"],
  yes: ["on"],
  true: ["on"],
  no: ["off"],
  false: ["off"],
  warning: ["warn"],
  fatal: ["error"],
  trace: ["debug"],
  verbose: ["debug"],
  certificate: ["cert"],
  private_key: ["key"],
  servers: ["brokers", "nodes"],
  timeout: ["drain_timeout", "start_timeout"],
  prefix: ["path"],
  domain: ["host"],
};

/** The one of `words` that `wrong` most likely meant; undefined when none is near. */
export function didYouMean(wrong: string, words: Iterable<string>): string | undefined {
  if (wrong.length > WORD_LENGTH_MAX) return undefined;
  const candidates = [...words];
  const plain = flatten(wrong);
  for (const word of candidates) if (flatten(word) === plain) return word;
  // shard2 is not shard0 mistyped.
  const others = candidates.filter((word) => withoutDigits(word) !== withoutDigits(wrong));
  const brought = wrong.toLowerCase();
  const synonym = Object.hasOwn(synonyms, brought)
    ? synonyms[brought]?.find((word) => candidates.includes(word))
    : undefined;
  if (synonym !== undefined) return synonym;
  const limit = Math.max(1, Math.floor(wrong.length / 3)) + 1;
  let best: string | undefined;
  let bestScore = limit;
  for (const word of others) {
    // Of two that are as near, the one with the same first letter: that one is rarely mistyped.
    const score = editDistance(plain, flatten(word), limit) + (word[0] === plain[0] ? 0 : 0.5);
    if (score < bestScore) [best, bestScore] = [word, score];
  }
  return best;
}

function withoutDigits(word: string): string {
  return word.replace(/[0-9]+/g, "0");
}

/** Case, - for _ and a plural s are no difference. */
function flatten(word: string): string {
  return word.toLowerCase().replaceAll("-", "_").replace(/s$/, "");
}

/**
 * Insertions, deletions, changed letters and swapped neighbours that lead from `from` to `to`; at least `limit` stands
 * for more. (Damerau and Levenshtein, without moves over a swapped pair.)
 */
export function editDistance(from: string, to: string, limit: number): number {
  if (Math.abs(from.length - to.length) >= limit) return limit;
  let older: number[] = [];
  let old: number[] = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row += 1) {
    const next = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const change = from[row - 1] === to[column - 1] ? 0 : 1;
      let best = Math.min(at(old, column) + 1, at(next, column - 1) + 1, at(old, column - 1) + change);
      const swapped = row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (swapped) best = Math.min(best, at(older, column - 2) + 1);
      next.push(best);
    }
    [older, old] = [old, next];
  }
  return Math.min(limit, at(old, to.length));
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Number.POSITIVE_INFINITY;
}
