/** Waits for a condition outside this process, which nothing announces. Not for anything that can be awaited. */
const LOOK_MS = 20;
const PATIENCE_MS = 30_000;

/** Rejects when `condition` does not hold within `patienceMs`; `what` names it. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  patienceMs: number = PATIENCE_MS,
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`Cannot wait any longer until ${what}: ${patienceMs} ms have passed`);
    await Bun.sleep(LOOK_MS);
  }
}
