/** Tests of proxy/pg/saslprep.ts. That Postgres does the same is shown in test/e2e/pg-codec.test.ts. */
import { expect, test } from "bun:test";
import { saslprep } from "../../../../proxy/pg/saslprep.ts";

const ROWS: readonly (readonly [string, string, string])[] = [
  ["ASCII as it is, controls too", "a\tb\u007f", "a\tb\u007f"],
  ["nothing of nothing", "", ""],
  ["RFC 4013: a soft hyphen goes", "I\u00adX", "IX"],
  ["RFC 4013: case stays", "USER\u00ad", "USER"],
  ["RFC 4013: a compatibility character", "\u00aa", "a"],
  ["RFC 4013: a number in one letter", "\u2168", "IX"],
  ["RFC 4013: a control character is prohibited, so all stays", "\u00aa\u0007", "\u00aa\u0007"],
  ["RFC 4013: right-to-left that does not end so stays", "\u0627\u0031", "\u0627\u0031"],
  ["right-to-left at both ends", "\u0627\u0031\ufe81", "\u0627\u0031\u0622"],
  ["right-to-left mixed with left-to-right stays", "\u0627a\u2168\u0627", "\u0627a\u2168\u0627"],
  ["another space becomes one", "a\u00a0b\u3000c\u200bd", "a b c d"],
  ["what would be empty stays", "\u00ad\u200d", "\u00ad\u200d"],
  ["what Unicode 3.2 did not know makes all stay", "\u2168\u{1f600}", "\u2168\u{1f600}"],
  ["a private character makes all stay", "\u2168\ue000", "\u2168\ue000"],
  ["composed and decomposed are the same", "e\u0301", "\u00e9"],
];

test.each(ROWS)("saslprep: %s", (_what, password, wanted) => {
  expect(saslprep(password)).toBe(wanted);
});
