/** The form of a contract's rows, and how they become tests. */
import { expect, test } from "bun:test";
import type { Engine, Rig } from "../../../kit/net-rig.ts";

export type Row = readonly [what: string, run: (rig: Rig, engine: Engine) => Promise<void>];

/** A test a row, on a rig of its own, that leaves no wire open and no rule broken. */
export function runRows(engine: Engine, rows: readonly Row[]): void {
  for (const [what, run] of rows) {
    test(`${engine.name}: ${what}`, async () => {
      const rig = engine.make();
      let broken: readonly string[] = [];
      try {
        await run(rig, engine);
      } finally {
        broken = await rig.end();
      }
      expect(broken).toEqual([]);
    });
  }
}
