/** Codes of the pool: what its configuration can have wrong. */
import type { CodePage } from "./codes.ts";

export const poolCodes = {
  POOL_NO_DATABASE: {
    title: "The pool has no database to offer",
    why: "Clients of a pool name one of [pool.databases]. There is none, or one of them names a store that is in no [postgres.NAME].",
    fix: 'Write [pool.databases.shop] with store = "main" beside [postgres.main], or use the quick form: scale --role pool --to postgres://user:password@host/shop.',
    exit: 2,
  },
  POOL_NO_PASSWORD: {
    title: "Nobody could log in to the pool",
    why: "Clients of a pool log in with the user and the password of the store's URL, unless [pool.users] names others. This URL has no password. That the server trusts this machine does not mean that everyone who reaches the pool may be trusted, so this must be said.",
    fix: 'Put a password into the URL (${env:NAME} or ${file:PATH} keep it out of the file), name users in [pool.users], or say pool.auth = "trust" where only trusted clients reach the pool. pool.auth = "peer" lets in who runs as the same user, over a unix socket.',
    exit: 2,
  },
  POOL_SOCKET_PATH: {
    title: "The path of the pool's unix socket is too long",
    why: "A unix socket's path has at most 107 bytes. The pool puts Postgres' own socket name (.s.PGSQL. and the port) into the folder that pool.listen names.",
    fix: "Name a folder with a shorter path, such as /run/scale.",
    exit: 2,
  },
  POOL_STORE_URL: {
    title: "The pool cannot use the URL of a store",
    why: "A link of the pool logs in to one server. The URL names several hosts, or a parameter that the pool does not obey; ignoring it could connect with less safety than was asked for.",
    fix: "Write postgres://user:password@host:port/database. Known parameters: application_name, connect_timeout, dbname, host, options, password, port, sslcert, sslkey, sslmode, sslrootcert, user.",
    exit: 2,
  },
} as const satisfies Record<string, CodePage>;
