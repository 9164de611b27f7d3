/** What the tests of both sides of SCRAM share: two sides that know the same password, and their words. */
import {
  deriveKeys,
  SCRAM,
  SCRAM_PLUS,
  verifierOf,
  type ScramKeys,
  type ScramVerifier,
} from "../../../../proxy/pg/scram.ts";
import { ScramClient, type ScramClientOptions } from "../../../../proxy/pg/scram-client.ts";
import { ScramServer, type ScramServerOptions } from "../../../../proxy/pg/scram-server.ts";
import { digest } from "../../../../src/run/digest.ts";

export const ITERATIONS_MAX = 10_000;
const SALT = Uint8Array.from({ length: 16 }, (_, index) => index);

export const keys: ScramKeys = deriveKeys(digest, "pencil", { salt: SALT, iterations: 100 });
export const verifier: ScramVerifier = verifierOf(digest, keys);
export const binding = Uint8Array.from({ length: 32 }, (_, index) => 200 - index);

export function clientOf(options: Partial<ScramClientOptions> = {}): ScramClient {
  const secret = { password: "pencil" };
  return new ScramClient({
    digest,
    nonce: "ofTheClient",
    secret,
    mechanisms: [SCRAM],
    iterationsMax: ITERATIONS_MAX,
    ...options,
  });
}

export function serverOf(options: Partial<ScramServerOptions> = {}): ScramServer {
  return new ScramServer({ digest, nonce: "ofTheServer", verifier, ...options });
}

/** The whole conversation. */
export function talk(client: ScramClient, server: ScramServer): void {
  client.verify(server.finish(client.final(server.challenge(client.mechanism, client.first()))));
}

export const BOTH = [SCRAM_PLUS, SCRAM];
