/** Tests of proxy/pg/scram.ts: keys, verifiers and words. The conversations are in scram-client and scram-server. */
import { describe, expect, test } from "bun:test";
import {
  bindingWords,
  deriveKeys,
  exclusiveOr,
  formatVerifier,
  fromBase64,
  makeNonce,
  mockVerifier,
  parseClientFinal,
  parseClientFirst,
  parseServerFinal,
  parseServerFirst,
  parseVerifier,
  sign,
  verifierOf,
} from "../../../../proxy/pg/scram.ts";
import { digest } from "../../../../src/run/digest.ts";
import { SeededRng } from "../../../kit/rng.ts";
import { ascii } from "./part.ts";

/** The example conversation of RFC 7677, section 3. */
const SALT = Uint8Array.fromBase64("W22ZaJ0SNY7soEsUEjb6gQ==");
const KEYS = deriveKeys(digest, "pencil", { salt: SALT, iterations: 4096 });
const NONCE = "rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
const WORDS = `n=user,r=rOprNGfwEbeRWgbNEkqO,r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=${NONCE}`;

test("RFC 7677: the proof and the signature of its example", () => {
  const { storedKey } = verifierOf(digest, KEYS);
  const proof = exclusiveOr(KEYS.clientKey, sign(digest, storedKey, WORDS));
  expect(proof.toBase64()).toBe("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  expect(sign(digest, KEYS.serverKey, WORDS).toBase64()).toBe("6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
});

describe("verifiers", () => {
  const stored = formatVerifier(verifierOf(digest, KEYS));

  test("parseVerifier: reads what formatVerifier wrote", () => {
    expect(stored).toMatch(/^SCRAM-SHA-256\$4096:W22ZaJ0SNY7soEsUEjb6gQ==\$[^:]{44}:[^:]{44}$/);
    expect(parseVerifier(stored)).toEqual(verifierOf(digest, KEYS));
  });

  const bad: readonly string[] = [
    "",
    "pencil",
    "md5b2e0bd3d5d0e2ae0ce71d3a8ca7cf2ec",
    stored.slice(0, -1),
    `${stored}=`,
    `${stored}:`,
    ` ${stored}`,
    stored.replace("256", "512"),
    stored.replace("4096", "0"),
    stored.replace("4096", "-1"),
    stored.replace("4096", "4096.5"),
    stored.replace("4096", "2147483648"),
    stored.replace("4096", "99999999999999"),
    stored.replace("W22Z", "W2 Z"),
    stored.replace("gQ==", "gQ="),
    stored.replace(/\$[^$]*$/, "$AAAA:AAAA"),
    stored.replace("W22ZaJ0SNY7soEsUEjb6gQ==", "A".repeat(2000)),
  ];
  test.each(bad)("parseVerifier: refuses %p", (text) => {
    expect(parseVerifier(text)).toBeUndefined();
  });

  test("mockVerifier: is the same for the same user, and another for another or with another secret", () => {
    const mock = (secret: string, user: string): string =>
      formatVerifier(mockVerifier(digest, ascii(secret), { user, iterations: 4096 }));
    expect(mock("x", "a")).toBe(mock("x", "a"));
    expect(new Set([mock("x", "a"), mock("x", "b"), mock("y", "a")]).size).toBe(3);
    const { salt, storedKey, serverKey } = mockVerifier(digest, ascii("x"), { user: "a", iterations: 4096 });
    expect([salt.length, storedKey.length, serverKey.length]).toEqual([16, 32, 32]);
    expect(parseVerifier(mock("x", "a"))).toBeDefined();
  });
});

describe("words", () => {
  const nonces = Array.from({ length: 3 }, (_, seed) => makeNonce(new SeededRng(seed)));

  test("makeNonce: printable, without a comma, and another each time", () => {
    expect(nonces.every((nonce) => /^[A-Za-z0-9+/]{24}$/.test(nonce))).toBe(true);
    expect(new Set(nonces).size).toBe(3);
  });

  test("bindingWords: the header, and behind it the binding", () => {
    expect(bindingWords("n,,", undefined)).toBe("biws");
    expect(bindingWords("y,,", undefined)).toBe("eSws");
    expect(bindingWords("n,,", Uint8Array.of(1, 2))).toBe(Uint8Array.of(0x6e, 0x2c, 0x2c, 1, 2).toBase64());
  });

  test.each(["", "A", "AA", "AAA", "AA=", "A===", "AAAA=", "AA AA", "AAAA\n", "AB==", "AA-_", "é", "AAAA====", "=AAA"])(
    "fromBase64: refuses %p",
    (text) => {
      expect(fromBase64(text)).toBeUndefined();
    },
  );

  test("parseClientFirst: takes each way of binding", () => {
    expect(parseClientFirst("n,,n=user,r=abc")).toEqual({
      header: "n,,",
      kind: undefined,
      bare: "n=user,r=abc",
      nonce: "abc",
    });
    expect(parseClientFirst("y,,n=,r=a!#~,x=later")).toMatchObject({
      header: "y,,",
      bare: "n=,r=a!#~,x=later",
      nonce: "a!#~",
    });
    expect(parseClientFirst("p=tls-unique,,n=,r=a")).toMatchObject({ header: "p=tls-unique,,", kind: "tls-unique" });
  });

  const firsts: readonly string[] = [
    "",
    "n",
    "n,,",
    "n,,n=user",
    "n,,n=user,r=",
    "n,n=user,r=abc",
    "x,,n=user,r=abc",
    "p=,,n=user,r=abc",
    "n,a=other,n=user,r=abc",
    "n,,m=must,n=user,r=abc",
    "n,,r=abc,n=user",
    "n,,n=user,r=a c",
    "n,,n=user,r=aéc",
    "n,,n=us\0er,r=abc",
    `n,,n=user,r=${"a".repeat(1025)}`,
    `n,,n=user,r=abc,x=${"a".repeat(5000)}`,
  ];
  test.each(firsts)("parseClientFirst: refuses %p", (words) => {
    expect(parseClientFirst(words)).toBeUndefined();
  });

  test("parseServerFirst, parseClientFinal, parseServerFinal: take extensions behind what they know", () => {
    expect(parseServerFirst("r=abc,s=QUJD,i=4096,x=1")).toEqual({ nonce: "abc", salt: ascii("ABC"), iterations: 4096 });
    const proof = "A".repeat(43);
    expect(parseClientFinal(`c=biws,r=abc,x=1,p=${proof}=`)).toEqual({
      withoutProof: "c=biws,r=abc,x=1",
      binding: "biws",
      nonce: "abc",
      proof: new Uint8Array(32),
    });
    expect(parseServerFinal(`v=${proof}=,x=1`)).toEqual(new Uint8Array(32));
  });

  const proof = `${"A".repeat(43)}=`;
  test.each([
    "",
    `r=abc,c=biws,p=${proof}`,
    "c=biws,r=abc",
    "c=biws,r=abc,p=",
    "c=biws,r=abc,p=AAAA",
    `c=biws,r=abc,p=${proof},x=1`,
    `c=,r=abc,p=${proof}`,
    `c=biws,r=,p=${proof}`,
    ` c=biws,r=abc,p=${proof}`,
    `c=biws,r=abc,p=${proof}\0`,
  ])("parseClientFinal: refuses %p", (words) => {
    expect(parseClientFinal(words)).toBeUndefined();
  });

  test("parseServerFirst and parseServerFinal: are refused when truncated, at every place", () => {
    const first = "r=abc,s=QUJDRA==,i=4096";
    for (let end = 0; end < first.length; end++) {
      const cut = parseServerFirst(first.slice(0, end));
      // Of the number a beginning is a number too.
      expect(cut === undefined || /,i=4/.test(first.slice(0, end))).toBe(true);
    }
    const final = `v=${proof}`;
    for (let end = 0; end < final.length; end++) expect(parseServerFinal(final.slice(0, end))).toBeUndefined();
    for (const error of ["e=invalid-proof", "e=other-error,v=x", ""]) expect(parseServerFinal(error)).toBeUndefined();
  });
});
