/**
 * Which of the sockets that systemd opened (sd_listen_fds(3)) stands for which that a box listens on: by its address, else
 * by FileDescriptorName=, which then is the name of the role. Pure but for asking the kernel by `addressOf`.
 * Invariant: every socket is taken over by someone; one that nobody accepts on would keep its clients waiting for ever.
 */
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import type { ListenFd, ListenFdsFlaw } from "./listen-fds.ts";
import type { Plan } from "./plan.ts";
import type { HeldSocket } from "./sockets.ts";

interface Wanted {
  readonly crew: string;
  readonly asked: Address;
}

export interface ActivationSeams {
  /** What a descriptor listens on; undefined when it is no listening stream socket. */
  addressOf(fd: number): Address | undefined;
}

/** Throws RUN_LISTEN_FDS when one of them is of no use. */
export function activate(
  passed: readonly ListenFd[] | ListenFdsFlaw,
  plan: Plan,
  { addressOf }: ActivationSeams,
): readonly HeldSocket[] {
  if (typeof passed === "string") throw useless(`its variables make no sense: ${passed}`);
  const left = plan.crews.flatMap(({ name, sockets }) => sockets.map((asked): Wanted => ({ crew: name, asked })));
  const take = (found: Wanted | undefined): Wanted | undefined => {
    if (found !== undefined) left.splice(left.indexOf(found), 1);
    return found;
  };
  const held: HeldSocket[] = [];
  const unmatched: { readonly one: ListenFd; readonly address: Address }[] = [];
  for (const one of passed) {
    const address = addressOf(one.fd);
    if (address === undefined) throw useless(`descriptor ${one.fd} ("${one.name}") is no listening stream socket`);
    const found = take(left.find(({ asked }) => isSame(asked, address)));
    if (found === undefined) unmatched.push({ one, address });
    else held.push({ ...found, address, fd: one.fd, foreign: true });
  }
  for (const { one, address } of unmatched) {
    const named = left.filter(({ crew }) => one.name === crew || one.name === plan.role);
    const found = named.length === 1 ? take(named[0]) : undefined;
    if (found === undefined) throw useless(`the box does not listen on "${formatAddress(address)}" ("${one.name}")`);
    held.push({ ...found, address, fd: one.fd, foreign: true });
  }
  return held;
}

/** struct sockaddr_in, sockaddr_in6 or sockaddr_un, as the kernel gives them on Linux. */
export function addressFrom(name: Uint8Array): Address | undefined {
  const view = new DataView(name.buffer, name.byteOffset, name.byteLength);
  switch (name.length < 2 ? 0 : view.getUint16(0, true)) {
    case AF_UNIX: {
      const path = new TextDecoder().decode(name.subarray(2)).replace(/\0+$/, "");
      return path === "" || path.startsWith("\0") ? undefined : { path };
    }
    case AF_INET:
      return { host: name.subarray(4, 8).join("."), port: view.getUint16(2) };
    case AF_INET6:
      return { host: shortest(view), port: view.getUint16(2) };
    default:
      return undefined;
  }
}

const AF_UNIX = 1;
const AF_INET = 2;
const AF_INET6 = 10;
const ANY: readonly string[] = ["0.0.0.0", "::"];

/** RFC 5952, by the runtime's own reader of URLs. */
function shortest(view: DataView): string {
  const groups = Array.from({ length: 8 }, (_, at) => view.getUint16(8 + at * 2).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** A socket of all addresses of both families stands for one of all addresses of either: systemd opens the former. */
function isSame(asked: Address, open: Address): boolean {
  if (asked.path !== undefined || open.path !== undefined) return asked.path === open.path;
  if (asked.port !== open.port) return false;
  const host = asked.host === "localhost" ? "127.0.0.1" : asked.host;
  return host === open.host || (ANY.includes(host) && ANY.includes(open.host));
}

function useless(reason: string): Problem {
  return new Problem("RUN_LISTEN_FDS", {
    what: `Cannot take over the sockets of systemd: ${reason}`,
    fix: "Let ListenStream= of the socket unit and listen name the same address; an app needs at least two workers",
  });
}
