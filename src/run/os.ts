/**
 * The one seam to the operating system (Linux with glibc) for what the runtime has no word for. Nothing else in the tree
 * uses `bun:ffi`. libc is opened on first use, so that a command which needs none of this does not pay for it.
 * Calls return what the kernel said; a failure that the caller cannot ignore throws with the errno's number.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { dlopen, ptr, read, type Pointer } from "bun:ffi";
import { BROKEN, NOTHING_YET, type PeekSeam } from "../../proxy/net/peek-seam.ts";

const PR_SET_PDEATHSIG = 1;
const PR_SET_NAME = 15;
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;
const MSG_DONTWAIT = 0x40;
const MSG_PEEK = 2;
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const SO_ACCEPTCONN = 30;
/** struct sockaddr_storage. */
const SOCKADDR_BYTES_MAX = 128;
/** What SO_PEERCRED says of a socket that has no credentials. */
const UID_NONE = 0xffff_ffff;
const EAGAIN = 11;
const LOCK_EX_NB = 2 | 4;
const LOCK_UN = 8;
const SIG_SETMASK = 2;
const SIGPIPE = 13;
const MFD_CLOEXEC = 1;
const CLOCK_MONOTONIC = 1;
const O_ASYNC = 0o20000;
const O_CLOEXEC = 0o2000000;
const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1_030;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const F_SETFL = 4;
const F_SETOWN = 8;
const F_SETSIG = 10;
/** Above what a shell script redirects by number (`exec 3>file`), which would let go of a leash. */
const LEASH_FD_MIN = 100;
const MADV_DONTNEED = 4;
/** sockaddr_un.sun_path, unix(7). */
const SOCKET_PATH_MAX = 108;

function open() {
  return dlopen("libc.so.6", {
    __errno_location: { args: [], returns: "ptr" },
    clock_gettime: { args: ["i32", "ptr"], returns: "i32" },
    fcntl: { args: ["i32", "i32", "i32"], returns: "i32" },
    execve: { args: ["ptr", "ptr", "ptr"], returns: "i32" },
    listen: { args: ["i32", "i32"], returns: "i32" },
    getsockname: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    flock: { args: ["i32", "i32"], returns: "i32" },
    madvise: { args: ["u64", "u64", "i32"], returns: "i32" },
    getppid: { args: [], returns: "i32" },
    getsockopt: { args: ["i32", "i32", "i32", "ptr", "ptr"], returns: "i32" },
    memfd_create: { args: ["ptr", "u32"], returns: "i32" },
    pipe2: { args: ["ptr", "i32"], returns: "i32" },
    prctl: { args: ["i32", "u64", "u64", "u64", "u64"], returns: "i32" },
    recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    send: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
    sendto: { args: ["i32", "ptr", "u64", "i32", "ptr", "u32"], returns: "i64" },
    setsid: { args: [], returns: "i32" },
    signal: { args: ["i32", "u64"], returns: "u64" },
    sigprocmask: { args: ["i32", "ptr", "ptr"], returns: "i32" },
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    close: { args: ["i32"], returns: "i32" },
  }).symbols;
}

let opened: ReturnType<typeof open> | undefined;

function libc(): ReturnType<typeof open> {
  opened ??= open();
  return opened;
}

