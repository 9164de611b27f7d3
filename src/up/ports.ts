/** Which port of the loopback interface can be had. */
import { createServer } from "node:net";
import { Problem } from "../problem/problem.ts";

/** How far beyond the port that was asked for a free one is looked for. */
const TRIES = 100;

/** The first free port from `wanted` on; 0 stands for any. */
export async function freePort(host: string, wanted: number): Promise<number> {
  for (let port = wanted; port <= Math.min(wanted + TRIES, 65_535); port += 1) {
    const got = await tryPort(host, port);
    if (got !== undefined) return got;
  }
  throw new Problem("UP_PORT_IN_USE", {
    what: `Cannot listen on ${host}:${wanted}: it and the ${TRIES} ports above it are in use`,
    fix: "Name another one with --port",
  });
}

/** Without SO_REUSEPORT, so that a port another program shares is seen as taken. */
function tryPort(host: string, port: number): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) => {
      if ("code" in error && error.code === "EADDRINUSE") resolve(undefined);
      else reject(new Problem("UP_PORT_REFUSED", { what: `Cannot listen on ${host}:${port}: ${error.message}` }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      const got = typeof address === "object" && address !== null ? address.port : port;
      server.close(() => resolve(got));
    });
  });
}
