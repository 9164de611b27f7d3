/**
 * Where every process of every role begins, and the only place where one ends itself. A child of ours is marked by a
 * variable; everything else is a person's words. Rooms that must not know each other meet only here.
 */
import { CHILD_VARIABLE } from "./run/self.ts";

async function main(): Promise<number> {
  const order = process.env[CHILD_VARIABLE];
  if (order !== undefined) {
    const { runChild } = await import("./run/child.ts");
    return runChild(order, {
      runCli,
      loadFace: async (role) => (await (await import("./roles.ts")).loadRole(role)).face,
      loadSteward: async () => (await import("./admin/box-steward.ts")).BoxSteward,
    });
  }
  return runCli(process.argv.slice(2));
}

async function runCli(argv: readonly string[]): Promise<number> {
  const { runCli: run } = await import("./cli/cli.ts");
  return run(argv);
}

process.exit(await main());
