/**
 * One worker of the lb: what it listens on, its clients, its upstreams, and the clock that ends what takes too long. A reload
 * swaps routes, upstreams, waits and certificates between two requests; connections stay.
 */
import { formatAddress } from "../base/address.ts";
import { Budget } from "../base/byte-queue.ts";
import type { Timer } from "../base/clock.ts";
import { type Fault, faultOf } from "../base/fault.ts";
import { HEALTHY, type Health } from "../base/health.ts";
import { LIFECYCLE, type Lifecycle, State } from "../base/state.ts";
import { Additions } from "../http/additions.ts";
import { HTTP_LIMITS } from "../http/limits.ts";
import type { Wire, WireEvents } from "../net/wire.ts";
import type { Duty, Host, Prepared } from "../role.ts";
import type { Target } from "../upstream/target.ts";
import { type ClientParts, LbClient } from "./client.ts";
import { type Door, Doors, isSame } from "./doors.ts";
import { Exchange, type ExchangeParts } from "./exchange.ts";
import { Group, type Server } from "./groups.ts";
import { countGroup, countServer } from "./metrics.ts";
import { Origins } from "./origins.ts";
import { Pushed, TARGETS, TARGETS_IDLE } from "./pushed.ts";
import { RequestIds } from "./request-ids.ts";
import { Routes } from "./routes.ts";
import type { LbSetup } from "./setup.ts";
import { TcpService } from "./tcp-service.ts";
import { Turns } from "./turns.ts";
import { HEALTH_TOPIC, healthPushOf, UNREACHABLE_TOPIC } from "./verdicts.ts";

/** What all buffers of a worker may hold together. */
export const BUDGET_BYTES_MAX = 268_435_456;
/** Exchanges that are kept for the next request. */
const SPARES_MAX = 1_024;
/**
 * While this worker drains and others serve: who has been silent for so long since then is not in the middle of sending a
 * request. Longer than most clients keep a connection that they do not use.
 */
export const DRAIN_IDLE_MS = 6_000;
/** The same when nobody serves after it, and somebody waits for its end. */
const LAST_IDLE_MS = 1_000;
/** The keeper pushes it before it stops the whole box. */
const LAST = "last";
const SWEEP_MS_MIN = 25;
const SWEEP_MS_MAX = 250;
/** A server that fails is spoken of so often. */
const WARN_MS = 1_000;

export class LbWorker implements Duty<LbSetup> {
  readonly budget = new Budget(BUDGET_BYTES_MAX);
  readonly #host: Host;
  readonly #life = new State<Lifecycle>(LIFECYCLE, "new");
  readonly #turns: Turns;
  readonly #origins: Origins;
  readonly #doors: Doors;
  readonly #tcp: TcpService;
  readonly #pushed: Pushed;
  readonly #groups = new Map<string, Group>();
  readonly #clients = new Set<LbClient>();
  readonly #spares: Exchange[] = [];
  readonly #exchangeParts: ExchangeParts;
  readonly #clientParts: ClientParts;
  readonly #warned = new WeakMap<Target<Server>, number>();
  #drainIdleMs = DRAIN_IDLE_MS;
  #setup: LbSetup;
  #routes: Routes<Group> = new Routes<Group>([], () => this.#mustGroup(""));
  #verdicts: unknown;
  #sweeper: Timer | undefined;
  #emptied: (() => void) | undefined;

