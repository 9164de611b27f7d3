import { describe, expect, test } from "bun:test";
import { harmlessKeys } from "../../../../src/config/harmless.ts";
import type { Node } from "../../../../src/config/node.ts";
import { Source } from "../../../../src/config/source.ts";
import { parseToml, SYNTAX_PROBLEMS_MAX } from "../../../../src/config/toml.ts";

const parse = (text: string) => parseToml(new Source("x.toml", text, harmlessKeys));

/** The tree as plain values. */
function plain(node: Node): unknown {
  if (node.kind === "list") return node.items.map(plain);
  if (node.kind === "table")
    return Object.fromEntries([...node.entries].map(([name, { node: one }]) => [name, plain(one)]));
  return typeof node.value === "bigint" ? Number(node.value) : node.value;
}

const problemsOf = async (text: string) =>
  (await parse(text)).problems.map(({ code, parts }) => `${code} ${parts.where?.line}:${parts.where?.column}`);

const GOOD = `
top = 1
[a.b]
x = "é\\n"
y = 'raw\\n'
[a]
z = [1, 2.5, true, "t"]
d.e = 1979-05-27
d.f = { g = 1, h.i = 2 }
[[l]]
n = 1
[l.sub]
m = 2
[[l]]
n = 3
[[l.deep]]
o = 4
"quoted key" = """
two
lines"""
`;

const GOOD_TREE = {
  top: 1,
  a: { b: { x: "é\n", y: "raw\\n" }, z: [1, 2.5, true, "t"], d: { e: "1979-05-27", f: { g: 1, h: { i: 2 } } } },
  l: [
    { n: 1, sub: { m: 2 } },
    { n: 3, deep: [{ o: 4, "quoted key": "two\nlines" }] },
  ],
};

describe("parseToml", () => {
  test("parseToml: makes the tree that TOML means", async () => {
    const { root, problems, broken } = await parse(GOOD);
    expect(problems).toEqual([]);
    expect(broken).toBe(false);
    expect(plain(root)).toEqual(GOOD_TREE);
  });

  test("parseToml: agrees with Bun's parser on the tree", async () => {
    const { root } = await parse(GOOD.replace("1979-05-27", '"1979-05-27"'));
    expect(plain(root)).toEqual(Bun.TOML.parse(GOOD.replace("1979-05-27", '"1979-05-27"')));
  });

  test("parseToml: knows the place and width of keys and values", async () => {
    const { root } = await parse('[app]\n\n  listen = "x"  # y\nlist = [\n  1,\n]\n');
    const app = root.entries.get("app")?.node;
    if (app?.kind !== "table") throw new Error("no table");
    const at = (name: string) => app.entries.get(name);
    expect(at("listen")?.at).toMatchObject({ line: 3, column: 3, width: 6 });
    expect(at("listen")?.node.origin).toMatchObject({ line: 3, column: 12, width: 3 });
    expect(at("list")?.node.origin).toMatchObject({ line: 4, column: 8, width: 1 });
    expect(root.entries.get("app")?.at).toMatchObject({ line: 1, column: 2, width: 3 });
  });

  test("parseToml: reads all other lines when one is bad", async () => {
    const lines = GOOD.split("\n");
    const bad = [...lines.slice(0, 4), "oops here", ...lines.slice(4)].join("\n");
    const { root, problems, broken } = await parse(bad);
    expect(problems).toHaveLength(1);
    expect(problems[0]?.parts.where?.line).toBe(5);
    expect(broken).toBe(true);
    expect(plain(root)).toEqual(GOOD_TREE);
  });

  test("parseToml: leaves out what stands under a header that cannot be read", async () => {
    const { root } = await parse("[a]\nx = 1\n[b\ny = 2\n[c]\nz = 3\n");
    expect(plain(root)).toEqual({ a: { x: 1 }, c: { z: 3 } });
  });

  test("parseToml: sees where a forgotten bracket was meant to be", async () => {
    expect(await problemsOf("a = [1,\nb = 2\nc = {\n[d]\ne = oops\n")).toEqual([
      "CONFIG_SYNTAX 1:5",
      "CONFIG_SYNTAX 3:5",
      "CONFIG_SYNTAX 5:5",
    ]);
  });

  test.each([
    ["a = 1\na = 2", ["CONFIG_DUPLICATE 2:1"]],
    ["[a]\n[a]\n[a]", ["CONFIG_DUPLICATE 2:2", "CONFIG_DUPLICATE 3:2"]],
    ["a.b = 1\na.b.c = 2", ["CONFIG_DUPLICATE 2:3"]],
    ["a = []\n[[a]]", ["CONFIG_DUPLICATE 2:3"]],
    ["[[a]]\n[a]", ["CONFIG_DUPLICATE 2:2"]],
    ["[a]\nb = 1\n[a.b]", ["CONFIG_DUPLICATE 3:4"]],
    ["a = 1\n[a.b]\nc = 1", ["CONFIG_DUPLICATE 2:2"]],
  ])("parseToml: sees what is said twice in %p", async (text, expected) => {
    expect(await problemsOf(text)).toEqual(expected);
  });

  test("parseToml: an empty text is an empty table", async () => {
    for (const text of ["", "\n", "# only a comment", "\r\n\t \r\n"])
      expect(plain((await parse(text)).root)).toEqual({});
  });

  test("parseToml: keys that mean something to JavaScript are only names", async () => {
    const { root } = await parse('[__proto__]\nx = 1\n[constructor]\n"__proto__" = 2\n');
    expect([...root.entries.keys()]).toEqual(["__proto__", "constructor"]);
    expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
  });

  test("parseToml: stops at a bound", async () => {
    expect(await problemsOf("oops here\n".repeat(100))).toHaveLength(SYNTAX_PROBLEMS_MAX);
    expect(await problemsOf(`a = ${"[".repeat(100_000)}`)).toEqual(["CONFIG_TOO_DEEP 1:37"]);
    expect(await problemsOf(`a = ${"{a=".repeat(100_000)}`)).toEqual(["CONFIG_TOO_DEEP 1:101"]);
  });
});
