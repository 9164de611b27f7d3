/**
 * What a signal means to the process that a person started. The only place that listens for any: children leave the
 * terminal's session, so that Ctrl-C reaches only the keeper (or `up`), which then stops everything in order.
 */
export interface SignalMeanings {
  /** SIGTERM (exit code 0) or SIGINT (130), the first time. */
  stop(exitCode: number): void;
  /** The same, again: at once. */
  now(exitCode: number): void;
  /** SIGHUP. */
  reload(): void;
  /** SIGUSR2; nothing when absent. */
  upgrade?(): void;
}

export const INTERRUPTED = 130;

/** Returns what puts the signals back to what they were. */
export function obeySignals(meanings: SignalMeanings): () => void {
  let stopping = false;
  const end = (exitCode: number) => (): void => {
    if (stopping) meanings.now(exitCode);
    else meanings.stop(exitCode);
    stopping = true;
  };
  const handlers = {
    SIGTERM: end(0),
    SIGINT: end(INTERRUPTED),
    SIGHUP: () => meanings.reload(),
    SIGUSR2: () => meanings.upgrade?.(),
  } as const;
  for (const [signal, handler] of Object.entries(handlers)) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of Object.entries(handlers)) process.off(signal, handler);
  };
}

/** Tells another process something; `false` when there is no such process. */
export function sendSignal(pid: number, signal: "SIGTERM" | "SIGHUP" | "SIGUSR2" | "SIGINT" | "SIGKILL" | 0): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}