/** A second descriptor of the same open file; throws when there is none to be had. */
export function dup(fd: number): number {
  return demand("fcntl", libc().fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/** The kernel sends us `signal` when the thread that spawned us dies. Check `parentPid` after it: it may be dead already. */
export function prctlDeathSignal(signal: number): void {
  demand("prctl", libc().prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0));
}

export function parentPid(): number {
  return libc().getppid();
}

/** The two ends of a pipe, which no child inherits by itself. */
export function openPipe(): { readonly read: number; readonly write: number } {
  const ends = new Int32Array(2);
  demand("pipe2", libc().pipe2(ptr(ends), O_CLOEXEC));
  return { read: ends[0] ?? -1, write: ends[1] ?? -1 };
}

export function closeFd(fd: number): void {
  demand("close", libc().close(fd));
}

/**
 * The kernel kills our whole process group when the last writer of the pipe behind `fd` is gone, however it went. It lasts
 * over `execve`, and as long as anyone in the group has the descriptor open, which is moved out of the way and inherited.
 */
export function leashGroup(fd: number, signal: number): void {
  const kept = demand("fcntl", libc().fcntl(fd, F_DUPFD, LEASH_FD_MIN));
  demand("fcntl", libc().fcntl(kept, F_SETSIG, signal));
  demand("fcntl", libc().fcntl(kept, F_SETOWN, -process.pid));
  demand("fcntl", libc().fcntl(kept, F_SETFL, O_ASYNC));
  closeFd(fd);
}

/** How many connections may wait in a listening socket until they are accepted. */
export function setBacklog(fd: number, backlog: number): void {
  demand("listen", libc().listen(fd, backlog));
}

/** No program that we start gets it but by name. */
export function closeOnExec(fd: number): void {
  demand("fcntl", libc().fcntl(fd, F_SETFD, FD_CLOEXEC));
}

/** What an open descriptor listens on; undefined when it is no listening stream socket. */
export function listeningAddress(fd: number): Uint8Array | undefined {
  const value = new Int32Array(2);
  value[1] = 4;
  const isListening = libc().getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, ptr(value), ptr(value, 4)) === 0;
  if (!isListening || value[0] !== 1) return undefined;
  const name = new Uint8Array(SOCKADDR_BYTES_MAX);
  const length = new Int32Array([name.length]);
  demand("getsockname", libc().getsockname(fd, ptr(name), ptr(length)));
  return name.slice(0, Math.min(length[0] ?? 0, name.length));
}

/** What `ps` and `top` show; the kernel keeps 15 bytes. */
export function setName(name: string): void {
  const bytes = cString(name.slice(0, 15));
  libc().prctl(PR_SET_NAME, ptr(bytes), 0, 0, 0);
}

/** Leaves the terminal's session, so that Ctrl-C reaches only the process a person started. */
export function setsid(): void {
  libc().setsid();
}

/**
 * Replaces this process by another program. Signals are as a fresh process expects them (nothing blocked, SIGPIPE not
 * ignored: the runtime ignores it, and that would be inherited). Returns only by throwing.
 */
export function execve(path: string, argv: readonly string[], env: { readonly [name: string]: string }): never {
  libc().signal(SIGPIPE, 0);
  const none = new Uint8Array(128);
  libc().sigprocmask(SIG_SETMASK, ptr(none), null);
  const args = pointers(argv);
  const variables = pointers(Object.entries(env).map(([name, value]) => `${name}=${value}`));
  const file = cString(path);
  libc().execve(ptr(file), ptr(args.table), ptr(variables.table));
  throw new OsError("execve", errno(), path);
}

/** An exclusive lock on an open file, gone with the last descriptor of it. `false`: another process holds it. */
export function flock(fd: number): boolean {
  return libc().flock(fd, LOCK_EX_NB) === 0;
}

export function unlock(fd: number): void {
  libc().flock(fd, LOCK_UN);
}

/** Memory with a descriptor, that children map by inheriting it. It has no name in any file system. */
export function memoryFile(name: string): number {
  return demand("memfd_create", libc().memfd_create(ptr(cString(name)), MFD_CLOEXEC));
}

/**
 * Lets go of pages of the program's file that were needed once, to start. They are clean and stay in the page cache: what
 * runs again is mapped again, a page at a time. For processes that do next to nothing from then on.
 */
export function forgetProgramPages(): void {
  const self = readlinkSync("/proc/self/exe");
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const mapping = /^([0-9a-f]+)-([0-9a-f]+) r-xp .* (\/.*)$/.exec(line);
    if (mapping?.[3] !== self) continue;
    const [from, to] = [BigInt(`0x${mapping[1]}`), BigInt(`0x${mapping[2]}`)];
    libc().madvise(from, to - from, MADV_DONTNEED);
  }
}

