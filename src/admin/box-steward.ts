/**
 * The steward of a box: what the box shows of itself on the admin listener, and the duties of its role that are not
 * traffic. It carries no request; when it is killed traffic goes on, and its successor is told the last state.
 */
import { HEALTHY, type Health } from "../../proxy/base/health.ts";
import { LIFECYCLE } from "../../proxy/base/state.ts";
import type { Duty, Host, Prepared } from "../../proxy/role.ts";
import { Admin } from "./admin.ts";
import { exposition } from "./exposition.ts";
import type { AdminView, ProcessStatus, Readiness, ReadyCheck, StatusJson } from "./view.ts";
import { COMMIT, VERSION } from "../run/version.ts";
import type { StewardParts } from "../run/duty.ts";
import type { Overview } from "../run/keeper.ts";
import { wholePlan } from "../run/life.ts";
import { Tally, type Meter, type Snapshot } from "../run/meter.ts";
import { boxRows } from "./metrics.ts";
import type { Plan } from "../run/plan.ts";
import { residentBytes } from "../run/proc.ts";
import { countVitalsOf } from "../run/vitals.ts";

export class BoxSteward implements Duty<Plan>, AdminView {
  readonly #host: Host;
  readonly #meter: Meter;
  readonly #tally = new Tally();
  readonly #ofRole: Duty<Plan> | undefined;
  #plan: Plan;
  #admin: Admin;
  #overview: Overview | undefined;

  constructor({ face, plan, host, meter }: StewardParts) {
    this.#host = host;
    this.#meter = meter;
    this.#plan = plan;
    this.#admin = this.#adminFor(plan);
    const steward = face.steward?.(plan.options, host);
    this.#ofRole = steward === undefined ? undefined : wholePlan(steward);
  }

