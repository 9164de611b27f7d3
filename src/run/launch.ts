/**
 * Starts a program that is not ours (Postgres, a person's `command`) so that it dies with us. Such a program sets no
 * parent-death signal of its own, and the signal does not survive a fork: so we start ourselves as an `exec` child, which
 * leaves the terminal's session, drops to another user if asked, asks for the signal, looks whether the parent still
 * lives, and then becomes the program. What such a program starts does not get the signal; for that there is the leash, a
 * pipe that only we hold open.
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
import { closeFd, execve, leashGroup, openPipe, parentPid, prctlDeathSignal, setGidUid, setsid } from "./os.ts";

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
  /** Kills also all that the program has started, as far as it stays in its process group, when we die or it ends. */
  readonly wholeGroup?: boolean;
}

/** The first descriptor behind standard input, output and error. */
const LEASH_FD = 3;

/** `argv[0]` must be an absolute path. The exit code 127 of the process means that the program could not be started. */
export function launch(argv: readonly string[], options: LaunchOptions = {}): Subprocess {
  const leash = options.wholeGroup === true ? openPipe() : undefined;
  const order: ChildOrder = {
    kind: "exec",
    parent: process.pid,
    deathSignal: signalNumber(options.deathSignal ?? "SIGKILL"),
    argv,
    ...(leash === undefined ? {} : { leash: LEASH_FD }),
    ...(options.uid === undefined ? {} : { uid: options.uid }),
    ...(options.gid === undefined ? {} : { gid: options.gid }),
  };
  const child = Bun.spawn(selfCommand(), {
    stdio: ["ignore", options.stdout ?? "inherit", options.stderr ?? "inherit", ...(leash ? [leash.read] : [])],
    env: { ...(options.env ?? childEnvironment()), [CHILD_VARIABLE]: JSON.stringify(order) },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  if (leash !== undefined) {
    closeFd(leash.read);
    void child.exited.then(() => closeFd(leash.write));
  }
  return child;
}

/** The child's side: becomes the program, or ends with a line on stderr and 127. */
export function becomeProgram(order: ChildOrder & { kind: "exec" }): number {
  const [path] = order.argv;
  if (path === undefined) throw new Error("Cannot start a program: no path was given");
  setsid();
  if (order.uid !== undefined) setGidUid(order.gid ?? order.uid, order.uid);
  if (order.leash !== undefined) leashGroup(order.leash, signalNumber("SIGKILL"));
  prctlDeathSignal(order.deathSignal);
  if (parentPid() !== order.parent) return 127;
  try {
    execve(path, order.argv, childEnvironment());
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 127;
  }
}
