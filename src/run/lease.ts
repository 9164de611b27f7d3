/**
 * Leases (proxy/base/lease.ts) among the processes of one host: a file per name in the runtime folder. A holder that is dead
 * loses its lease at once, one that hangs when its time is over.
 * Invariants: the file is read and replaced under the lock of the folder, so that two never hold one lease; the token of
 * a holder is larger than that of every holder before it, also after a reboot that emptied the folder.
 */
import { closeSync, constants, fsyncSync, openSync, readFileSync, readlinkSync, renameSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../../proxy/base/clock.ts";
import type { Lease, Leases } from "../../proxy/base/lease.ts";
import { Problem } from "../problem/problem.ts";
import { clock as realClock } from "./clock.ts";
import { flock, monotonicMicros } from "./os.ts";
import { isAlive, startTicks } from "./proc.ts";
import { ensureRuntimeFolder } from "./runtime-folder.ts";

export interface FileLeasesParts {
  /** The runtime folder when absent; made on first use. */
  readonly folder?: string;
  readonly clock?: Clock;
  /** One clock for all processes of the host. */
  monotonicMicros?(): bigint;
}

/** What stands in the file. Times are CLOCK_MONOTONIC, which counts from `boot`. */
interface LeaseFile {
  readonly token: number;
  readonly holder?: Holder;
}

interface Holder {
  /** Made anew by every `FileLeases`. */
  readonly nonce: string;
  readonly pid: number;
  /** With the pid it names a process for good. */
  readonly startTicks: string;
  readonly pidNamespace: string;
  readonly boot: string;
  readonly expiresMs: number;
}

type Self = Omit<Holder, "nonce" | "expiresMs">;

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;
const LOCK_TRIES_MAX = 200;
const LOCK_RETRY_MS = 5;

export class FileLeases implements Leases {
  readonly #clock: Clock;
  readonly #micros: () => bigint;
  readonly #nonce = crypto.randomUUID();
  #folder: string | undefined;

  constructor(parts: FileLeasesParts = {}) {
    this.#folder = parts.folder;
    this.#clock = parts.clock ?? realClock;
    this.#micros = parts.monotonicMicros?.bind(parts) ?? monotonicMicros;
  }

  async acquire(name: string, ttlMs: number): Promise<Lease | undefined> {
    if (!NAME.test(name))
      throw new RangeError(`Cannot take lease "${name}": its name is not of the form "${NAME.source}"`);
    if (!(ttlMs > 0 && Number.isFinite(ttlMs))) throw new RangeError(`Cannot take lease "${name}" for ${ttlMs} ms`);
    const token = await this.#locked((folder) => this.#take(join(folder, `${name}.lease`), ttlMs));
    if (token === undefined) return undefined;
    return { token, release: () => this.#locked((folder) => this.#release(join(folder, `${name}.lease`), token)) };
  }

  /** The token, if the lease is ours now. */
  #take(path: string, ttlMs: number): number | undefined {
    const { token, holder } = readLease(path);
    const now = this.#nowMs();
    const us = whoWeAre();
    const ours = holder?.nonce === this.#nonce;
    if (holder !== undefined && !ours && holds(holder, us, now)) return undefined;
    const next = ours ? token : Math.max(token + 1, Math.floor(this.#clock.wall()));
    writeLease(path, { token: next, holder: { ...us, nonce: this.#nonce, expiresMs: now + ttlMs } });
    return next;
  }

  /** What another has taken in the meantime stays taken. */
  #release(path: string, token: number): void {
    const now = readLease(path);
    if (now.holder?.nonce === this.#nonce && now.token === token) writeLease(path, { token });
  }

  #nowMs(): number {
    return Number(this.#micros() / 1_000n);
  }

  /** `act` is synchronous, so the lock is held for one read and one write. It goes with us if we die meanwhile. */
  async #locked<Result>(act: (folder: string) => Result): Promise<Result> {
    this.#folder ??= ensureRuntimeFolder();
    const fd = openSync(this.#folder, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      for (let tries = 0; tries < LOCK_TRIES_MAX; tries++) {
        if (flock(fd)) return act(this.#folder);
        await new Promise<void>((resolve) => void this.#clock.after(LOCK_RETRY_MS, resolve));
      }
      throw new Problem("RUN_LEASE_FILE", {
        what: `Cannot lock "${this.#folder}": another process does not let go of it`,
      });
    } finally {
      closeSync(fd);
    }
  }
}

/** Whether it still has the lease. Its death is known only where its pid means the same to us. */
function holds(holder: Holder, us: Self, nowMs: number): boolean {
  if (holder.boot !== us.boot || holder.expiresMs <= nowMs) return false;
  if (holder.pidNamespace !== us.pidNamespace) return true;
  return isAlive(holder.pid) && startTicks(holder.pid) === holder.startTicks;
}

function whoWeAre(): Self {
  return {
    pid: process.pid,
    startTicks: startTicks(process.pid) ?? "",
    pidNamespace: readlinkSync("/proc/self/ns/pid"),
    boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
  };
}

function readLease(path: string): LeaseFile {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT") return { token: 0 };
    throw broken(path, error instanceof Error ? error.message : String(error));
  }
  const file = parsed(text);
  if (file === undefined) throw broken(path, "it does not hold a lease");
  return file;
}

function parsed(text: string): LeaseFile | undefined {
  try {
    const value = JSON.parse(text) as Partial<LeaseFile> | null;
    const good = Number.isSafeInteger(value?.token) && (value?.holder === undefined || isHolder(value.holder));
    return good ? (value as LeaseFile) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isHolder(value: Partial<Holder> | null): boolean {
  if (value === null) return false;
  const texts = [value.nonce, value.startTicks, value.pidNamespace, value.boot];
  return texts.every((text) => typeof text === "string") && [value.pid, value.expiresMs].every(Number.isFinite);
}

/** Whole or not at all: a reader sees the old file or the new one, also after a power failure. */
function writeLease(path: string, file: LeaseFile): void {
  const fresh = `${path}.new`;
  const fd = openSync(fresh, "w", 0o600);
  try {
    writeSync(fd, `${JSON.stringify(file)}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
  renameSync(fresh, path);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function broken(path: string, reason: string): Problem {
  return new Problem("RUN_LEASE_FILE", { what: `Cannot use the lease file "${path}": ${reason}` });
}
