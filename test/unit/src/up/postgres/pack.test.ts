import { afterAll, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { packPostgres, sourcesOf } from "../../../../../src/up/postgres/pack.ts";
import { unpackTar } from "../../../../../src/up/tar.ts";

const base = mkdtempSync(join(tmpdir(), "scale-pack-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const FILES = [
  "bin/initdb",
  "bin/pg_ctl",
  "bin/postgres",
  "lib/libpq.so.5.18",
  "lib/libpq.a",
  "lib/libecpg.so.6.18",
  "lib/pkgconfig/libpq.pc",
  "lib/postgresql/plpgsql.so",
  "lib/postgresql/plperl.so",
  "lib/postgresql/hstore_plpython3.so",
  "share/postgresql/extension/plpgsql.control",
  "share/postgresql/extension/plperlu--1.0.sql",
  "share/postgresql/extension/hstore_plpython3u.control",
  "share/postgresql/extension/pltcl.control",
  "share/postgresql/postgresql.conf.sample",
  "share/postgresql/psqlrc.sample",
  "share/postgresql/timezone/UTC",
];
const KEPT = [
  "bin/initdb",
  "bin/pg_ctl",
  "bin/postgres",
  "lib/libpq.so.5",
  "lib/libpq.so.5.18",
  "lib/postgresql/plpgsql.so",
  "share/postgresql/extension/plpgsql.control",
  "share/postgresql/postgresql.conf.sample",
  "share/postgresql/timezone/UTC",
];
const LINKS = ["lib/libpq.so", "lib/libpq.so.5", "lib/libecpg.so.6"];

function native(name: string, { links = false, without = "" } = {}): string {
  const root = join(base, name);
  for (const file of FILES.filter((one) => one !== without)) {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), `content of ${file}`);
  }
  const rows = LINKS.map((target) => ({
    source: `native/${target.replace(/\.so.*/, ".so.5.18")}`,
    target: `native/${target}`,
  }));
  writeFileSync(join(root, "pg-symlinks.json"), JSON.stringify(rows));
  if (links) for (const path of LINKS) symlinkSync("libpq.so.5.18", join(root, path));
  return root;
}

test("sourcesOf: leaves out what only compilers and absent interpreters use", () => {
  const found = sourcesOf(native("a"));
  expect(found.filter(({ kind }) => kind !== "folder").map(({ path }) => path)).toEqual(KEPT);
  expect(found.find(({ path }) => path === "lib/libpq.so.5")).toMatchObject({ kind: "link", target: "libpq.so.5.18" });
});

test("sourcesOf: throws when a program is missing", () => {
  expect(() => sourcesOf(native("b", { without: "bin/postgres" }))).toThrow(/bin\/postgres" is missing/);
});

test("packPostgres: equal content gives equal bytes, links made or not, whatever times and modes are", async () => {
  const plain = native("c");
  const installed = native("d", { links: true });
  chmodSync(join(installed, "lib/libpq.so.5.18"), 0o600);
  const [one, two] = [join(base, "one.tar.zst"), join(base, "two.tar.zst")];
  const { bytes } = await packPostgres(plain, one);
  await packPostgres(installed, two);
  const content = readFileSync(one);
  expect(content.length).toBe(bytes);
  expect(content.equals(readFileSync(two))).toBe(true);
  expect(readFileSync(`${one}.sha256`, "utf8").trim()).toBe(createHash("sha256").update(content).digest("hex"));

  const into = join(base, "unpacked");
  mkdirSync(into);
  await unpackTar(new Blob([content]).stream().pipeThrough(new DecompressionStream("zstd")), into, { links: true });
  const names = readdirSync(into, { recursive: true, encoding: "utf8" });
  expect(KEPT.filter((path) => !names.includes(path))).toEqual([]);
  expect(readFileSync(join(into, "lib/libpq.so.5"), "utf8")).toBe("content of lib/libpq.so.5.18");
});
