import { expect, test } from "bun:test";
import { Fault } from "../../../../proxy/base/fault.ts";
import { wordsOf } from "../../../../proxy/pg/faults.ts";
import { Notice, writeNotice } from "../../../../proxy/pg/notice.ts";
import type { SqlState } from "../../../../proxy/pg/sqlstate.ts";
import { Writer } from "../../../../proxy/pg/writer.ts";
import { refusalOf, refusalWords, refusedLogin } from "../../../../proxy/pgconn/server-refusal.ts";

function refused(code: string, message: string): Fault {
  const writer = new Writer(10_000);
  writeNotice(writer, 0x45, { severity: "FATAL", code: code as SqlState, message });
  return refusedLogin(new Notice().read(writer));
}

const ROWS = [
  [
    "28P01",
    'password authentication failed for user "owner"',
    "SERVER_LOGIN",
    "the database server refused the proxy's password",
  ],
  ["28000", 'no pg_hba.conf entry for host "10.0.0.9", user "owner"', "SERVER_LOGIN", undefined],
  ["3D000", 'database "shop" does not exist', "SERVER_LOGIN", 'database "shop" does not exist'],
  ["53300", "sorry, too many clients already", "SERVER_UNREACHABLE", "sorry, too many clients already"],
  ["57P03", "the database system is starting up", "SERVER_UNREACHABLE", "the database system is starting up"],
] as const;

for (const [code, message, faultCode, told] of ROWS) {
  test(`refusedLogin: ${code} is ${faultCode}, and what the client hears names nothing of ours`, () => {
    const fault = refused(code, message);
    expect([fault.code, refusalOf(fault)?.code]).toEqual([faultCode, code]);
    const words = refusalWords(fault);
    expect(words).toMatchObject({ code, message: told ?? wordsOf(fault).message });
    expect(JSON.stringify(words)).not.toMatch(/owner|10\.0/);
  });
}

test("refusalWords: a SQLSTATE that we do not say, or none at all, is said as the Fault is", () => {
  const strange = refused("ZZ123", "no");
  expect(refusalWords(strange)).toEqual(wordsOf(strange));
  const other = new Fault("NO_TARGET", "Cannot dial: none");
  expect([refusalOf(other), refusalWords(other)]).toEqual([undefined, wordsOf(other)]);
});