  constructor(setup: LbSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
    const { net, clock, metrics, rng } = host;
    const { budget } = this;
    const limits = HTTP_LIMITS;
    const turns = new Turns({ net, clock, failed: (thrown) => this.#bug(thrown) });
    this.#turns = turns;
    this.#origins = new Origins({
      net,
      limits,
      budget,
      turns,
      failed: (target, fault) => this.#serverFailed(target, fault),
      unreachable: (upstream, key) => host.report(UNREACHABLE_TOPIC, { upstream, key }),
    });
    this.#pushed = new Pushed(clock, () => this.#groups.values());
    this.#tcp = new TcpService({
      net,
      clock,
      log: host.log,
      budget,
      timeouts: () => this.#setup.timeouts,
      unreachable: ({ name }, target, fault) => {
        this.#serverFailed(target, fault);
        host.report(UNREACHABLE_TOPIC, { upstream: name, key: target.key });
      },
      ended: () => this.#leave(),
    });
    this.#doors = new Doors({ net, metrics, turns, enter: (door, wire) => this.#enter(door, wire) });
    this.#exchangeParts = {
      lines: this.#origins,
      budget,
      turns,
      additions: new Additions(),
      forwarding: setup.forwarding,
      timeouts: () => this.#setup.timeouts,
      route: (head) => this.#routes.find(head),
      requestIds: new RequestIds(rng),
    };
    this.#clientParts = {
      limits,
      budget,
      turns,
      timeouts: () => this.#setup.timeouts,
      drainIdleMs: () => this.#drainIdleMs,
      takeExchange: () => this.#spares.pop() ?? new Exchange(this.#exchangeParts),
      giveExchange: (exchange) => void (this.#spares.length < SPARES_MAX && this.#spares.push(exchange)),
      ended: (client) => this.#left(client),
      failed: (client, fault) => this.#clientFailed(client, fault),
    };
  }

  get clients(): number {
    return this.#clients.size;
  }

  get origins(): number {
    return this.#origins.open;
  }

  async start(): Promise<void> {
    this.#life.go("starting");
    this.#configure(this.#setup);
    this.#host.onPush(HEALTH_TOPIC, (state) => this.#judge(state));
    this.#host.onPush(TARGETS, (state) => this.#pushed.take(state));
    this.#host.onPush(LAST, () => (this.#drainIdleMs = LAST_IDLE_MS));
    this.#doors.listen();
    this.#life.go("ready");
    this.#host.log.info("lb_listening", { listens: this.#doors.listens });
  }

  health(): Health {
    return this.#life.is("ready") ? HEALTHY : { ok: false, why: this.#life.now };
  }

  async prepare(next: LbSetup): Promise<Prepared> {
    if (!listensAlike(this.#setup, next) || next.forwarding !== this.#setup.forwarding) return { how: "replace" };
    return { how: "in place", commit: () => this.#configure(next), abort: () => undefined };
  }

  /** No new client, no further request on a connection; resolves when all are gone, and ends what is left at the deadline. */
  async drain(deadlineMs: number): Promise<void> {
    if (!this.#life.can("draining")) return;
    this.#life.go("draining");
    this.#turns.refresh();
    this.#doors.close();
    for (const client of this.#clients) client.finish();
    if (this.#doors.clients > 0) await this.#empty(deadlineMs);
    this.#abort();
  }

  async stop(): Promise<void> {
    if (this.#life.is("stopped")) return;
    this.#life.go("stopped");
    this.#sweeper?.cancel();
    this.#doors.close();
    this.#abort();
  }

  async command(name: string, argument: unknown): Promise<unknown> {
    if (name === TARGETS) this.#pushed.take(argument);
    else if (name === TARGETS_IDLE) await this.#pushed.whenIdle(argument);
    else throw new Error(`Cannot do "${name}": the lb has no such command`);
    return undefined;
  }

  /** Everything of a setup that can change while clients are there. */
  #configure(next: LbSetup): void {
    this.#setup = next;
    this.#doors.clientsMax = Math.max(1, Math.ceil(next.clientsMax / next.workers));
    this.#doors.configure(next.listeners);
    const names = new Set(next.upstreams.map(({ name }) => name));
    for (const setup of next.upstreams) {
      const known = this.#groups.get(setup.name);
      if (known === undefined) this.#addGroup(new Group(setup, this.#groupParts()));
      else known.configure(setup);
    }
    this.#routes = new Routes<Group>(next.routes, (upstream) => this.#mustGroup(upstream));
    // Last, since those that waited there may go on with another request.
    for (const group of this.#groups.values()) if (!names.has(group.name)) this.#retire(group);
    for (const group of this.#groups.values()) this.#countServers(group);
    this.#judge(this.#verdicts);
    this.#sweepEvery(sweepMs(next));
  }

  #groupParts(): ConstructorParameters<typeof Group>[1] {
    const leaver = {
      idle: (target: Target<Server>): void => {
        target.own.discardIdle();
        this.#pushed.idle(target);
      },
      gone: (): void => undefined,
    };
    return { clock: this.#host.clock, rng: this.#host.rng, leaver };
  }

  #addGroup(group: Group): void {
    this.#groups.set(group.name, group);
    countGroup(this.#host.metrics, group);
    if (group.setup.servers === "pushed") this.#pushed.apply(group);
  }

  #countServers(group: Group): void {
    if (group.setup.servers === "pushed") return;
    for (const target of group.upstream.targets) countServer(this.#host.metrics, group, target);
  }

  #retire(group: Group): void {
    this.#groups.delete(group.name);
    group.retire();
  }

  #judge(state: unknown): void {
    const push = healthPushOf(state);
    if (push === undefined) return;
    this.#verdicts = state;
    for (const group of this.#groups.values()) group.upstream.judge(push.upstreams[group.name] ?? {});
  }

  #enter(door: Door, wire: Wire): WireEvents {
    const { mode, upstream } = door.setup;
    if (mode === "tcp") {
      return this.#tcp.accept(wire, { group: this.#mustGroup(upstream ?? ""), tls: door.tls, counts: door.counts });
    }
    const client = new LbClient(wire, door, this.#clientParts);
    this.#clients.add(client);
    return client;
  }

  #left(client: LbClient): void {
    this.#clients.delete(client);
    this.#leave();
  }

  #leave(): void {
    this.#doors.left();
    if (this.#doors.clients === 0) this.#emptied?.();
  }

  async #empty(deadlineMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#emptied = resolve;
    const timer = this.#host.clock.after(deadlineMs, resolve);
    await promise;
    timer.cancel();
  }

  #abort(): void {
    for (const client of [...this.#clients]) client.abort();
    this.#tcp.stop();
    this.#doors.abort();
    this.#origins.close();
  }

  #sweepEvery(periodMs: number): void {
    this.#sweeper?.cancel();
    this.#sweeper = this.#host.clock.every(periodMs, () => this.#sweep());
  }

  #sweep(): void {
    const nowMs = this.#turns.refresh();
    for (const client of this.#clients) client.sweep(nowMs);
    this.#doors.sweep(nowMs);
    this.#origins.sweep(nowMs);
    for (const { upstream } of this.#groups.values()) upstream.waiting.sweep(nowMs);
  }

  #clientFailed(client: LbClient, fault: Fault): void {
    if (fault.code === "BUG") return this.#bug(fault);
    this.#host.log.debug("exchange_failed", { client: client.remote, code: fault.code, why: fault.message });
  }

  #serverFailed(target: Target<Server>, fault: Fault): void {
    const { nowMs } = this.#turns;
    if (nowMs - (this.#warned.get(target) ?? -WARN_MS) < WARN_MS) return;
    this.#warned.set(target, nowMs);
    const server = formatAddress(target.address);
    this.#host.log.warn("server_failed", { server, code: fault.code, why: fault.message });
  }

  #bug(thrown: unknown): void {
    const { message, cause } = faultOf(thrown);
    const stack = cause instanceof Error ? cause.stack : undefined;
    this.#host.log.error("bug", { why: message, ...(stack === undefined ? {} : { stack }) });
  }

  #mustGroup(name: string): Group {
    const group = this.#groups.get(name);
    if (group === undefined) throw new Error(`Cannot route to "${name}": there is no such upstream`);
    return group;
  }
}

/** The same listening sockets, so that workers need not be replaced. */
function listensAlike(one: LbSetup, other: LbSetup): boolean {
  if (one.listeners.length !== other.listeners.length) return false;
  return one.listeners.every(({ address }) => other.listeners.some((next) => isSame(address, next.address)));
}

/** Often enough for the shortest wait. */
function sweepMs({ timeouts, upstreams }: LbSetup): number {
  const waits = [timeouts.headMs, timeouts.idleMs, ...upstreams.map(({ connectTimeoutMs }) => connectTimeoutMs)];
  if (timeouts.requestMs > 0) waits.push(timeouts.requestMs);
  return Math.max(SWEEP_MS_MIN, Math.min(SWEEP_MS_MAX, Math.min(...waits) / 4));
}
