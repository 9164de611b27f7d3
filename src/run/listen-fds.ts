/**
 * The sockets that systemd opened for us: what the variables of sd_listen_fds(3) say. Pure: no descriptor is touched.
 * Invariant: what is returned are the descriptors 3, 4, … without a gap, in the order of the unit's Listen lines.
 */
export interface ListenFd {
  readonly fd: number;
  /** FileDescriptorName= of the socket unit. */
  readonly name: string;
}

export type ListenFdsFlaw = "bad LISTEN_PID" | "bad LISTEN_FDS" | "names do not match";

/** SD_LISTEN_FDS_START. */
const FIRST_FD = 3;
const FDS_MAX = 1_024;
const UNNAMED = "unknown";

/** None when they were not passed at all, or to another process. */
export function listenFds(
  env: { readonly [name: string]: string | undefined },
  pid: number,
): readonly ListenFd[] | ListenFdsFlaw {
  const { LISTEN_PID: owner, LISTEN_FDS: count, LISTEN_FDNAMES: names } = env;
  if (owner === undefined || count === undefined) return [];
  if (!/^[1-9]\d{0,9}$/.test(owner)) return "bad LISTEN_PID";
  if (Number(owner) !== pid) return [];
  if (!/^\d{1,4}$/.test(count) || Number(count) > FDS_MAX) return "bad LISTEN_FDS";
  const fds = Array.from({ length: Number(count) }, (_, at) => FIRST_FD + at);
  if (names === undefined) return fds.map((fd) => ({ fd, name: UNNAMED }));
  const each = names === "" ? [] : names.split(":");
  if (each.length !== fds.length) return "names do not match";
  return fds.map((fd, at) => ({ fd, name: each[at] ?? UNNAMED }));
}
