/**
 * How this program starts itself again: every process of a box is the same executable under another environment
 * variable. `/proc/self/exe` and not a path, so that children are of the same build even when the file on disk has
 * been replaced since.
 */
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

/** Marks a child; its value is the JSON of a `ChildOrder`. */
export const CHILD_VARIABLE = "SCALE_CHILD";

/** Variables that act on the runtime before our code, or that speak to one process only; no child may inherit them. */
const NEVER_INHERITED = [
  "BUN_OPTIONS",
  "BUN_INSPECT",
  "BUN_INSPECT_CONNECT_TO",
  "BUN_INSPECT_NOTIFY",
  "BUN_BE_BUN",
  "NODE_OPTIONS",
  "NODE_CHANNEL_FD",
  "NODE_CHANNEL_SERIALIZATION_MODE",
  "NOTIFY_SOCKET",
  "WATCHDOG_USEC",
  "WATCHDOG_PID",
  "LISTEN_FDS",
  "LISTEN_PID",
  "LISTEN_FDNAMES",
  "SCALE_GENERATION",
  CHILD_VARIABLE,
] as const;

/** `BUN_OPTIONS` acts before any code of ours, so all that can be done is to say so and not to hand it on. */
export function injectionWarning(): string | undefined {
  if (process.env["BUN_OPTIONS"] === undefined) return undefined;
  return "BUN_OPTIONS changes the runtime of this process before scale begins; children do not get it. Unset it";
}

export type Environment = Record<string, string>;

export function selfCommand(): string[] {
  if (Bun.isStandaloneExecutable) return ["/proc/self/exe"];
  return [process.execPath, fileURLToPath(new URL("../main.ts", import.meta.url))];
}

/** Our environment without what must not be handed on. */
export function childEnvironment(from: Readonly<Record<string, string | undefined>> = process.env): Environment {
  const env: Environment = {};
  for (const [name, value] of Object.entries(from)) {
    if (value !== undefined && !(NEVER_INHERITED as readonly string[]).includes(name)) env[name] = value;
  }
  return env;
}

/** What a freshly started child is told by its environment, before any message. */
export type ChildOrder =
  | {
      readonly kind: "worker" | "steward";
      /** The pid that must still be our parent once the death signal is set. */
      readonly parent: number;
      /** Of a worker, the name of its crew; "" for the steward. */
      readonly crew: string;
      /** What people call this kind of process: steward, worker, or the role of another crew. */
      readonly title: string;
      /** 0 for the steward, 1 … n for the workers of a crew. */
      readonly index: number;
      /** This process's number in the shared page, unique over the life of the box. */
      readonly owner: number;
      readonly name: string;
    }
  | {
      /** A box of `scale up`: the command line is a person's, but it dies with `up` and leaves its terminal alone. */
      readonly kind: "box";
      readonly parent: number;
      readonly argv: readonly string[];
    }
  | {
      readonly kind: "exec";
      readonly parent: number;
      readonly deathSignal: number;
      readonly argv: readonly string[];
      /** The descriptor of the pipe whose end is the end of the program's whole process group. */
      readonly leash?: number;
      readonly uid?: number;
      readonly gid?: number;
    };

export type DeathSignal = "SIGKILL" | "SIGQUIT" | "SIGTERM";

export function signalNumber(signal: DeathSignal): number {
  return constants.signals[signal];
}
