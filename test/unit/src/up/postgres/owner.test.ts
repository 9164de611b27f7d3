import { afterAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canReach, findUser, postgresOwner, type Owner } from "../../../../../src/up/postgres/owner.ts";

const PASSWD = `root:x:0:0:root:/root:/bin/bash
# a comment
nobody2:x:1:1::/:
nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin
broken:x:abc:1::/:
nobody:x:7:7::/:
`;

const base = realpathSync(mkdtempSync(join(tmpdir(), "scale-owner-")));
afterAll(() => rmSync(base, { recursive: true, force: true }));

test("findUser: the first row of exactly that name with numbers in it", () => {
  expect(findUser(PASSWD, "nobody")).toEqual({ uid: 65_534, gid: 65_533 });
  expect(findUser(PASSWD, "broken")).toBeUndefined();
  expect(findUser(PASSWD, "none")).toBeUndefined();
  expect(findUser("", "nobody")).toBeUndefined();
});

if (process.getuid?.() === 0) {
  test("postgresOwner: as root, nobody; refuses without such a user, or when it is root itself", () => {
    expect(postgresOwner(() => PASSWD)).toEqual({ uid: 65_534, gid: 65_533, other: true });
    for (const passwd of ["root:x:0:0::/:", "nobody:x:0:0::/:"]) {
      expect(() => postgresOwner(() => passwd)).toThrow(/there is no user "nobody"/);
    }
  });
} else {
  test("postgresOwner: as a plain user, oneself", () => {
    expect(postgresOwner(() => "")).toMatchObject({ uid: process.getuid?.(), other: false });
  });
}

test("canReach: needs every folder above to let the user pass, by the bits that apply to it", () => {
  const uid = process.getuid?.() ?? 0;
  const gid = process.getgid?.() ?? 0;
  const stranger: Owner = { uid: uid + 1, gid: gid + 1, other: true };
  const member: Owner = { uid: uid + 1, gid, other: true };
  const oneself: Owner = { uid, gid, other: false };
  const folder = join(base, "a");
  mkdirSync(join(folder, "b"), { recursive: true });
  chmodSync(base, 0o711);
  const reach = (mode: number) => {
    chmodSync(folder, mode);
    return [oneself, member, stranger].map((owner) => canReach(owner, join(folder, "b", "none", "there")));
  };
  expect(reach(0o700)).toEqual([true, false, false]);
  expect(reach(0o710)).toEqual([true, true, false]);
  expect(reach(0o701)).toEqual([true, false, true]);
  expect(reach(0o755)).toEqual([true, true, true]);
});
