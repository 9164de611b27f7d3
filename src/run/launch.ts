/**
 * Starts a program that is not ours (Postgres, a person's `command`) so that it dies with us. Such a program sets no
 * parent-death signal of its own, and the signal does not survive a fork: so we start ourselves as an `exec` child, which
 * leaves the terminal's session, drops to another user if asked, asks for the signal, looks whether the parent still
 * lives, and then becomes the program.
 */
import type { Subprocess } from "bun";
import {
  CHILD_VARIABLE,
  childEnvironment,
  selfCommand,
  signalNumber,
  type ChildOrder,
  type DeathSignal,
} from "./self.ts";
import { execve, parentPid, prctlDeathSignal, setGidUid, setsid } from "./os.ts";

type Output = "inherit" | "ignore" | "pipe" | number;

export interface LaunchOptions {
  readonly cwd?: string;
  /** The whole environment of the program; ours, without what must not be inherited, when absent. */
  readonly env?: Readonly<Record<string, string>>;
  readonly uid?: number;
  readonly gid?: number;
  readonly stdout?: Output;
  readonly stderr?: Output;
  /** What the program gets when we die; SIGKILL when absent. */
  readonly deathSignal?: DeathSignal;
}

/** `argv[0]` must be an absolute path. The exit code 127 of the process means that the program could not be started. */
export function launch(argv: readonly string[], options: LaunchOptions = {}): Subprocess {
  const order: ChildOrder = {
    kind: "exec",
    parent: process.pid,
    deathSignal: signalNumber(options.deathSignal ?? "SIGKILL"),
    argv,
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  };
  return Bun.spawn(selfCommand(), {
    stdin: "ignore",
    stdout: options.stdout ?? "inherit",
    stderr: options.stderr ?? "inherit",
    env: { ...(options.env ?? childEnvironment()), [CHILD_VARIABLE]: JSON.stringify(order) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
}

/** The child's side: becomes the program, or ends with a line on stderr and 127. */
export function becomeProgram(order: ChildOrder & { kind: "exec" }): number {
  const [path] = order.argv;
  if (path === undefined) throw new Error("Cannot start a program: no path was given");
  setsid();
  if (order.uid !== undefined) setGidUid(order.gid ?? order.uid, order.uid);
  prctlDeathSignal(order.deathSignal);
  if (parentPid() !== order.parent) return 127;
  try {
    execve(path, order.argv, childEnvironment());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 127;
  }
}
