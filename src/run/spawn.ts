/** Real children: this executable again, marked by a variable, with the shared page and a channel for letters. */
import type { Subprocess } from "bun";
import type { Letter } from "./peer.ts";
import type { Running, Spawn } from "./child-handle.ts";
import { CHILD_VARIABLE, childEnvironment, selfCommand, type ChildOrder } from "./self.ts";

export function spawnWith(pageFd: number): Spawn {
  return (order): Running => {
    const told: ChildOrder = {
      kind: order.kind,
      parent: process.pid,
      crew: order.crew,
      title: order.title,
      index: order.index,
      owner: order.owner,
      name: order.name,
    };
    const child: Subprocess = Bun.spawn(selfCommand(), {
      stdio: ["ignore", "inherit", "inherit", pageFd, ...order.fds],
      serialization: "advanced",
      env: { ...childEnvironment(), ...order.environment, [CHILD_VARIABLE]: JSON.stringify(told) },
      ipc: (letter) => order.onLetter(letter as Letter),
      onExit: () => order.onExit({ code: child.exitCode, signal: nameOf(child.signalCode) }),
    });
    return {
      pid: child.pid,
      // A letter to a child that has just died goes nowhere; its exit tells the keeper so.
      send: (letter) => {
        if (child.exitCode === null && child.signalCode === null) child.send(letter);
      },
      kill: (signal) => child.kill(signal),
    };
  };
}

function nameOf(signal: Subprocess["signalCode"]): string | null {
  return signal === null ? null : String(signal);
}
