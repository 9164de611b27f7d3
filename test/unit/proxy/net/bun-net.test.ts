/** Bun's sockets under the contract, plain and stingy. */
import { engines } from "../../../kit/net-rig.ts";
import { contract } from "./contract.ts";

for (const engine of [engines.bun, engines.stingy]) contract(engine);
