/**
 * What a cluster must remember between runs and cannot read off its folders: which node is the primary, and the ports
 * people have written into their tools. Written before the change it tells of, and atomically: after a crash at any
 * instruction the next run knows what was intended.
 */
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";

export interface Ledger {
  /** The index of the node that is, or is about to become, the primary. */
  readonly primary: number;
  /** By index; 0 where there was none yet. */
  readonly ports: readonly number[];
}

const NEW: Ledger = { primary: 0, ports: [] };
const PORT_MAX = 65_535;

/** A new ledger when there is none; `undefined` when there is one that makes no sense. */
export function readLedger(path: string): Ledger | undefined {
  if (!existsSync(path)) return NEW;
  return parseLedger(readFileSync(path, "utf8"));
}

export function writeLedger(path: string, ledger: Ledger): void {
  const beside = `${path}.new`;
  const fd = openSync(beside, "w", 0o600);
  writeSync(fd, `${JSON.stringify(ledger)}\n`);
  fsyncSync(fd);
  closeSync(fd);
  renameSync(beside, path);
}

/** `undefined` when it is not one. */
export function parseLedger(text: string): Ledger | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof value !== "object" || value === null || !("primary" in value) || !("ports" in value)) return undefined;
  const { primary, ports } = value;
  if (!isWholeUpTo(primary, 99) || !Array.isArray(ports) || !ports.every((port) => isWholeUpTo(port, PORT_MAX))) {
    return undefined;
  }
  return { primary, ports };
}

export function withPort(ledger: Ledger, index: number, port: number): Ledger {
  const ports = Array.from({ length: Math.max(ledger.ports.length, index + 1) }, (_, i) => ledger.ports[i] ?? 0);
  ports[index] = port;
  return { ...ledger, ports };
}

function isWholeUpTo(value: unknown, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= max;
}
