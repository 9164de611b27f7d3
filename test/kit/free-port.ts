/**
 * A TCP port of 127.0.0.1 that nothing listens on just now, for programs that must be told one. It is below those that the
 * kernel gives to connections, or one of another test could take it before the program does.
 */
const FIRST = 12_000;
const COUNT = 20_000;
const TRIES_MAX = 100;

export function freePort(): number {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (isFree(port)) return port;
  }
  throw new Error(`Cannot find a free port: ${TRIES_MAX} were taken`);
}

function isFree(port: number): boolean {
  try {
    Bun.listen({ hostname: "127.0.0.1", port, socket: { data() {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
