/**
 * What a function call message may leave behind in the session. It names its function by number, and has no text that could
 * be looked at: any function may leave anything that can be asked for, but those of large objects, which drivers call.
 * Spec: PostgreSQL documentation, "Function Call"; the numbers are those of pg_proc.dat, which never change.
 */
import { readInt32 } from "../base/bytes.ts";
import type { Part } from "../pg/framer.ts";
import { HEADER_BYTES } from "../pg/framer.ts";
import { NOTHING_LEFT, type Traces } from "../sql/classify.ts";

/** lo_create, lo_open to lo_tell, lo_unlink, lo_truncate, and their kin of 64 bits. */
const LARGE_OBJECTS: ReadonlySet<number> = new Set([
  715, 952, 953, 954, 955, 956, 957, 958, 964, 1004, 3170, 3171, 3172,
]);
const SET_CONFIG = 2078;

const LEFT: Traces = { ...NOTHING_LEFT, ask: true };
/** The name of the setting is an argument, in whatever format. */
const SETTING_LEFT: Traces = { ...LEFT, holds: "setting", unknownSetting: true };

/** Of a message of which this is the whole or the beginning. */
export function tracesOfCall({ bytes, start, end }: Part): Traces {
  const at = start + HEADER_BYTES;
  if (at + 4 > end) return SETTING_LEFT;
  const id = readInt32(bytes, at, end);
  if (LARGE_OBJECTS.has(id)) return NOTHING_LEFT;
  return id === SET_CONFIG ? SETTING_LEFT : LEFT;
}
