/** The certificates of the tests, as both sides of a wire want them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TlsContext } from "../../../proxy/net/wire.ts";

const folder = join(import.meta.dir, "../../data/tls");
const pem = (name: string): string => readFileSync(join(folder, name), "utf8");

export const serverTls: TlsContext = { cert: pem("server.pem"), key: pem("server.key"), verify: "none" };
export const clientTls: TlsContext = { ca: pem("ca.pem"), verify: "name", serverName: "server.test" };
/** A certificate that the same name would need, of an authority that nobody trusts. */
export const strangerTls: TlsContext = { cert: pem("stranger.pem"), key: pem("stranger.key"), verify: "none" };
