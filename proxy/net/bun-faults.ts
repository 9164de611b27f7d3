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

const SPOILT = {
  accepted: { dialing: "CLIENT_PROTOCOL", securing: "CLIENT_PROTOCOL", open: "CLIENT_PROTOCOL" },
  dialled: { dialing: "SERVER_LOGIN", securing: "SERVER_LOGIN", open: "SERVER_PROTOCOL" },
} as const satisfies Record<Origin, Record<Phase, FaultCode>>;

/**
 * The handshake failed by what the peer sent, or its certificate did not pass. Once TLS stands, what cannot be read is a
 * server's that may have acted: nothing is to be tried elsewhere.
 */
export function tlsFault(origin: Origin, phase: Phase, what: string, cause?: unknown): Fault {
  return new Fault(SPOILT[origin][phase], `Cannot speak TLS: ${what}`, { cause });
}

/** A name of the runtime's or the kernel's, or "closed" where it gave none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "closed";
}
