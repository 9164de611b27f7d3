/**
 * Hides the channel between this process and its keeper from the program, which would take it for its own: programs that
 * know pm2 or node:cluster say `process.send("ready")` when there is such a thing.
 */
export function hideChannel(): void {
  for (const [name, value] of Object.entries({ send: undefined, disconnect: undefined, channel: undefined, connected: false })) {
    Object.defineProperty(process, name, { value, configurable: true, writable: true });
  }
}
