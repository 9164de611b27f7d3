import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  decodeEntry,
  encodeEntry,
  endOfArchive,
  padding,
  TarFault,
  unpackTar,
  type TarEntry,
} from "../../../../src/up/tar.ts";

const base = mkdtempSync(join(tmpdir(), "scale-tar-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

type Row = TarEntry & { readonly content?: string };

const file = (path: string, content: string, mode = 0o644): Row => ({
  path,
  kind: "file",
  mode,
  size: content.length,
  content,
});
const folder = (path: string, mode = 0o755): Row => ({ path, kind: "folder", mode, size: 0 });
const link = (path: string, target: string): Row => ({ path, kind: "link", mode: 0o777, size: 0, target });

const tree: readonly Row[] = [
  folder("bin", 0o555),
  file("bin/run", "x".repeat(513), 0o755),
  file("empty", ""),
  file("one", "1", 0o600),
  file("block", "b".repeat(512)),
  folder("lib"),
  file("lib/x.so.5.18", "elf"),
  link("lib/x.so.5", "x.so.5.18"),
  file("deep/without/its/folder", "y".repeat(511)),
];

function archive(rows: readonly Row[], end: Uint8Array = endOfArchive()): Uint8Array {
  const parts = rows.flatMap((row) => {
    const content = Buffer.from(row.content ?? "");
    return [encodeEntry(row), content, new Uint8Array(padding(content.length))];
  });
  return Buffer.concat([...parts, end]);
}

let folders = 0;
function newFolder(): string {
  folders += 1;
  const path = join(base, String(folders));
  mkdirSync(path);
  return path;
}

async function* pieces(bytes: Uint8Array, ...cuts: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const [from, to] of [0, ...cuts].map((cut, i) => [cut, cuts[i]])) yield bytes.subarray(from, to);
}

function unpack(bytes: Uint8Array, into: string, links = true): ReturnType<typeof unpackTar> {
  return unpackTar(pieces(bytes), into, { links });
}

/** path → mode and content (or target) of everything in the folder. */
function look(root: string): Record<string, string> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  const rows = names.map((name) => {
    const path = join(root, name);
    const info = statSync(path);
    const mode = (info.mode & 0o777).toString(8);
    return [name, info.isDirectory() ? `${mode}/` : `${mode} ${readFileSync(path, "latin1")}`] as const;
  });
  return Object.fromEntries(rows);
}

