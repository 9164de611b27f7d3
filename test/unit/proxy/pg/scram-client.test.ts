/** Tests of proxy/pg/scram-client.ts. */
import { describe, expect, test } from "bun:test";
import { Bug } from "../../../../proxy/base/assert.ts";
import { deriveKeys, SCRAM, SCRAM_PLUS } from "../../../../proxy/pg/scram.ts";
import { digest } from "../../../../src/run/digest.ts";
import { faultCode } from "./part.ts";
import { binding, BOTH, clientOf, keys, serverOf, talk } from "./scram-pair.ts";

describe("ScramClient", () => {
  test("logs in, and has keys for the next time when the server has proved itself", () => {
    const client = clientOf();
    expect(client.keys).toBeUndefined();
    talk(client, serverOf());
    expect(client.keys).toEqual(keys);
    const next = clientOf({ secret: keys });
    talk(next, serverOf());
    expect(next.keys).toEqual(keys);
  });

  test("logs in with a password of any alphabet", () => {
    const password = "пароль I\u00adX\u2168 \u00a0";
    const other = deriveKeys(digest, "пароль IXIX  ", keys);
    const verifier = { ...other, storedKey: digest.sha256(other.clientKey) };
    expect(() => talk(clientOf({ secret: { password } }), serverOf({ verifier }))).not.toThrow();
  });

  const choices = [
    ["no TLS", undefined, [SCRAM], SCRAM, "n,,"],
    ["no TLS, and a server that would bind", undefined, BOTH, SCRAM, "n,,"],
    ["TLS, and a server that does not bind", binding, [SCRAM], SCRAM, "y,,"],
    ["TLS, and a server that binds", binding, BOTH, SCRAM_PLUS, "p=tls-server-end-point,,"],
    ["TLS, and a server that only binds", binding, [SCRAM_PLUS], SCRAM_PLUS, "p=tls-server-end-point,,"],
  ] as const;
  test.each(choices)("with %s it takes what both know", (_what, bound, mechanisms, mechanism, header) => {
    const client = clientOf({ mechanisms, ...(bound === undefined ? {} : { binding: bound }) });
    expect([client.mechanism, client.first()]).toEqual([mechanism, `${header}n=,r=ofTheClient`]);
  });

  test("refuses a server that offers nothing it knows", () => {
    for (const mechanisms of [[], ["SCRAM-SHA-1"], [SCRAM_PLUS], ["OAUTHBEARER"]]) {
      expect(faultCode(() => clientOf({ mechanisms }))).toBe("SERVER_LOGIN");
    }
  });
});

describe("a server that is not the right one", () => {
  const good = "r=ofTheClient+more,s=QUJDRA==,i=4096";
  const rows = [
    ["a nonce that is not ours", good.replace("ofTheClient", "ofTheOther"), "SERVER_PROTOCOL"],
    ["our nonce and nothing of its own", good.replace("+more", ""), "SERVER_PROTOCOL"],
    [
      "a replayed message with a nonce of an earlier login",
      good.replace("ofTheClient", "ofTheClien2"),
      "SERVER_PROTOCOL",
    ],
    ["a nonce without end", good.replace("+more", "x".repeat(3000)), "SERVER_PROTOCOL"],
    ["no salt", good.replace("QUJDRA==", ""), "SERVER_PROTOCOL"],
    ["a salt that is no base64", good.replace("QUJDRA==", "QUJDRA="), "SERVER_PROTOCOL"],
    ["no iterations", good.replace("4096", "0"), "SERVER_PROTOCOL"],
    ["iterations that are no number", good.replace("4096", "many"), "SERVER_PROTOCOL"],
    ["iterations that take minutes", good.replace("4096", "1000000000"), "SERVER_LOGIN"],
    ["one iteration above the limit", good.replace("4096", "10001"), "SERVER_LOGIN"],
    ["an extension that must be understood", `m=x,${good}`, "SERVER_PROTOCOL"],
    ["an error", "e=other-error", "SERVER_PROTOCOL"],
    ["nothing", "", "SERVER_PROTOCOL"],
  ] as const;
  test.each(rows)("final: refuses %s", (_what, words, code) => {
    let rounds = 0;
    const counting = { ...digest, pbkdf2Sha256: () => new Uint8Array(32).fill(rounds++) };
    const client = clientOf({ digest: counting });
    client.first();
    expect(faultCode(() => client.final(words))).toBe(code);
    expect(rounds).toBe(0);
    expect(() => client.final(good)).toThrow(Bug);
  });

  test("final: refuses a salt or a number of iterations that its keys are not of", () => {
    for (const words of [good, `r=ofTheClient+more,s=${keys.salt.toBase64()},i=101`]) {
      const client = clientOf({ secret: keys });
      client.first();
      expect(faultCode(() => client.final(words))).toBe("SERVER_LOGIN");
    }
  });

  test("verify: refuses a server that does not know the password, and cannot be asked twice", () => {
    const other = deriveKeys(digest, "Pencil", keys);
    const client = clientOf();
    const server = serverOf();
    const final = server.finish(client.final(server.challenge(SCRAM, client.first())));
    for (const words of [
      `v=${digest.hmacSha256(other.serverKey, new Uint8Array(0)).toBase64()}`,
      final.replace("v=", "v=A").slice(0, -1),
      final.slice(0, -1),
      "v=AAAA",
      "e=invalid-proof",
      "",
    ]) {
      const again = clientOf();
      again.first();
      again.final("r=ofTheClientofTheServer,s=QUJDRA==,i=100");
      expect(faultCode(() => again.verify(words))).toBe("SERVER_LOGIN");
      expect(again.keys).toBeUndefined();
      expect(() => again.verify(final)).toThrow(Bug);
    }
    expect(() => client.verify(final)).not.toThrow();
    expect(() => client.verify(final)).toThrow(Bug);
  });

  test("words out of order are a Bug of ours", () => {
    expect(() => clientOf().final(good)).toThrow(Bug);
    expect(() => clientOf().verify("v=x")).toThrow(Bug);
    const client = clientOf();
    client.first();
    expect(() => client.first()).toThrow(Bug);
  });
});
