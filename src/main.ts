/**
 * Where every process of every role begins, and the only place where one ends itself. A child of ours is marked by a
 * variable; everything else is a person's words.
 */
import { CHILD_VARIABLE } from "./run/self.ts";

async function main(): Promise<number> {
  const order = process.env[CHILD_VARIABLE];
  if (order !== undefined) {
    const { runChild } = await import("./run/child.ts");
    // What a box shows of itself stands above the processes it is shown by: only here they meet.
    return runChild(order, async () => (await import("./admin/box-steward.ts")).BoxSteward);
  }
  const { runCli } = await import("./cli/cli.ts");
  return runCli(process.argv.slice(2));
}

process.exit(await main());
