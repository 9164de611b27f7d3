/**
 * The global `Deno` for programs that ask for one: `serve` and `upgradeWebSocket` are ours, everything else is
 * `@deno/shim-deno`. Permissions are not Deno's: the program may do whatever its process may.
 */
import { pathToFileURL } from "node:url";
import { denoServe, denoUpgrade } from "./deno-serve.ts";

export async function installDeno(entry: string): Promise<void> {
  const { Deno: shim } = await import("@deno/shim-deno");
  const Deno = {
    ...shim,
    serve: denoServe,
    upgradeWebSocket: denoUpgrade,
    mainModule: pathToFileURL(entry).href,
    args: [],
  };
  Object.defineProperty(globalThis, "Deno", { value: Deno, configurable: true, writable: true });
}

/** For tests, which go on in the same process. */
export function removeDeno(): void {
  Reflect.deleteProperty(globalThis, "Deno");
}
