/** Tests of proxy/pg/faults.ts and proxy/pg/sqlstate.ts. */
import { expect, test } from "bun:test";
import { Fault, FAULTS, type FaultCode } from "../../../../proxy/base/fault.ts";
import { writeErrorResponse } from "../../../../proxy/pg/backend-writer.ts";
import { wordsOf } from "../../../../proxy/pg/faults.ts";
import { Notice } from "../../../../proxy/pg/notice.ts";
import { SQLSTATE } from "../../../../proxy/pg/sqlstate.ts";
import { partOf, written } from "./part.ts";

const CODES = Object.keys(FAULTS) as FaultCode[];

test.each(CODES)("wordsOf: %s can be said, and tells nothing of the inside", (code) => {
  const fault = new Fault(code, "Cannot reach 10.0.0.7:5432: secret");
  const words = wordsOf(fault);
  expect(words.severity).toBe(fault.scope === "conversation" ? "FATAL" : "ERROR");
  const bytes = written((writer) => writeErrorResponse(writer, words));
  const notice = new Notice().read(partOf(bytes));
  expect([notice.isFatal, notice.text("code"), notice.text("message")]).toEqual([
    fault.scope === "conversation",
    words.code,
    words.message,
  ]);
  expect(new TextDecoder().decode(bytes)).not.toMatch(/10\.0\.0\.7|secret/);
  expect(words.message).toMatch(/^[a-z].*[^.]$/);
});

test("wordsOf: what was thrown with another scope is said with another severity", () => {
  expect(wordsOf(new Fault("CLIENT_PROTOCOL", "x", { scope: "exchange" })).severity).toBe("ERROR");
});

test("wordsOf: what may be tried again says so in its SQLSTATE, and what may have acted does not", () => {
  for (const code of CODES) {
    const again = ["57P01", "57P03", "53300"].includes(wordsOf(new Fault(code, "x")).code);
    expect([code, again]).toEqual([code, FAULTS[code].retry !== "never" && code !== "SERVER_LOGIN"]);
  }
});

test("SQLSTATE: five characters each, none twice", () => {
  const codes = Object.values(SQLSTATE);
  expect(codes.every((code) => /^[0-9A-Z]{5}$/.test(code))).toBe(true);
  expect(new Set(codes).size).toBe(codes.length);
});
