/** Where a box's admin listener is, for the box itself and for those who look for it by the name of the box. */
import { formatAddress, isLocal, parseAddress, UNIX_PATH_BYTES_MAX, type Address } from "../../proxy/base/address.ts";
import { Problem } from "../problem/problem.ts";
import { runtimeFolder } from "../run/runtime-folder.ts";

/** The unix socket of a box that has no `admin.listen`. A name's odd characters do not get into the path. */
export function defaultAdminAddress(box: string, folder: string = runtimeFolder()): string {
  return `unix:${folder}/${box.replaceAll(/[^\w.-]/g, "_")}.sock`;
}

/** Throws RUN_ADMIN_ADDRESS when `text` is not an address. */
export function adminAddress(text: string): Address {
  const address = parseAddress(text);
  if (typeof address !== "string") return address;
  const more = address === "long path" ? `, a socket's path has at most ${UNIX_PATH_BYTES_MAX} bytes` : "";
  throw new Problem("RUN_ADMIN_ADDRESS", { what: `Cannot use "${text}" as the admin address: ${address}${more}` });
}

/** Throws RUN_ADMIN_TOKEN when others than this machine reach the address and nothing would ask them who they are. */
export function demandGuard(address: Address, token: string | undefined): void {
  if (token !== undefined || isLocal(address)) return;
  throw new Problem("RUN_ADMIN_TOKEN", {
    what: `Cannot listen on "${formatAddress(address)}" for admin requests: other machines reach it, and there is no token`,
    fix: 'Set admin.token, for example to "${file:/etc/scale/token}", or listen on a loopback address or a unix socket',
  });
}
