import { expect, test } from "bun:test";
import { md5Secret } from "../../../../proxy/pg/md5.ts";
import { deriveKeys, formatVerifier, verifierOf } from "../../../../proxy/pg/scram.ts";
import { Credentials } from "../../../../proxy/pgconn/credentials.ts";
import { digest } from "../../../../src/run/digest.ts";

const SECRET = new Uint8Array(32).fill(5);

test("Credentials: what is stored says what is demanded", () => {
  const credentials = new Credentials(digest, SECRET);
  const md5 = md5Secret(digest, "bob", "secret");
  const verifier = verifierOf(digest, deriveKeys(digest, "secret", { salt: new Uint8Array(16), iterations: 7 }));
  expect(credentials.demandOf("bob", md5)).toEqual({ how: "md5", secret: md5 });
  expect(credentials.demandOf("bob", formatVerifier(verifier))).toEqual({ how: "scram", verifier });
  expect(credentials.demandOf("bob", "secret")).toMatchObject({ how: "scram", verifier: { iterations: 4_096 } });
});

test("Credentials: a password in the clear is met with the same words by every worker", () => {
  const [one, other] = [new Credentials(digest, SECRET), new Credentials(digest, SECRET)];
  expect(one.demandOf("bob", "secret")).toEqual(other.demandOf("bob", "secret"));
  expect(one.demandOf("bob", "other")).not.toEqual(other.demandOf("bob", "secret"));
});

test("Credentials: a stranger is asked like somebody, the same every time, and by every worker", () => {
  const [one, other] = [new Credentials(digest, SECRET), new Credentials(digest, SECRET)];
  const known = one.demandOf("eve", "her password");
  const stranger = one.demandOf("eve", undefined, ["plain"]);
  expect(stranger).toEqual(other.demandOf("eve", undefined, ["plain"]));
  // The salt does not tell whether the user exists.
  expect(stranger.how === "scram" && known.how === "scram" && stranger.verifier.salt).toEqual(
    (known.how === "scram" && known.verifier.salt) as never,
  );
  expect(stranger).not.toEqual(known);
  const md5 = md5Secret(digest, "bob", "secret");
  expect(one.demandOf("eve", undefined, [md5]).how).toBe("md5");
});
