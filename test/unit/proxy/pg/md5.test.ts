/** Tests of proxy/pg/md5.ts. */
import { expect, test } from "bun:test";
import { isMd5Answer, isMd5Secret, md5Answer, md5Secret } from "../../../../proxy/pg/md5.ts";
import { digest } from "../../../../src/run/digest.ts";

const SALT = Uint8Array.of(1, 2, 3, 4);

// What `select 'md5' || md5('pencil' || 'user')` says.
test("md5Secret: is what the server stores", () => {
  expect(md5Secret(digest, "user", "pencil")).toBe("md520c46e3762c864548e296b33c3406aa9");
});

test("md5Answer: is a hash of the stored digits and the salt", () => {
  const stored = md5Secret(digest, "user", "pencil");
  const hash = new Bun.CryptoHasher("md5").update(stored.slice(3)).update(SALT).digest("hex");
  expect(md5Answer(digest, stored, SALT)).toBe(`md5${hash}`);
});

test("isMd5Answer: fits the same password, user and salt only", () => {
  const stored = md5Secret(digest, "user", "pencil");
  const answer = md5Answer(digest, stored, SALT);
  expect(isMd5Answer(digest, stored, SALT, answer)).toBe(true);
  expect(isMd5Answer(digest, stored, Uint8Array.of(1, 2, 3, 5), answer)).toBe(false);
  expect(isMd5Answer(digest, md5Secret(digest, "user", "Pencil"), SALT, answer)).toBe(false);
  expect(isMd5Answer(digest, md5Secret(digest, "users", "encil"), SALT, answer)).toBe(false);
  for (const wrong of ["", "md5", answer.slice(0, -1), `${answer}0`, answer.toUpperCase(), stored]) {
    expect(isMd5Answer(digest, stored, SALT, wrong)).toBe(false);
  }
});

test("isMd5Secret: knows the stored form", () => {
  expect(isMd5Secret(md5Secret(digest, "user", "pencil"))).toBe(true);
  for (const other of ["", "md5", "pencil", `md5${"g".repeat(32)}`, `md5${"0".repeat(33)}`, `MD5${"0".repeat(32)}`]) {
    expect(isMd5Secret(other)).toBe(false);
  }
});
