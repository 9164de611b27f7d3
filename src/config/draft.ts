/** The typed tree while it may still be wrong: like `Config`, but anything can be missing. */
import type { Config } from "./config.ts";
import type { Origin } from "./node.ts";
import type { Found } from "./resolve.ts";

export type Draft<T> = T extends string | number | boolean | undefined
  ? T | undefined
  : T extends readonly (infer Item)[]
    ? readonly Draft<Item>[] | undefined
    : { readonly [N in keyof T]?: Draft<T[N]> | undefined } | undefined;

export interface Inspection {
  readonly config: { readonly [S in keyof Config]?: Draft<Config[S]> };
  readonly origins: ReadonlyMap<string, Origin>;
  /** The paths of values that no message may repeat. */
  readonly hidden: ReadonlySet<string>;
  /** Where the problems go. */
  readonly found: Found[];
  /** Whether a role's section is looked at for what it needs to run: the role that is started, or all for `scale check`. */
  needs(role: "app" | "pool" | "lb" | "router"): boolean;
}
