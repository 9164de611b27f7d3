/**
 * The steward of a box: what the box shows of itself on the admin listener, and the duties of its role that are not
 * traffic. It carries no request; when it is killed traffic goes on, and its successor is told the last state.
 */
import { HEALTHY, type Health } from "../../proxy/base/health.ts";
import { LIFECYCLE } from "../../proxy/base/state.ts";
import type { Duty, Prepared } from "../../proxy/role.ts";
import { Admin, type AdminOptions } from "./admin.ts";
import { exposition } from "./exposition.ts";
import type { AdminView, ProcessStatus, Readiness, ReadyCheck, StatusJson } from "./view.ts";
import { COMMIT, VERSION } from "../run/version.ts";
import type { StewardParts } from "../run/duty.ts";
import { type StewardHost, wholePlan } from "../run/life.ts";
import { Tally, type Meter, type Snapshot } from "../run/meter.ts";
import { boxRows } from "./metrics.ts";
import { type Overview, placeOf } from "../run/overview.ts";
import { crewOf, placeName, type Plan } from "../run/plan.ts";
import { residentBytes } from "../run/proc.ts";
import { countVitalsOf } from "../run/vitals.ts";

export class BoxSteward implements Duty<Plan>, AdminView {
  readonly #host: StewardHost;
  readonly #meter: Meter;
  readonly #tally = new Tally();
  /** The duties of the crews that are not traffic. */
  readonly #parts: readonly Duty<Plan>[];
  #plan: Plan;
  #admin: Admin;
  /**
   * The same pages where only our own user finds them, in the private folder of a box with a front: commands are taken there
   * even when everybody on the machine reaches the admin address.
   */
  readonly #door: Admin | undefined;
  #overview: Overview | undefined;