/** One datagram to a unix socket; `@name` is the abstract name space. Throws when nobody takes it. */
export function sendDatagram(path: string, bytes: Uint8Array): void {
  const name = new TextEncoder().encode(path);
  if (name.length >= SOCKET_PATH_MAX) throw new OsError("sendto", 36, path);
  const address = new Uint8Array(2 + SOCKET_PATH_MAX);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const abstract = path.startsWith("@");
  if (abstract) address[2] = 0;
  const fd = demand("socket", libc().socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const length = 2 + name.length + (abstract ? 0 : 1);
  const sent = libc().sendto(fd, ptr(bytes), bytes.length, MSG_NOSIGNAL | MSG_DONTWAIT, ptr(address), length);
  const reason = errno();
  libc().close(fd);
  if (sent < 0n) throw new OsError("sendto", reason, path);
}

/** How much of `bytes` a connected socket takes without waiting, even if its descriptor blocks; 0 when it is full. */
export function sendNow(fd: number, bytes: Uint8Array): number {
  const sent = Number(libc().send(fd, ptr(bytes), bytes.length, MSG_DONTWAIT | MSG_NOSIGNAL));
  if (sent >= 0) return sent;
  const reason = errno();
  if (reason === EAGAIN) return 0;
  throw new OsError("send", reason);
}

/** struct ucred (pid, uid, gid) and its length; large enough that the engine never moves it. */
const credentials = new Uint32Array(1024);
const CREDENTIALS_LENGTH_AT = 8;

/** What proxy/net wants to know of a connected socket. */
export const peekSeam: PeekSeam = {
  peek(fd, into) {
    const count = Number(libc().recv(fd, ptr(into), into.length, MSG_PEEK | MSG_DONTWAIT));
    if (count >= 0) return count;
    return errno() === EAGAIN ? NOTHING_YET : BROKEN;
  },
  peerUid(fd) {
    const at = ptr(credentials);
    credentials[CREDENTIALS_LENGTH_AT] = 12;
    const lengthAt = ptr(credentials, CREDENTIALS_LENGTH_AT * 4);
    if (libc().getsockopt(fd, SOL_SOCKET, SO_PEERCRED, at, lengthAt) !== 0) return undefined;
    return credentials[1] === UID_NONE ? undefined : credentials[1];
  },
};

/** CLOCK_MONOTONIC in microseconds, as systemd's RELOADING wants it. */
export function monotonicMicros(): bigint {
  const time = new BigInt64Array(2);
  libc().clock_gettime(CLOCK_MONOTONIC, ptr(time));
  return (time[0] ?? 0n) * 1_000_000n + (time[1] ?? 0n) / 1_000n;
}

/** For a process that is root and must not be: groups first, the user last, since then there is no way back. */
export function setGidUid(gid: number, uid: number): void {
  process.setgroups?.([gid]);
  process.setgid?.(gid);
  process.setuid?.(uid);
}

/** A call to the kernel that failed. */
export class OsError extends Error {
  readonly errno: number;

  constructor(call: string, number: number, subject?: string) {
    super(`Cannot ${call}${subject === undefined ? "" : ` "${subject}"`}: errno ${number}`);
    this.name = "OsError";
    this.errno = number;
  }
}

function demand(call: string, result: number): number {
  if (result < 0) throw new OsError(call, errno());
  return result;
}

function errno(): number {
  const at = libc().__errno_location();
  return at === null ? 0 : read.i32(at, 0);
}

function cString(text: string): Uint8Array {
  return new TextEncoder().encode(`${text}\0`);
}

/** A NULL-terminated table of C strings. The strings are returned with it, for as long as the table is in use. */
function pointers(texts: readonly string[]): { table: BigUint64Array; strings: readonly Uint8Array[] } {
  const strings = texts.map(cString);
  const table = new BigUint64Array(strings.length + 1);
  strings.forEach((bytes, index) => {
    table[index] = BigInt(ptr(bytes) as Pointer);
  });
  return { table, strings };
}
