import { expect, test } from "bun:test";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { channelBinding } from "../../../../proxy/pgconn/channel-binding.ts";
import { digest } from "../../../../src/run/digest.ts";

const der = new Uint8Array(
  new X509Certificate(readFileSync(join(import.meta.dir, "../../../data/tls/server.pem"))).raw,
);

test("channelBinding: of a certificate that is signed with SHA-256 its hash", () => {
  expect(channelBinding(digest, der)?.toHex()).toBe(createHash("sha256").update(der).digest("hex"));
});

test("channelBinding: of an algorithm whose hash is not known nothing", () => {
  const at = Buffer.from(der).indexOf(Buffer.from("2a8648ce3d040302", "hex"), Math.floor(der.length / 2));
  const other = Uint8Array.from(der);
  // ecdsa-with-SHA384, in the outer signature algorithm, which is the last.
  other[Buffer.from(der).lastIndexOf(Buffer.from("2a8648ce3d040302", "hex")) + 7] = 3;
  expect(at).toBeGreaterThan(0);
  expect(channelBinding(digest, other)).toBeUndefined();
});

test("channelBinding: what is cut off at any byte, or is no certificate, binds nothing and throws nothing", () => {
  expect(channelBinding(digest, undefined)).toBeUndefined();
  expect(channelBinding(digest, new Uint8Array(0))).toBeUndefined();
  for (let length = 0; length < der.length; length++)
    expect(channelBinding(digest, der.slice(0, length))).toBeUndefined();
  for (let at = 0; at < 64; at++) {
    const spoilt = Uint8Array.from(der);
    spoilt[at] = 0xff;
    channelBinding(digest, spoilt);
  }
});
