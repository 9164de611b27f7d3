import { describe, expect, test } from "bun:test";
import { packageJson, templateNames, templates, TSCONFIG } from "../../../../../src/cli/init/templates.ts";

describe("templates", () => {
  for (const name of templateNames) {
    test(`${name} is a program, and names all that it imports`, () => {
      const { program, dependencies } = templates[name];
      const { imports } = new Bun.Transpiler({ loader: "ts" }).scan(program);
      expect(imports.map(({ path }) => path).sort()).toEqual([...Object.keys(dependencies), "scale"].sort());
    });
  }

  test("tsconfig is JSON", () => expect(JSON.parse(TSCONFIG)).toMatchObject({ compilerOptions: { strict: true } }));
});

describe("packageJson", () => {
  const rows = [
    ["shop", "shop"],
    ["My Shop!", "my-shop"],
    ["..", "app"],
    ["日本", "app"],
    ["_a_b_", "a-b"],
  ] as const;
  for (const [folder, name] of rows) {
    test(`"${folder}" is ${name}`, () =>
      expect(JSON.parse(packageJson(folder, templates.fetch))).toMatchObject({ name }));
  }

  test("names what the program needs, and no more", () => {
    expect(JSON.parse(packageJson("shop", templates.express))).toMatchObject({ dependencies: { express: "^5.1.0" } });
    expect(Object.keys(JSON.parse(packageJson("shop", templates.fetch)))).toEqual([
      "name",
      "private",
      "type",
      "scripts",
      "devDependencies",
    ]);
  });
});
