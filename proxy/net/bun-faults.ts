/** What the runtime says of a broken socket, as the Fault that a conversation understands. By codes, never by messages. */
import { Fault, type FaultCode } from "../base/fault.ts";

/** Who dialled whom: an accepted wire leads to a client, a dialled one to a server. */
export type Origin = "accepted" | "dialled";

/** How far the wire had come. */
export type Phase = "dialing" | "securing" | "open";

/** Our own machine had no more of these: the target is as good as before. */
const OURS: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOBUFS", "ENOMEM", "EADDRNOTAVAIL", "EAGAIN"]);

const LOST = {
  accepted: { dialing: "CLIENT_GONE", securing: "CLIENT_GONE", open: "CLIENT_GONE" },
  dialled: { dialing: "SERVER_UNREACHABLE", securing: "SERVER_UNREACHABLE", open: "SERVER_GONE" },
} as const satisfies Record<Origin, Record<Phase, FaultCode>>;

/** The other side, or our machine, broke it. */
export function lostFault(origin: Origin, phase: Phase, cause: unknown): Fault {
  const what = codeOf(cause);
  if (phase === "dialing" && OURS.has(what)) return new Fault("OVERLOADED", `Cannot dial: ${what}`, { cause });
  const doing = { dialing: "dial", securing: "speak TLS", open: "read" }[phase];
  return new Fault(LOST[origin][phase], `Cannot ${doing}: ${what}`, { cause });
}

export function slowDialFault(deadlineMs: number): Fault {
  return new Fault("SERVER_DIAL_SLOW", `Cannot dial: not open after ${deadlineMs} ms`);
}

/** The handshake failed by what the peer sent, or its certificate did not pass. */
export function tlsFault(origin: Origin, what: string, cause?: unknown): Fault {
  if (origin === "dialled") return new Fault("SERVER_LOGIN", `Cannot speak TLS: ${what}`, { cause });
  return new Fault("CLIENT_PROTOCOL", `Cannot speak TLS: ${what}`, { cause });
}

/** A name of the runtime's or the kernel's, or "closed" where it gave none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "closed";
}
