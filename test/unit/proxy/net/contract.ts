/**
 * The contract of `proxy/net/wire.ts` as tests: every engine passes all of it, and a role may count on nothing else. A new
 * engine gets a test file that calls this, and is done when it is green.
 */
import type { Engine } from "../../../kit/net-rig.ts";
import { chance } from "./contract-chance.ts";
import { ends } from "./contract-ends.ts";
import { flow } from "./contract-flow.ts";
import { runRows } from "./contract-rows.ts";
import { secured } from "./contract-tls.ts";

export function contract(engine: Engine): void {
  runRows(engine, [...flow(engine), ...ends, ...secured, ...chance]);
}
