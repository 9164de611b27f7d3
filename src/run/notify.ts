/**
 * Tells systemd how the box is: sd_notify(3), one datagram a message. Outside systemd (no NOTIFY_SOCKET) it says nothing.
 * Only the keeper speaks: no child inherits the socket (`self.ts`). Invariant: it never fails its caller. A message that
 * is not taken is reported once; systemd then acts on its own timeouts.
 */
import type { Clock, Timer } from "../../proxy/base/clock.ts";
import { clock as realClock } from "./clock.ts";
import { monotonicMicros, sendDatagram } from "./os.ts";

export interface Notify {
  /** Also after a reload, obeyed or not. */
  ready(status?: string): void;
  reloading(): void;
  /** `withinMs`: how long it may take; systemd is asked to wait so long. */
  stopping(withinMs?: number): void;
  /** One line for `systemctl status`. The same line twice is sent once. */
  status(text: string): void;
  /** At a binary upgrade: the process that systemd is to watch from now on. */
  mainPid(pid: number): void;
  /** Ends the watchdog's beat. */
  close(): void;
}

export interface NotifySeams {
  readonly env?: { readonly [name: string]: string | undefined };
  readonly pid?: number;
  readonly clock?: Clock;
  send?(path: string, bytes: Uint8Array): void;
  monotonicMicros?(): bigint;
  /** Called once, when a message could not be sent. */
  failed?(reason: unknown): void;
}

const STATUS_MAX = 512;
/** Between the moment by which we mean to have stopped and the one at which systemd kills. */
const STOP_MARGIN_MS = 5_000;
/** More often than this is of no use to anybody, whatever WatchdogSec says. */
const BEAT_MS_MIN = 10;

export function makeNotify(seams: NotifySeams = {}): Notify {
  const env = seams.env ?? process.env;
  const path = socketPath(env["NOTIFY_SOCKET"]);
  return path === undefined ? SILENT : new SystemdNotify(path, seams);
}

/**
 * How often the watchdog wants to hear of process `pid`, halved as sd_watchdog_enabled(3) advises. `undefined`: not at all.
 */
export function watchdogBeatMs(env: NonNullable<NotifySeams["env"]>, pid: number): number | undefined {
  const { WATCHDOG_USEC: micros = "", WATCHDOG_PID: owner } = env;
  if (!/^[1-9]\d{0,14}$/.test(micros)) return undefined;
  if (owner !== undefined && owner !== String(pid)) return undefined;
  return Math.max(BEAT_MS_MIN, Number(micros) / 1_000 / 2);
}

class SystemdNotify implements Notify {
  readonly #path: string;
  readonly #send: (path: string, bytes: Uint8Array) => void;
  readonly #micros: () => bigint;
  readonly #failed: ((reason: unknown) => void) | undefined;
  readonly #beat: Timer | undefined;
  #status: string | undefined;
  #broken = false;

  constructor(path: string, seams: NotifySeams) {
    this.#path = path;
    this.#send = seams.send ?? sendDatagram;
    this.#micros = seams.monotonicMicros ?? monotonicMicros;
    this.#failed = seams.failed?.bind(seams);
    const beatMs = watchdogBeatMs(seams.env ?? process.env, seams.pid ?? process.pid);
    if (beatMs !== undefined) this.#beat = (seams.clock ?? realClock).every(beatMs, () => this.#say("WATCHDOG=1"));
  }

  ready(status?: string): void {
    this.#status = status ?? this.#status;
    this.#say("READY=1", ...(status === undefined ? [] : [`STATUS=${oneLine(status)}`]));
  }

  /** The time is what tells systemd that this READY belongs to that reload (Type=notify-reload). */
  reloading(): void {
    this.#say("RELOADING=1", `MONOTONIC_USEC=${this.#micros()}`);
  }

  stopping(withinMs?: number): void {
    const extend =
      withinMs === undefined ? [] : [`EXTEND_TIMEOUT_USEC=${Math.ceil(withinMs + STOP_MARGIN_MS) * 1_000}`];
    this.#say("STOPPING=1", ...extend);
  }

  status(text: string): void {
    if (text === this.#status) return;
    this.#status = text;
    this.#say(`STATUS=${oneLine(text)}`);
  }

  mainPid(pid: number): void {
    this.#say(`MAINPID=${pid}`);
  }

  close(): void {
    this.#beat?.cancel();
  }

  #say(...lines: readonly string[]): void {
    try {
      this.#send(this.#path, new TextEncoder().encode(`${lines.join("\n")}\n`));
    } catch (error) {
      if (!this.#broken) this.#failed?.(error);
      this.#broken = true;
    }
  }
}

const SILENT: Notify = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
  status: () => undefined,
  mainPid: () => undefined,
  close: () => undefined,
};

/** A path or an abstract name; the other kinds (vsock:) are for virtual machines. */
function socketPath(text: string | undefined): string | undefined {
  return text !== undefined && /^[/@]./.test(text) ? text : undefined;
}

/** A line feed would begin another assignment. */
function oneLine(text: string): string {
  return text.replaceAll(/[\u0000-\u001f\u007f]+/g, " ").slice(0, STATUS_MAX);
}