describe("unpackTar", () => {
  test("unpackTar: gives back what was packed, modes and links included, whatever the umask is", async () => {
    const before = process.umask(0o077);
    try {
      const into = newFolder();
      expect(await unpack(archive(tree), into)).toEqual({ files: 6, bytes: 513 + 0 + 1 + 512 + 3 + 511 });
      expect(look(into)).toEqual({
        bin: "555/",
        "bin/run": `755 ${"x".repeat(513)}`,
        empty: "644 ",
        one: "600 1",
        block: `644 ${"b".repeat(512)}`,
        lib: "755/",
        "lib/x.so.5.18": "644 elf",
        "lib/x.so.5": "644 elf",
        deep: "700/",
        "deep/without": "700/",
        "deep/without/its": "700/",
        "deep/without/its/folder": `644 ${"y".repeat(511)}`,
      });
      expect(readlinkSync(join(into, "lib/x.so.5"))).toBe("x.so.5.18");
      chmodSync(join(into, "bin"), 0o755);
    } finally {
      process.umask(before);
    }
  });

  test("unpackTar: does the same wherever the stream is cut", async () => {
    const bytes = archive(tree.slice(1));
    const whole = newFolder();
    await unpack(bytes, whole);
    const wanted = look(whole);
    for (let cut = 1; cut < bytes.length; cut += cut % 512 < 3 || cut % 512 > 509 ? 1 : 101) {
      const into = newFolder();
      await unpackTar(pieces(bytes, cut, Math.min(cut + 1, bytes.length)), into, { links: true });
      expect(look(into)).toEqual(wanted);
      rmSync(into, { recursive: true });
    }
  });

  test("unpackTar: throws on an archive that is cut short anywhere", async () => {
    const bytes = archive([file("a", "z".repeat(700))], new Uint8Array(512));
    for (const length of [0, 1, 511, 512, 513, 1_211, 1_212, 1_535, 1_536, 2_047]) {
      await expect(unpack(bytes.subarray(0, length), newFolder())).rejects.toThrow(TarFault);
    }
    await unpack(bytes, newFolder());
  });

  const refused: readonly (readonly [string, readonly Row[]])[] = [
    ["a path above the folder", [file("../evil", "x")]],
    ["a path that goes up in the middle", [file("a/../../evil", "x")]],
    ["an absolute path", [file("/evil", "x")]],
    ["a link out of the folder", [link("l", "../evil")]],
    ["a link to an absolute path", [link("l", "/etc")]],
    ["a link to the folder above", [link("l", "..")]],
    ["a file where a link stands", [link("l", "evil"), file("l", "x")]],
    ["the same file twice", [file("f", "x"), file("f", "y")]],
  ];
  test.each(refused)("unpackTar: refuses %s", async (_what, rows) => {
    const above = newFolder();
    const into = join(above, "in");
    mkdirSync(into);
    await expect(unpack(archive(rows), into)).rejects.toThrow();
    expect(readdirSync(above)).toEqual(["in"]);
  });

  test("unpackTar: refuses every link when none is expected", async () => {
    await expect(unpack(archive([link("l", "x")]), newFolder(), false)).rejects.toThrow(/links are not expected/);
  });

  test("unpackTar: never overwrites what is there", async () => {
    const into = newFolder();
    writeFileSync(join(into, "f"), "mine");
    await expect(unpack(archive([file("f", "theirs")]), into)).rejects.toThrow();
    expect(readFileSync(join(into, "f"), "utf8")).toBe("mine");
  });
});

describe("decodeEntry", () => {
  const block = encodeEntry(file("name", "abc"));
  const changed = (at: number, text: string): Uint8Array => {
    const copy = block.slice();
    copy.set(new TextEncoder().encode(text), at);
    return signed(copy);
  };
  /** With the checksum that its other bytes have. */
  function signed(copy: Uint8Array): Uint8Array {
    copy.fill(0x20, 148, 156);
    const sum = copy.reduce((total, byte) => total + byte, 0);
    copy.set(new TextEncoder().encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    return copy;
  }

  test("decodeEntry: round trip, long paths by the prefix", () => {
    const long = `${"d".repeat(90)}/${"e".repeat(60)}/${"f".repeat(100)}`;
    for (const row of [folder("a/b"), link("l", "t"), file(long, "x")]) {
      const { content: _content, ...entry } = row;
      expect(decodeEntry(encodeEntry(row))).toEqual(entry);
    }
    expect(() => encodeEntry(file(`${"d".repeat(90)}/${"f".repeat(101)}`, ""))).toThrow(/too long/);
    expect(() => encodeEntry(file("ü", ""))).toThrow(/ASCII/);
    expect(decodeEntry(new Uint8Array(512))).toBeUndefined();
  });

  test("decodeEntry: reads sizes in base 256, and refuses those out of range", () => {
    const large = block.slice();
    large.set([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0], 124);
    expect(decodeEntry(signed(large))?.size).toBe(2 * 2 ** 32);
    large.fill(0xff, 124, 136);
    expect(() => decodeEntry(signed(large))).toThrow(/out of range/);
  });

  const bad: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ["a wrong checksum", () => block.map((byte, i) => (i === 0 ? byte + 1 : byte)), /checksum/],
    ["a hard link", () => changed(156, "1"), /entry type "1"/],
    ["a device", () => changed(156, "3"), /entry type "3"/],
    ["a size that is no number", () => changed(124, "00000000009"), /not an octal number/],
  ];
  test.each(bad)("decodeEntry: refuses %s", (_what, make, message) => {
    expect(() => decodeEntry(make())).toThrow(message);
  });
});
