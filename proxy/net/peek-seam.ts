/**
 * What the runtime has no word for and net needs of the kernel, about a connected socket by its descriptor. The real one is
 * `peekSeam` of `src/run/os.ts`; `proxy` itself calls no foreign function.
 */
export interface PeekSeam {
  /** Copies what waits to be read into `into` without reading it: how many bytes, 0 at the peer's end, or one of below. */
  peek(fd: number, into: Uint8Array): number;
  /** Who made the other side of a unix socket (SO_PEERCRED); undefined for any other socket. */
  peerUid(fd: number): number | undefined;
}

/** `peek`: nothing has come yet. */
export const NOTHING_YET = -1;
/** `peek`: the socket is reset or closed. */
export const BROKEN = -2;
