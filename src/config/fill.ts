/** Defaults that depend on the rest of the file: the only store, the only upstream. Runs on a tree without problems. */

import { type Config, configRows } from "./config.ts";
import type { ResolvedValue } from "./resolve.ts";

export interface Filled {
  readonly config: Config;
  readonly values: readonly ResolvedValue[];
}

export function fillDefaults(config: Config): Filled {
  const values: ResolvedValue[] = [];
  const only = (path: string, names: readonly string[], section: string): string | undefined => {
    const [name] = names;
    if (names.length !== 1 || name === undefined) return undefined;
    const origin = { from: "default", note: `the only [${section}.NAME]` } as const;
    values.push({ path, shown: JSON.stringify(name), origin, hidden: false });
    return name;
  };
  const { app, lb, autoscale } = config;
  const upstreams = Object.keys(lb?.upstreams ?? {});
  return {
    config: {
      ...config,
      ...(app === undefined ? {} : { app: { ...app, ...fillApp(config, only) } }),
      ...(lb === undefined ? {} : { lb: { ...lb, ...fillLb(lb, upstreams, only) } }),
      ...(autoscale === undefined
        ? {}
        : {
            autoscale: {
              ...autoscale,
              upstream: autoscale.upstream ?? only("autoscale.upstream", upstreams, "lb.upstreams"),
            },
          }),
    },
    values,
  };
}

type Only = (path: string, names: readonly string[], section: string) => string | undefined;

/** A store that this version cannot give to a program is not taken unasked. */
function fillApp({ app, postgres, redis, queue }: Config, only: Only) {
  const built = configRows.app.rows;
  return {
    db: app?.db ?? only("app.db", Object.keys(postgres), "postgres"),
    cache: app?.cache ?? ("notBuilt" in built.cache ? undefined : only("app.cache", Object.keys(redis), "redis")),
    queue: app?.queue ?? ("notBuilt" in built.queue ? undefined : only("app.queue", Object.keys(queue), "queue")),
  };
}

function fillLb(lb: NonNullable<Config["lb"]>, upstreams: readonly string[], only: Only) {
  const listen = lb.listen.map((one, index) => {
    const needs = one.mode === "tcp" && one.upstream === undefined;
    return needs ? { ...one, upstream: only(`lb.listen[${index}].upstream`, upstreams, "lb.upstreams") } : one;
  });
  const balances = lb.listen.some((one) => one.mode === "http");
  const upstream =
    lb.routes.length === 0 && balances ? only("lb.routes[0].upstream", upstreams, "lb.upstreams") : undefined;
  return { listen, routes: upstream === undefined ? lb.routes : [{ path: "/", upstream }] };
}
