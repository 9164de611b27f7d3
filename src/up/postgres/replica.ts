/**
 * Makes a streaming replica out of a running primary: a slot, so that the primary keeps the WAL the replica still needs,
 * a base backup straight from the connection onto the disk (constant memory), and `standby.signal`. Starting it and
 * following it is the server's and the cluster's business.
 * Invariant: a replica's folder appears under its name only when it is whole, and replaces nothing that was a primary.
 */
import { lchownSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Problem } from "../../problem/problem.ts";
import { TarFault, unpackTar } from "../tar.ts";
import { look } from "../trust.ts";
import { openSession } from "./backup-wire.ts";
import { isStandby, readControl } from "./control.ts";
import { newFolder, syncFolder, takeName, type InitdbOptions } from "./initdb.ts";
import type { Owner } from "./owner.ts";
import type { Server } from "./server.ts";
import { maintenance } from "./settings.ts";
import { ServerError, WireFault } from "./wire-frames.ts";

/** The primary writes a checkpoint before it sends the first byte. */
const SILENCE_MS = 120_000;
const STREAMING_WAIT_MS = 15_000;
const POLL_MS = 10;
const SLOT_PREFIX = "scale_node_";

/** Of the slot of that node on whichever server is its primary, and its `application_name`. */
export function slotOf(index: number): string {
  return `${SLOT_PREFIX}${index}`;
}

/** Makes the node's slot anew, keeping WAL from now on. */
export async function renewSlot(primary: Server, index: number): Promise<void> {
  const slot = slotOf(index);
  await primary.query(
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '${slot}';
     select pg_create_physical_replication_slot('${slot}', true)`,
  );
}

/** Drops the slots of nodes that are not replicas of `primary` any more: they would keep WAL without end. */
export async function dropOtherSlots(primary: Server, indexes: readonly number[]): Promise<void> {
  const kept = indexes.map((index) => `'${slotOf(index)}'`).join(", ");
  await primary.query(
    `select pg_drop_replication_slot(slot_name) from pg_replication_slots
     where slot_type = 'physical' and not active and starts_with(slot_name, '${SLOT_PREFIX}')
     ${kept === "" ? "" : `and slot_name not in (${kept})`}`,
  );
}

/** Whether the folder is a replica of that primary which can go on where it stopped. */
export async function canResume(data: string, primary: Server, primaryData: string, index: number): Promise<boolean> {
  const own = readControl(data);
  if (own === undefined || !isStandby(data) || own.systemId !== readControl(primaryData)?.systemId) return false;
  const [row] = await primary.query(
    `select 1 from pg_replication_slots where slot_name = '${slotOf(index)}' and wal_status in ('reserved', 'extended')`,
  );
  return row !== undefined;
}

export interface CopyOptions extends InitdbOptions {
  readonly primary: Server;
}

/** Puts a copy of the primary into `data`. What is there now goes: a replica's for good, anything else to `data.old`. */
export async function copyPrimary(options: CopyOptions): Promise<void> {
  const { data, owner, primary } = options;
  const beside = newFolder(data);
  try {
    await receive(options, beside);
    writeFileSync(join(beside, "standby.signal"), "", { mode: 0o600, flag: "wx" });
    giveTree(owner, beside);
    await syncFolder(beside, options);
    clearPlace(data);
    takeName(beside, data);
  } catch (error) {
    if (!(error instanceof WireFault || error instanceof ServerError || error instanceof TarFault)) throw error;
    throw new Problem("UP_REPLICA_FAILED", {
      what: `Cannot copy ${primary.name} into "${data}": ${error.message}`,
      fix: `Read "${primary.log}"; look whether the disk is full.`,
    });
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Resolves when the replica receives WAL as it is written. Throws UP_REPLICA_FAILED when it does not come to that. */
export async function untilStreaming(primary: Server, replica: Server, index: number): Promise<void> {
  const deadline = performance.now() + STREAMING_WAIT_MS;
  const sql = `select 1 from pg_stat_replication where application_name = '${slotOf(index)}' and state = 'streaming'`;
  while ((await primary.query(sql)).length === 0) {
    if (performance.now() > deadline || replica.state !== "ready") {
      throw new Problem("UP_REPLICA_FAILED", {
        what: `Cannot replicate ${primary.name} to ${replica.name}: it does not stream after ${STREAMING_WAIT_MS} ms`,
        fix: `Read "${replica.log}".`,
      });
    }
    await Bun.sleep(POLL_MS);
  }
}

async function receive({ primary, password }: CopyOptions, folder: string): Promise<void> {
  const session = await openSession({ ...maintenance(primary.port, password, SILENCE_MS), replication: true });
  try {
    await unpackTar(session.baseBackup("scale"), folder, { links: false });
  } finally {
    session.close();
  }
}

function giveTree(owner: Owner, folder: string): void {
  if (!owner.other) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    lchownSync(join(folder, name), owner.uid, owner.gid);
  }
  lchownSync(folder, owner.uid, owner.gid);
}

function clearPlace(data: string): void {
  if (look(data) === undefined) return;
  if (isStandby(data)) return rmSync(data, { recursive: true });
  rmSync(`${data}.old`, { recursive: true, force: true });
  renameSync(data, `${data}.old`);
}