  constructor({ faces, plan, host, meter }: StewardParts) {
    this.#host = host;
    this.#meter = meter;
    this.#plan = plan;
    this.#admin = this.#adminFor(plan.admin);
    this.#door = plan.front === undefined ? undefined : this.#adminFor({ listen: `unix:${plan.front.folder}/admin` });
    this.#parts = [...faces].flatMap(([crew, face]) => {
      const steward = face.steward?.(crewOf(plan, crew)?.options, host.ofCrew(crew));
      return steward === undefined ? [] : [wholePlan(steward, crew)];
    });
  }

  async start(): Promise<void> {
    this.#host.onPush("box", (state) => {
      this.#overview = state as Overview;
    });
    this.#host.onPush("takeover", () => this.#admin.again());
    countVitalsOf(this.#meter, { process: "keeper", index: 0 }, process.ppid);
    for (const part of this.#parts) await part.start();
    // A next generation begins while the one before still has the address.
    const awaited = this.#host.box.generation > 1;
    await Promise.all([this.#admin.start(awaited), this.#door?.start()]);
    this.#tellAddress();
  }

  health(): Health {
    return this.#parts.map((part) => part.health()).find((health) => !health.ok) ?? HEALTHY;
  }

  /** Another admin address must answer before anyone commits to it. */
  async prepare(next: Plan): Promise<Prepared> {
    if (crewNames(next) !== crewNames(this.#plan)) return { how: "replace" };
    const parts = await prepareAll(this.#parts, next);
    if (parts.how === "replace") return parts;
    const moved = next.admin.listen !== this.#plan.admin.listen;
    const changed = moved || next.admin.token !== this.#plan.admin.token;
    let admin = this.#admin;
    try {
      if (changed) admin = this.#adminFor(next.admin);
      if (moved) await demandStart(admin);
    } catch (error) {
      await parts.abort();
      throw error;
    }
    return {
      how: "in place",
      commit: async () => {
        this.#plan = next;
        if (changed) await this.#admin.stop();
        if (changed && !moved) await admin.start();
        this.#admin = admin;
        this.#tellAddress();
        await parts.commit();
      },
      abort: async () => {
        if (moved) await admin.stop();
        await parts.abort();
      },
    };
  }

  async drain(deadlineMs: number): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#parts.map((part) => part.stop()));
    await Promise.all([this.#admin.stop(), this.#door?.stop()]);
  }

  /** Ready is: the box says so, and of each crew at least one worker does when it is asked. */
  async ready(): Promise<Readiness> {
    const state = this.#overview?.state ?? "starting";
    const box: ReadyCheck =
      state === "ready" ? { name: "box", ok: true } : { name: "box", ok: false, why: `it is ${state}` };
    if (!box.ok) return { ready: false, checks: [box] };
    const { role } = this.#plan;
    const answers = await this.#host.gather("health");
    const crews = this.#plan.crews.map(({ name }) => {
      const own = answers.filter(({ crew }) => crew === name);
      const checks = own.map(({ worker, value }) => this.#checkOf(name, worker, value as Health));
      const silent: ReadyCheck = { name: name === role ? "workers" : name, ok: false, why: "none answers" };
      return { ok: checks.some((check) => check.ok), checks: checks.length === 0 ? [silent] : checks };
    });
    return { ready: crews.every(({ ok }) => ok), checks: [box, ...crews.flatMap(({ checks }) => checks)] };
  }

  async status(): Promise<StatusJson> {
    const { name, role, mode } = this.#plan;
    const overview = this.#overview;
    const listens = overview?.listens ?? this.#plan.listens;
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
      ...(this.#door === undefined ? {} : { door: this.#door.address }),
      generation: this.#host.box.generation,
      ...upgradeOf(overview),
      processes,
    };
  }

  async metrics(): Promise<string> {
    this.#countBox();
    const answers = await this.#host.gather("metrics");
    for (const { pid, value } of answers) this.#tally.take(String(pid), value as Snapshot);
    this.#tally.take("steward", this.#meter.snapshot());
    const living = (this.#overview?.children ?? []).filter((child) => child.kind === "worker");
    this.#tally.keepOnly(new Set(["steward", ...[...living, ...answers].map(({ pid }) => String(pid))]));
    return exposition(this.#tally.sum());
  }

  async count(workers: number): Promise<void> {
    await this.#host.command("keeper count", workers);
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
    const children = overview.children.map((child): ProcessStatus => {
      const { kind, crew, index, pid, state, restarts, bornMs } = child;
      const why = whys.get(placeOf(overview, child));
      return {
        process: kind === "steward" || crew === overview.plan.role ? kind : crew,
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
    const { role } = this.#plan;
    const workers = children.filter((child) => child.kind === "worker");
    for (const name of Object.keys(LIFECYCLE)) {
      const those = workers.filter((child) => child.state === name);
      meter.gauge(boxRows.workers, name).value = those.filter((child) => child.crew === role).length;
      for (const crew of this.#plan.crews) {
        meter.gauge(boxRows.crews, crew.name, name).value = those.filter((child) => child.crew === crew.name).length;
      }
    }
    for (const { kind, crew, index, restarts } of children) {
      const title = kind === "steward" || crew === role ? kind : crew;
      meter.counter(boxRows.restarts, title, String(index)).value = restarts;
    }
  }

  #checkOf(crew: string, worker: number, health: Health): ReadyCheck {
    return { name: placeName(this.#plan, crew, worker), ...health };
  }

  /** The keeper tells it to who started the box; with port 0 nobody could know it otherwise. */
  #tellAddress(): void {
    this.#host.push("admin", this.#admin.listening ? this.#admin.address : undefined);
  }

  #adminFor(options: AdminOptions): Admin {
    const { clock, log } = this.#host;
    return new Admin(options, { view: this, clock, log });
  }
}

/** At a reload an address that cannot be had is a refusal; at the start the box comes up without, and tries again. */
async function demandStart(admin: Admin): Promise<void> {
  const problem = await admin.start();
  if (problem === undefined) return;
  await admin.stop();
  throw problem;
}

function upgradeOf(overview: Overview | undefined): Pick<StatusJson, "lastUpgrade"> {
  const last = overview?.lastUpgrade;
  if (last === undefined) return {};
  return { lastUpgrade: { ok: false, at: new Date(last.atMs).toISOString(), problems: last.problems } };
}

function crewNames(plan: Plan): string {
  return plan.crews.map(({ name }) => name).join(" ");
}

type InPlace = Prepared & { readonly how: "in place" };

/** All or none: when one refuses or wants to be replaced, those that have agreed are told that nothing comes of it. */
async function prepareAll(parts: readonly Duty<Plan>[], next: Plan): Promise<Prepared> {
  const prepared: InPlace[] = [];
  const abort = async (): Promise<void> => {
    for (const one of prepared) await one.abort();
  };
  try {
    for (const part of parts) {
      const one = await part.prepare(next);
      if (one.how === "in place") prepared.push(one);
      else {
        await abort();
        return one;
      }
    }
  } catch (error) {
    await abort();
    throw error;
  }
  return {
    how: "in place",
    abort,
    commit: async () => {
      for (const one of prepared) await one.commit();
    },
  };
}
