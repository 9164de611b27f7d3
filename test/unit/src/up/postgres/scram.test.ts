import { describe, expect, test } from "bun:test";
import { ScramClient, ScramFault } from "../../../../../src/up/postgres/scram.ts";

/** The example conversation of RFC 7677, section 3. */
const NONCE = "rOprNGfwEbeRWgbNEkqO";
const SERVER_FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const SERVER_FINAL = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";
const client = () => new ScramClient("user", "pencil", NONCE);

test("ScramClient: speaks the example of RFC 7677", () => {
  const scram = client();
  expect(scram.first()).toBe(`n,,n=user,r=${NONCE}`);
  expect(scram.final(SERVER_FIRST)).toBe(
    `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`,
  );
  expect(() => scram.verify(SERVER_FINAL)).not.toThrow();
});

describe("a server that is not ours", () => {
  const firsts: readonly (readonly [string, string])[] = [
    ["a nonce that is not ours", SERVER_FIRST.replace(NONCE, "somebody")],
    ["our nonce and nothing of its own", `r=${NONCE},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
    ["a nonce without end", SERVER_FIRST.replace(NONCE, NONCE + "x".repeat(300))],
    ["no salt", SERVER_FIRST.replace(/s=[^,]*/, "s=")],
    ["no iterations", SERVER_FIRST.replace("i=4096", "i=0")],
    ["iterations that take minutes", SERVER_FIRST.replace("i=4096", "i=1000000000")],
    ["iterations that are no number", SERVER_FIRST.replace("i=4096", "i=many")],
    ["nothing", ""],
    ["an error", "e=other-error"],
  ];
  test.each(firsts)("final: refuses %s", (_what, first) => {
    expect(() => client().final(first)).toThrow(ScramFault);
  });

  test.each([["v=AAAA"], ["e=invalid-proof"], [""], [SERVER_FINAL.replace("6r", "7r")]])(
    "verify: refuses %p",
    (last) => {
      const scram = client();
      scram.final(SERVER_FIRST);
      expect(() => scram.verify(last)).toThrow(/is not ours/);
    },
  );

  test("verify: refuses a signature before the exchange", () => {
    expect(() => client().verify(SERVER_FINAL)).toThrow(ScramFault);
  });
});