  async start(): Promise<void> {
    this.#host.onPush("box", (state) => {
      this.#overview = state as Overview;
    });
    countVitalsOf(this.#meter, { process: "keeper", index: 0 }, process.ppid);
    await this.#ofRole?.start();
    await this.#admin.start();
    this.#tellAddress();
  }

  health(): Health {
    return this.#ofRole?.health() ?? HEALTHY;
  }

  /** Another admin address must answer before anyone commits to it. */
  async prepare(next: Plan): Promise<Prepared> {
    const prepared = await this.#ofRole?.prepare(next);
    if (prepared?.how === "replace") return prepared;
    const moved = next.admin.listen !== this.#plan.admin.listen;
    const changed = moved || next.admin.token !== this.#plan.admin.token;
    const admin = changed ? this.#adminFor(next) : this.#admin;
    if (moved) await demandStart(admin);
    return {
      how: "in place",
      commit: async () => {
        this.#plan = next;
        if (changed) await this.#admin.stop();
        if (changed && !moved) await admin.start();
        this.#admin = admin;
        this.#tellAddress();
        await prepared?.commit();
      },
      abort: async () => {
        if (moved) await admin.stop();
        await prepared?.abort();
      },
    };
  }

  async drain(deadlineMs: number): Promise<void> {
    await this.#ofRole?.drain(deadlineMs);
  }

  async stop(): Promise<void> {
    await this.#ofRole?.stop();
    await this.#admin.stop();
  }

  /** Ready is: the box says so, and at least one of its workers does when it is asked. */
  async ready(): Promise<Readiness> {
    const state = this.#overview?.state ?? "starting";
    const box: ReadyCheck =
      state === "ready" ? { name: "box", ok: true } : { name: "box", ok: false, why: `it is ${state}` };
    if (!box.ok) return { ready: false, checks: [box] };
    const workers = (await this.#host.gather("health")).map(({ worker, value }) => checkOf(worker, value as Health));
    if (workers.length === 0)
      return { ready: false, checks: [box, { name: "workers", ok: false, why: "none answers" }] };
    return { ready: workers.some((check) => check.ok), checks: [box, ...workers] };
  }

  async status(): Promise<StatusJson> {
    const { name, role, mode, listens } = this.#plan;
    const overview = this.#overview;
    const { ready, checks } = await this.ready();
    const processes = this.#processes(new Map(checks.map((check) => [check.name, check.why])));
    const reload = overview?.lastReload;
    return {
      box: name,
      role,
      mode,
      version: VERSION,
      commit: COMMIT,
      state: overview?.state ?? "starting",
      ready,
      uptimeMs: processes[0]?.uptimeMs ?? 0,
      listens,
      admin: this.#admin.address,
      config: {
        generation: overview?.configGeneration ?? 1,
        ...(reload === undefined
          ? {}
          : {
              lastReload: {
                ok: reload.ok,
                at: new Date(reload.atMs).toISOString(),
                ...(reload.problems === undefined ? {} : { problems: reload.problems }),
              },
            }),
      },
      processes,
    };
  }

  async metrics(): Promise<string> {
    this.#countBox();
    const workers = this.#overview?.children.filter((child) => child.kind === "worker") ?? [];
    const sources = new Map(workers.map((child) => [child.index, `worker ${child.pid}`]));
    for (const { worker, value } of await this.#host.gather("metrics")) {
      const source = sources.get(worker);
      if (source !== undefined) this.#tally.take(source, value as Snapshot);
    }
    this.#tally.take("steward", this.#meter.snapshot());
    this.#tally.keepOnly(new Set(["steward", ...sources.values()]));
    return exposition(this.#tally.sum());
  }

  /** The keeper first. */
  #processes(whys: ReadonlyMap<string, string | undefined>): ProcessStatus[] {
    const overview = this.#overview;
    if (overview === undefined) return [];
    const now = this.#host.clock.wall();
    const keeper: ProcessStatus = {
      process: "keeper",
      index: 0,
      pid: overview.keeperPid,
      state: overview.state,
      restarts: 0,
      rssBytes: residentBytes(overview.keeperPid),
      uptimeMs: Math.round(now - overview.bornMs),
    };
    const children = overview.children.map(({ kind, index, pid, state, restarts, bornMs }): ProcessStatus => {
      const why = whys.get(`worker ${index}`);
      return {
        process: kind,
        index,
        pid,
        state,
        restarts,
        rssBytes: residentBytes(pid),
        uptimeMs: Math.round(now - bornMs),
        ...(kind === "steward" || why === undefined ? {} : { why }),
      };
    });
    return [keeper, ...children];
  }

  #countBox(): void {
    const { children = [], configGeneration = 1, lastReload, state } = this.#overview ?? {};
    const meter = this.#meter;
    meter.gauge(boxRows.build, VERSION, this.#plan.role, this.#plan.name).value = 1;
    meter.gauge(boxRows.ready).value = state === "ready" ? 1 : 0;
    meter.gauge(boxRows.generation).value = configGeneration;
    meter.gauge(boxRows.reloadOk).value = lastReload?.ok === false ? 0 : 1;
    meter.gauge(boxRows.reloadTime).value = (lastReload?.atMs ?? 0) / 1_000;
    const workers = children.filter((child) => child.kind === "worker");
    for (const name of Object.keys(LIFECYCLE)) {
      meter.gauge(boxRows.workers, name).value = workers.filter((child) => child.state === name).length;
    }
    for (const child of children)
      meter.counter(boxRows.restarts, child.kind, String(child.index)).value = child.restarts;
  }

  /** The keeper tells it to who started the box; with port 0 nobody could know it otherwise. */
  #tellAddress(): void {
    this.#host.push("admin", this.#admin.listening ? this.#admin.address : undefined);
  }

  #adminFor(plan: Plan): Admin {
    const { clock, log } = this.#host;
    return new Admin(plan.admin, { view: this, clock, log });
  }
}

/** At a reload an address that cannot be had is a refusal; at the start the box comes up without, and tries again. */
async function demandStart(admin: Admin): Promise<void> {
  const problem = await admin.start();
  if (problem === undefined) return;
  await admin.stop();
  throw problem;
}

function checkOf(worker: number, health: Health): ReadyCheck {
  return { name: `worker ${worker}`, ok: health.ok, ...(health.why === undefined ? {} : { why: health.why }) };
}
