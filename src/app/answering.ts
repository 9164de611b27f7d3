/** Asks an HTTP server for its head once, to see whether it answers at all; what it answers does not matter. */
import type { Clock } from "../../proxy/base/clock.ts";

const ANSWER_TIMEOUT_MS = 2_000;
const ANYWHERE: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

export async function isAnswering(
  at: { readonly host: string; readonly port: number },
  clock: Clock,
): Promise<boolean> {
  const hostname = ANYWHERE[at.host] ?? at.host;
  const answer = Promise.withResolvers<boolean>();
  const timer = clock.after(ANSWER_TIMEOUT_MS, () => answer.resolve(false));
  try {
    const socket = await Bun.connect({
      hostname,
      port: at.port,
      socket: {
        data: (_socket, bytes) => answer.resolve(bytes.toString("latin1").startsWith("HTTP/1.")),
        close: () => answer.resolve(false),
        error: () => answer.resolve(false),
      },
    });
    socket.write(`HEAD / HTTP/1.1\r\nHost: ${hostname}\r\nUser-Agent: scale\r\nConnection: close\r\n\r\n`);
    const isHttp = await answer.promise;
    socket.terminate();
    return isHttp;
  } catch (error) {
    if (error instanceof Error && "code" in error) return false;
    throw error;
  } finally {
    timer.cancel();
  }
}
