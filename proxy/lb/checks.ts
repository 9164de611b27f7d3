/**
 * The checks of all targets of an lb, and what they say together. What is said is always whole; the first is said when every
 * target has a verdict, so that a steward that was restarted does not call a server untried that its predecessor knew to
 * be down.
 */
import { formatAddress } from "../base/address.ts";
import type { Log } from "../base/log.ts";
import type { Rng } from "../base/rng.ts";
import type { TlsContext } from "../net/wire.ts";
import type { Verdict, Verdicts } from "../upstream/health.ts";
import type { Listed } from "../upstream/target.ts";
import { type CheckPlan, TargetCheck, type TargetCheckParts } from "./check-target.ts";
import type { CheckParts } from "./check.ts";
import type { CheckSetup, UpstreamSetup } from "./setup.ts";
import type { HealthPush } from "./verdicts.ts";

export interface ChecksParts extends CheckParts {
  readonly rng: Rng;
  readonly log: Log;
  push(state: HealthPush): void;
}

export class Checks {
  readonly #parts: ChecksParts;
  readonly #targetParts: TargetCheckParts;
  /** By upstream and key. */
  #targets = new Map<string, TargetCheck>();
  #upstreams: readonly UpstreamSetup[] = [];
  #version: number;
  #saidOnce = false;
  #saysLater = false;
  #stopped = false;

  constructor(parts: ChecksParts) {
    this.#parts = parts;
    this.#version = Math.floor(parts.clock.wall());
    const { net, clock, rng } = parts;
    this.#targetParts = { net, clock, rng, checked: (target, changed) => this.#checked(target, changed) };
  }

  get targets(): Iterable<TargetCheck> {
    return this.#targets.values();
  }

  /** From now on these. Targets that stay keep their verdicts. */
  configure(upstreams: readonly UpstreamSetup[]): void {
    const before = this.#targets;
    this.#targets = new Map();
    this.#upstreams = upstreams;
    for (const upstream of upstreams) {
      const { check, servers } = upstream;
      if (check === undefined || servers === "pushed") continue;
      for (const listed of servers) this.#keep(before, upstream, { check, listed });
    }
    for (const target of before.values()) target.stop();
    this.#say();
  }

  /** undefined when it is not checked. */
  find(upstream: string, key: string): TargetCheck | undefined {
    return this.#targets.get(nameOf(upstream, key));
  }

  stop(): void {
    this.#stopped = true;
    for (const target of this.#targets.values()) target.stop();
  }

  #keep(
    before: Map<string, TargetCheck>,
    upstream: UpstreamSetup,
    { check, listed }: { readonly check: CheckSetup; readonly listed: Listed },
  ): void {
    const name = nameOf(upstream.name, listed.key);
    if (this.#targets.has(name)) return;
    const plan = planOf(upstream, check, listed);
    const target = before.get(name);
    target?.configure(plan);
    before.delete(name);
    const names = { upstream: upstream.name, key: listed.key };
    this.#targets.set(name, target ?? new TargetCheck(names, plan, this.#targetParts));
  }

  #checked(target: TargetCheck, changed: boolean): void {
    if (!changed) return;
    const { upstream, key, why } = target;
    if (target.verdict === "down") this.#parts.log.warn("target_down", { upstream, target: key, why });
    else this.#parts.log.info("target_up", { upstream, target: key });
    this.#say();
  }

  /** Once for all that changes in this turn. */
  #say(): void {
    if (this.#saysLater) return;
    this.#saysLater = true;
    this.#parts.clock.after(0, () => {
      this.#saysLater = false;
      if (!this.#stopped && (this.#saidOnce || this.#allTried())) this.#push();
    });
  }

  #push(): void {
    this.#saidOnce = true;
    this.#version += 1;
    const upstreams: { [name: string]: Verdicts } = {};
    for (const { name } of this.#upstreams) upstreams[name] = this.#verdictsOf(name);
    this.#parts.push({ version: this.#version, upstreams });
  }

  #allTried(): boolean {
    for (const { verdict } of this.#targets.values()) if (verdict === "untried") return false;
    return true;
  }

  #verdictsOf(name: string): Verdicts {
    const verdicts: { [key: string]: Verdict } = {};
    for (const { upstream, key, verdict } of this.#targets.values()) if (upstream === name) verdicts[key] = verdict;
    return verdicts;
  }
}

/** No name of an upstream has a blank. */
function nameOf(upstream: string, key: string): string {
  return `${upstream} ${key}`;
}

function planOf({ tls }: UpstreamSetup, check: CheckSetup, { address }: Listed): CheckPlan {
  const { path, timeoutMs, intervalMs, rise, fall } = check;
  const host = address.path === undefined ? formatAddress(address) : "localhost";
  const serverName = address.path === undefined ? address.host : "localhost";
  const context: TlsContext | undefined = tls === undefined ? undefined : { ...tls, serverName };
  const order = {
    address,
    host,
    timeoutMs,
    ...(path === undefined ? {} : { path }),
    ...(context === undefined ? {} : { tls: context }),
  };
  return { order, intervalMs, rise, fall };
}
