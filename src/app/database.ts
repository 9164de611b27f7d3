/**
 * Where the program finds the pool that the workers of its box share. What is known before a box runs is in its setup; the
 * port that the keeper chose is known only to a worker.
 */
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Box } from "../../proxy/role.ts";

export interface SharedPool {
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The pool's unix socket; `db` takes it, because nobody has to show a password there. */
  readonly path: string;
}

const CREW = "pool";

/** A URL that any driver takes: not every one can be told of a unix socket. */
export function sharedPoolUrl({ user, password, database }: SharedPool, { sockets }: Pick<Box, "sockets">): string {
  const at = sockets.find(({ crew, address }) => crew === CREW && address.path === undefined)?.address;
  if (at === undefined) throw new Error("Cannot name the pool of this box: the keeper holds no port for it");
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(password)}`;
  return `postgres://${login}@${formatAddress(at)}/${encodeURIComponent(database)}`;
}

/** Where clients of the box find the program, with the port that the keeper chose where 0 was asked for. */
export function frontAddress(listen: Address, { sockets }: Pick<Box, "sockets">): Address {
  const asked = formatAddress(listen);
  return sockets.find((one) => one.crew === "lb" && formatAddress(one.asked) === asked)?.address ?? listen;
}
