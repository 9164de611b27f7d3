/**
 * The first steps of a child: it makes sure that it dies with its parent, and then is what it was ordered to be.
 */
import type { LoadSteward } from "./duty.ts";
import { becomeProgram } from "./launch.ts";
import { parentPid, prctlDeathSignal, setName, setsid } from "./os.ts";
import { childEnvironment, signalNumber, type ChildOrder } from "./self.ts";

/** Resolves with the exit code, when there is nothing left to do. */
export async function runChild(text: string, loadSteward: LoadSteward): Promise<number> {
  const order = JSON.parse(text) as ChildOrder;
  if (order.kind === "exec") return becomeProgram(order);
  setsid();
  prctlDeathSignal(signalNumber("SIGKILL"));
  if (parentPid() !== order.parent) return 1;
  forgetOrders();
  if (order.kind === "box") {
    const { runCli } = await import("../cli/cli.ts");
    return runCli(order.argv);
  }
  setName(`scale ${order.kind}`);
  const { liveAsDuty } = await import("./duty.ts");
  return liveAsDuty(order, loadSteward);
}

/** The user's program runs in this process: it must see the environment without what was meant for us. */
function forgetOrders(): void {
  const kept = childEnvironment();
  for (const name of Object.keys(process.env)) {
    if (!(name in kept)) delete process.env[name];
  }
}
