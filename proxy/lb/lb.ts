/** The face of the lb role: requests and connections of clients go to servers that can stand in for each other. */
import { formatAddress } from "../base/address.ts";
import type { RoleFace } from "../role.ts";
import type { LbSetup } from "./setup.ts";
import { LbSteward } from "./steward.ts";
import { LbWorker } from "./worker.ts";

export const face: RoleFace<LbSetup> = {
  workers: ({ workers }) => workers,
  listens: ({ listeners }) => listeners.map(({ address }) => formatAddress(address)),
  sockets: ({ listeners }) => listeners.map(({ address }) => address),
  worker: (setup, host) => new LbWorker(setup, host),
  steward: (setup, host) => new LbSteward(setup, host),
};
