/** What a keeper tells the process that started it, over IPC: `scale up`, or the keeper of the generation before. */
import type { ProblemWire } from "../problem/problem.ts";

export type BoxNews =
  | {
      readonly event: "ready";
      readonly pid: number;
      readonly listens: readonly string[];
      /** Where its admin listener answers; absent while it cannot have its address. */
      readonly admin?: string;
    }
  | { readonly event: "failed"; readonly problems: readonly ProblemWire[] };

/** Nobody hears it when the box was started by a person. */
export function tellParent(news: BoxNews): void {
  process.send?.(news);
}
