/**
 * Hides the channel between this process and its keeper from the program, which would take it for its own: programs that
 * know pm2 or node:cluster say `process.send("ready")` when there is such a thing.
 */
const HIDDEN = { send: undefined, disconnect: undefined, channel: undefined, connected: false } as const;

const LISTEN = ["on", "addListener", "once", "prependListener", "prependOnceListener"] as const;
/** What only the channel fires. */
const OURS: readonly unknown[] = ["message", "disconnect"];

export function hideChannel(process: object): void {
  for (const name of LISTEN) {
    const listen: unknown = Reflect.get(process, name);
    if (typeof listen !== "function") continue;
    const value = (event: unknown, ...rest: unknown[]): unknown =>
      OURS.includes(event) ? process : Reflect.apply(listen, process, [event, ...rest]);
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
  for (const [name, value] of Object.entries(HIDDEN)) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
}
