/**
 * What the steward and the workers of an lb tell each other about targets: the steward pushes what its checks say, whole; a
 * worker reports whom it could not reach. Both are plain data that came over a channel, and are looked at before they are used.
 */
import type { Verdict, Verdicts } from "../upstream/health.ts";

/** Steward to workers: a `HealthPush`. */
export const HEALTH_TOPIC = "health";
/** Worker to steward: an `Unreachable`, once for each rest that begins (`Upstream.failed`). */
export const UNREACHABLE_TOPIC = "unreachable";

export interface HealthPush {
  /** Grows with every push, over restarts of the steward too. */
  readonly version: number;
  /** By the name of the upstream. Of one that is not there, every target is untried. */
  readonly upstreams: { readonly [name: string]: Verdicts };
}

export interface Unreachable {
  readonly upstream: string;
  /** Of the target. */
  readonly key: string;
}

const VERDICTS = { untried: true, up: true, down: true } as const satisfies Record<Verdict, true>;

/** undefined when it is none. */
export function healthPushOf(state: unknown): HealthPush | undefined {
  if (!isTable(state) || typeof state["version"] !== "number" || !isTable(state["upstreams"])) return undefined;
  const upstreams: { [name: string]: Verdicts } = {};
  for (const [name, verdicts] of Object.entries(state["upstreams"])) {
    if (!isVerdicts(verdicts)) return undefined;
    upstreams[name] = verdicts;
  }
  return { version: state["version"], upstreams };
}

/** undefined when it is none. */
export function unreachableOf(seen: unknown): Unreachable | undefined {
  if (!isTable(seen) || typeof seen["upstream"] !== "string" || typeof seen["key"] !== "string") return undefined;
  return { upstream: seen["upstream"], key: seen["key"] };
}

function isVerdicts(value: unknown): value is Verdicts {
  return (
    isTable(value) &&
    Object.values(value).every((verdict) => typeof verdict === "string" && Object.hasOwn(VERDICTS, verdict))
  );
}

function isTable(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
