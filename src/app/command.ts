/**
 * A program of `app.command`: any HTTP server that obeys PORT. It is a process of its own, started so that it dies with
 * us, with all that it started, and it owns its port: what happens to requests while it stops is its own affair, and a reload ends the old one
 * before the new one starts.
 */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { Subprocess } from "bun";
import { HEALTHY, type Health } from "../../proxy/base/health.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import type { Duty, Host, Prepared } from "../../proxy/role.ts";
import { Problem } from "../problem/problem.ts";
import { launch } from "../run/launch.ts";
import { childEnvironment } from "../run/self.ts";
import { sendSignal } from "../run/signals.ts";
import { probeAddress } from "./address-probe.ts";
import { isAnswering } from "./answering.ts";
import { type AppSetup, programEnvironment } from "./setup.ts";

/** How often a program that starts is asked whether it answers. */
const ASK_MS = 50;
const NO_SUCH_PROGRAM = 127;

export class CommandDuty implements Duty<AppSetup> {
  readonly #host: Host;
  #setup: AppSetup;
  #child: Subprocess | undefined;
  #health: Health = { ok: false, why: "the command is starting" };

  constructor(setup: AppSetup, host: Host) {
    this.#setup = setup;
    this.#host = host;
  }

  async start(): Promise<void> {
    const { listen } = this.#setup;
    if (listen.path !== undefined) throw new Error("Cannot start a command on a unix socket");
    await probeAddress(listen);
    const argv = commandOf(this.#setup);
    const child = launch(argv, {
      cwd: folderOf(this.#setup),
      env: environmentOf(this.#setup),
      wholeGroup: true,
    });
    this.#child = child;
    void child.exited.then(() => this.#ended(child));
    await this.#untilAnswering(child, listen);
    this.#health = HEALTHY;
    this.#host.log.info("command_ready", { command: argv[0], pid: child.pid, port: listen.port });
  }

  health(): Health {
    return this.#health;
  }

  /** Two programs cannot have one port, so the change is made in place: the old one ends, the new one starts. */
  async prepare(next: AppSetup): Promise<Prepared> {
    if (next.program.kind !== "command") return { how: "replace" };
    commandOf(next);
    return {
      how: "in place",
      abort: () => undefined,
      commit: async () => {
        await this.#end(this.#setup.startTimeoutMs);
        this.#setup = next;
        await this.start();
      },
    };
  }

  async drain(deadlineMs: number): Promise<void> {
    this.#health = { ok: false, why: "draining" };
    await this.#end(deadlineMs);
  }

  async stop(): Promise<void> {
    await this.#end(0);
  }

  /** SIGTERM to the program, and SIGKILL to it and all that it started when it is gone or too slow. */
  async #end(deadlineMs: number): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined) return;
    sendSignal(child.pid, "SIGTERM");
    const late = Promise.withResolvers<void>();
    const timer = this.#host.clock.after(deadlineMs, late.resolve);
    await Promise.race([child.exited, late.promise]);
    timer.cancel();
    // The program leads a session and a group of its own, which may have outlived it.
    if (!sendSignal(-child.pid, "SIGKILL")) sendSignal(child.pid, "SIGKILL");
    await child.exited;
  }

  #ended(child: Subprocess): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    sendSignal(-child.pid, "SIGKILL");
    const wasReady = this.#health.ok;
    this.#health = { ok: false, why: "the command ended" };
    if (wasReady) this.#host.fail(exitProblem(this.#setup, child));
  }

  async #untilAnswering(child: Subprocess, at: { readonly host: string; readonly port: number }): Promise<void> {
    const { clock } = this.#host;
    const until = clock.now() + this.#setup.startTimeoutMs;
    for (;;) {
      if (this.#child !== child) throw exitProblem(this.#setup, child);
      if (await isAnswering(at, clock)) return;
      if (clock.now() >= until) throw await this.#tooLate();
      await pause(clock, ASK_MS);
    }
  }

  async #tooLate(): Promise<Problem> {
    await this.#end(0);
    const { startTimeoutMs, listen } = this.#setup;
    return new Problem("APP_NEVER_LISTENED", {
      what: `Cannot serve ${nameOf(this.#setup)}: nothing answered on port ${listen.port ?? 0} within ${startTimeoutMs} ms`,
      why: "The command runs, but it does not serve HTTP on the port that stands in PORT.",
      fix: "Make the program listen on PORT, or raise start_timeout",
    });
  }
}

/** The command with the path of its program. Throws APP_COMMAND_MISSING. */
export function commandOf(setup: AppSetup): readonly [string, ...string[]] {
  const { program } = setup;
  if (program.kind !== "command") throw new Error("Cannot start a command: the program is a file");
  const [name = "", ...rest] = program.argv;
  const found = name.includes("/") ? resolve(program.folder, name) : Bun.which(name, { PATH: pathOf(setup) });
  if (found !== null && statSync(found, { throwIfNoEntry: false })?.isFile() === true) return [found, ...rest];
  throw new Problem("APP_COMMAND_MISSING", {
    what: `Cannot start "${name}": ${name.includes("/") ? `there is no file "${found}"` : "no folder of PATH has it"}`,
    fix: "Install it, or write its absolute path",
  });
}

function exitProblem(setup: AppSetup, child: Subprocess): Problem {
  const { exitCode, signalCode } = child;
  const how = signalCode === null ? `exit code ${exitCode}` : `signal ${signalCode}`;
  const why =
    exitCode === NO_SUCH_PROGRAM
      ? "Exit code 127 means that it, or what it starts, could not be started."
      : "Its own last lines are in the log just above.";
  const memory = signalCode === "SIGKILL" ? " It may have been killed for using too much memory." : "";
  return new Problem("APP_COMMAND_EXITED", {
    what: `Cannot go on with ${nameOf(setup)}: it ended with ${how}`,
    why: why + memory,
  });
}

function nameOf({ program }: AppSetup): string {
  return program.kind === "command" ? `"${program.argv.join(" ")}"` : `"${program.path}"`;
}

function folderOf({ program }: AppSetup): string {
  return program.kind === "command" ? program.folder : process.cwd();
}

function environmentOf(setup: AppSetup): Record<string, string> {
  return { ...childEnvironment(), ...programEnvironment(setup) };
}

function pathOf(setup: AppSetup): string {
  return setup.env["PATH"] ?? process.env["PATH"] ?? "";
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
