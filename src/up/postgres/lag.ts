/**
 * How far a replica is behind, and making it so on purpose: for tests and drills of reads that must not be stale.
 * The delay and the pause are the replica's own; the primary and the stream of WAL do not notice.
 */
import type { Server } from "./server.ts";

const DELAY_MS_MAX = 3_600_000;

export interface Lag {
  /** WAL that the primary has written and the replica has not replayed. */
  readonly bytes: number;
  /** Age of the last transaction the replica has replayed; 0 when it has replayed all there is. */
  readonly ms: number;
}

export async function lagOf(primary: Server, replica: Server): Promise<Lag> {
  const [written] = await primary.query("select pg_current_wal_lsn()");
  const [row] = await replica.query(
    `select greatest(pg_wal_lsn_diff('${written?.[0] ?? "0/0"}', pg_last_wal_replay_lsn()), 0)::bigint,
            greatest(extract(epoch from clock_timestamp() - pg_last_xact_replay_timestamp()) * 1000, 0)::bigint`,
  );
  const bytes = Number(row?.[0] ?? 0);
  return { bytes, ms: bytes === 0 ? 0 : Number(row?.[1] ?? 0) };
}

/** Every commit is replayed so much later than it was made; 0 ends that. */
export async function delayReplay(replica: Server, delayMs: number): Promise<void> {
  if (!Number.isInteger(delayMs) || delayMs < 0 || delayMs > DELAY_MS_MAX) {
    throw new RangeError(`Cannot delay replay: ${delayMs} ms, wanted 0 to ${DELAY_MS_MAX}`);
  }
  await replica.query(
    delayMs === 0
      ? "alter system reset recovery_min_apply_delay"
      : `alter system set recovery_min_apply_delay = '${delayMs}ms'`,
  );
  await replica.query("select pg_reload_conf()");
}

/** Stops replay where it is, until `resumeReplay`. */
export async function pauseReplay(replica: Server): Promise<void> {
  await replica.query("select pg_wal_replay_pause()");
}

export async function resumeReplay(replica: Server): Promise<void> {
  await replica.query("select pg_wal_replay_resume()");
}
