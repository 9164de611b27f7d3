/**
 * The first steps of a child: it makes sure that it dies with its parent, and then is what it was ordered to be.
 */
import type { DutyAbove } from "./duty.ts";
import { becomeProgram } from "./launch.ts";
import { parentPid, prctlDeathSignal, setName, setsid } from "./os.ts";
import { childEnvironment, signalNumber, type ChildOrder } from "./self.ts";

/** What stands above this room, and what a child may turn out to be. */
export interface Above extends DutyAbove {
  runCli(argv: readonly string[]): Promise<number>;
}

/** Resolves with the exit code, when there is nothing left to do. */
export async function runChild(text: string, above: Above): Promise<number> {
  const order = JSON.parse(text) as ChildOrder;
  if (order.kind === "exec") return becomeProgram(order);
  setsid();
  prctlDeathSignal(signalNumber("SIGKILL"));
  if (parentPid() !== order.parent) return 1;
  forgetOrders();
  if (order.kind === "box") {
    return above.runCli(order.argv);
  }
  setName(`scale ${order.title}`);
  const { liveAsDuty } = await import("./duty.ts");
  return liveAsDuty(order, above);
}

/** The user's program runs in this process: it must see the environment without what was meant for us. */
function forgetOrders(): void {
  const kept = childEnvironment();
  for (const name of Object.keys(process.env)) {
    if (!(name in kept)) delete process.env[name];
  }
}
