/**
 * `npm run bench [-- NAME] [--quick]`: our executable beside what it replaces, in one run, by turns. NAME is `tier1` (Node;
 * the default), `lb` (nginx, HAProxy), `pool` (PgBouncer) or `tier2` (node:cluster, PM2). Writes
 * test/bench/results/NAME.md; `--quick` only shows that it works, and writes nothing.
 */
import { runBench, type Bench } from "./bench.ts";
import { benchLb } from "./lb.ts";
import { benchPool } from "./pool.ts";
import { benchTier1 } from "./tier1.ts";
import { benchTier2 } from "./tier2.ts";

const BENCHES: Readonly<Record<string, (bench: Bench) => Promise<string>>> = {
  tier1: benchTier1,
  lb: benchLb,
  pool: benchPool,
  tier2: benchTier2,
};

async function main(words: readonly string[]): Promise<void> {
  const names = words.filter((word) => word !== "--quick");
  const [name = "tier1"] = names;
  const bench = BENCHES[name];
  if (bench === undefined || names.length > 1)
    throw new Error(`Cannot run "${names.join(" ")}": there are ${Object.keys(BENCHES).join(", ")}, and --quick`);
  await runBench(name, words.includes("--quick"), bench);
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
