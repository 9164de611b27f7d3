/**
 * Hides the channel between this process and its keeper from the program, which would take it for its own: programs that
 * know pm2 or node:cluster say `process.send("ready")` when there is such a thing.
 */
const HIDDEN = { send: undefined, disconnect: undefined, channel: undefined, connected: false } as const;

export function hideChannel(process: object): void {
  for (const [name, value] of Object.entries(HIDDEN)) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
}
