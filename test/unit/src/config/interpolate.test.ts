import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { interpolate, REFERENCE_BYTES_MAX } from "../../../../src/config/interpolate.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-interpolate-"));
  writeFileSync(join(folder, "secret"), "a/b@c\n");
  writeFileSync(join(folder, "crlf"), "two\n\r\n");
  writeFileSync(join(folder, "empty"), "");
  writeFileSync(join(folder, "largest"), "x".repeat(REFERENCE_BYTES_MAX));
  writeFileSync(join(folder, "larger"), "x".repeat(REFERENCE_BYTES_MAX + 1));
  writeFileSync(join(folder, "binary"), Uint8Array.of(0xff, 0xfe, 0));
  symlinkSync("secret", join(folder, "link"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const read = (text: string, inUrl = false) => interpolate(text, { env: { A: "1", EMPTY: "" }, folder, inUrl });

describe("interpolate", () => {
  test.each([
    ["plain", "plain", 0],
    ["$ and { and $}", "$ and { and $}", 0],
    ["${env:A}", "1", 1],
    ["${env: A }", "1", 1],
    ["x${env:A}y${env:A}z", "x1y1z", 2],
    ["${env:EMPTY}", "", 1],
    ["$${env:A}", "${env:A}", 0],
    ["$${", "${", 0],
    ["${file:secret}", "a/b@c", 1],
    ["${file:./link}", "a/b@c", 1],
    ["${file:crlf}", "two\n", 1],
    ["${file:empty}", "", 1],
  ])("interpolate: %s", (text, value, references) => {
    expect(read(text)).toEqual({ value, references });
  });

  test("interpolate: takes a file of just the largest size", () => {
    expect(read("${file:largest}")).toMatchObject({ references: 1 });
  });

  test("interpolate: encodes what goes into a URL, but not a whole URL", () => {
    expect(read("postgres://u:${file:secret}@h", true)).toMatchObject({ value: "postgres://u:a%2Fb%40c@h" });
    expect(read("${file:secret}", true)).toMatchObject({ value: "a/b@c" });
  });

  test.each([
    ["${env:B}", "CONFIG_ENV_MISSING", "no B"],
    ["${env:}", "CONFIG_ENV_MISSING", "without a name"],
    ["${env:constructor}", "CONFIG_ENV_MISSING", "no constructor"],
    ["${file:none}", "CONFIG_SECRET_UNREADABLE", "does not exist"],
    ["${file:secret/x}", "CONFIG_SECRET_UNREADABLE", "cannot be read: ENOTDIR"],
    ["${file:.}", "CONFIG_SECRET_UNREADABLE", "is a folder"],
    ["${file:/dev/zero}", "CONFIG_SECRET_UNREADABLE", "is not a regular file"],
    ["${file:}", "CONFIG_SECRET_UNREADABLE", "has no name"],
    ["${file:larger}", "CONFIG_SECRET_UNREADABLE", "more than 65536"],
    ["${file:binary}", "CONFIG_SECRET_UNREADABLE", "not UTF-8"],
    ["${HOME}", "CONFIG_REFERENCE", "is not a reference"],
    ["${}", "CONFIG_REFERENCE", "is not a reference"],
    ["${env:A", "CONFIG_REFERENCE", 'without "}"'],
    ["ok ${env:A} then ${vault:x}", "CONFIG_REFERENCE", "vault:x"],
  ])("interpolate: refuses %s", (text, code, reason) => {
    const { flaw } = read(text);
    expect(flaw?.code).toBe(code as never);
    expect(flaw?.reason).toContain(reason);
  });
});
