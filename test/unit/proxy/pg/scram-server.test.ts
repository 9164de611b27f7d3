/** Tests of proxy/pg/scram-server.ts. */
import { describe, expect, test } from "bun:test";
import { Bug } from "../../../../proxy/base/assert.ts";
import { deriveKeys, mockVerifier, SCRAM, SCRAM_PLUS, verifierOf } from "../../../../proxy/pg/scram.ts";
import { digest } from "../../../../src/run/digest.ts";
import { ascii, faultCode, faultOfCall } from "./part.ts";
import { binding, BOTH, clientOf, keys, serverOf, talk } from "./scram-pair.ts";

/** The example conversation of RFC 7677, section 3. */
test("RFC 7677: speaks its example", () => {
  const salt = Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==");
  const verifier = verifierOf(digest, deriveKeys(digest, "pencil", { salt, iterations: 4096 }));
  const server = serverOf({ verifier, nonce: "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0" });
  const nonce = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  expect(server.challenge(SCRAM, "n,,n=user,r=rOprNGfwEbeRWgbNEkqO")).toBe(
    `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`,
  );
  expect(server.finish(`c=biws,r=${nonce},p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`)).toBe(
    "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
  );
});

describe("ScramServer", () => {
  test("lets in who knows the password, and can then log in elsewhere in its place", () => {
    const server = serverOf();
    expect(server.mechanisms).toEqual([SCRAM]);
    talk(clientOf(), server);
    expect(server.keys).toEqual(keys);
    expect(() => talk(clientOf({ secret: server.keys! }), serverOf())).not.toThrow();
  });

  test("binds to the channel when both can", () => {
    const server = serverOf({ binding });
    expect(server.mechanisms).toEqual(BOTH);
    const client = clientOf({ binding, mechanisms: server.mechanisms });
    talk(client, server);
    expect(client.mechanism).toBe(SCRAM_PLUS);
  });

  test("a client without TLS of its own, or that cannot bind, gets in unbound", () => {
    expect(() => talk(clientOf({ mechanisms: BOTH }), serverOf({ binding }))).not.toThrow();
    expect(() => talk(clientOf({ binding }), serverOf())).not.toThrow();
  });
});

describe("a client that must not get in", () => {
  test("a wrong password, and no second try on the same challenge", () => {
    for (const password of ["", "Pencil", "pencil ", "pencilpencil"]) {
      const server = serverOf();
      const client = clientOf({ secret: { password } });
      const words = client.final(server.challenge(SCRAM, client.first()));
      const fault = faultOfCall(() => server.finish(words));
      expect([fault.code, server.keys]).toEqual(["CLIENT_LOGIN", undefined]);
      expect(() => server.finish(words)).toThrow(Bug);
    }
  });

  test("a user who does not exist hears what a wrong password hears", () => {
    const mock = mockVerifier(digest, ascii("secret"), { user: "nobody", iterations: 100 });
    const faults = [serverOf(), serverOf({ verifier: mock })].map((server) => {
      const client = clientOf({ secret: { password: "wrong" } });
      const words = client.final(server.challenge(SCRAM, client.first()));
      return faultOfCall(() => server.finish(words));
    });
    expect(faults[0]).toEqual(faults[1]!);
  });

  test("an answer to another challenge: the nonce is replayed", () => {
    const client = clientOf();
    const seen = client.final(serverOf().challenge(SCRAM, client.first()));
    const server = serverOf({ nonce: "ofTheNext" });
    server.challenge(SCRAM, clientOf().first());
    expect(faultCode(() => server.finish(seen))).toBe("CLIENT_PROTOCOL");
  });

  test("an answer truncated anywhere, or with any letter changed", () => {
    const answer = (): { readonly words: string; readonly finish: (words: string) => string } => {
      const [client, server] = [clientOf(), serverOf()];
      return { words: client.final(server.challenge(SCRAM, client.first())), finish: (words) => server.finish(words) };
    };
    const { words } = answer();
    for (let at = 0; at < words.length; at++) {
      const changed = words.slice(0, at) + (words[at] === "A" ? "B" : "A") + words.slice(at + 1);
      for (const bad of [words.slice(0, at), changed]) {
        expect(faultCode(() => answer().finish(bad))).toMatch(/^CLIENT_(?:LOGIN|PROTOCOL)$/);
      }
    }
  });

  const firsts = [
    ["a mechanism that was not offered", "SCRAM-SHA-1", "n,,n=,r=abc", "CLIENT_PROTOCOL"],
    ["binding where none was offered", SCRAM_PLUS, "p=tls-server-end-point,,n=,r=abc", "CLIENT_PROTOCOL"],
    ["words of binding without the mechanism", SCRAM, "p=tls-server-end-point,,n=,r=abc", "CLIENT_PROTOCOL"],
    ["another identity", SCRAM, "n,a=admin,n=,r=abc", "CLIENT_PROTOCOL"],
    ["nothing", SCRAM, "", "CLIENT_PROTOCOL"],
  ] as const;
  test.each(firsts)("challenge: refuses %s", (_what, mechanism, words, code) => {
    const server = serverOf();
    expect(faultCode(() => server.challenge(mechanism, words))).toBe(code);
    expect(() => server.challenge(SCRAM, "n,,n=,r=abc")).toThrow(Bug);
  });

  const bound = [
    ["words without binding for the mechanism with it", SCRAM_PLUS, "n,,n=,r=abc", "CLIENT_PROTOCOL"],
    ["another kind of binding", SCRAM_PLUS, "p=tls-unique,,n=,r=abc", "CLIENT_PROTOCOL"],
    ["a client that was not shown the offer of binding", SCRAM, "y,,n=,r=abc", "CLIENT_LOGIN"],
  ] as const;
  test.each(bound)("challenge over TLS: refuses %s", (_what, mechanism, words, code) => {
    expect(faultCode(() => serverOf({ binding }).challenge(mechanism, words))).toBe(code);
  });

  test("a client bound to another channel: somebody is in between", () => {
    const server = serverOf({ binding });
    const client = clientOf({ binding: binding.toReversed(), mechanisms: BOTH });
    const words = client.final(server.challenge(client.mechanism, client.first()));
    expect(faultCode(() => server.finish(words))).toBe("CLIENT_LOGIN");
  });

  test("words out of order are a Bug of ours, and let nobody in", () => {
    const proof = `${"A".repeat(43)}=`;
    const server = serverOf();
    expect(faultCode(() => server.finish(`c=biws,r=x,p=${proof}`))).toBe("CLIENT_PROTOCOL");
    expect(server.keys).toBeUndefined();
  });
});
