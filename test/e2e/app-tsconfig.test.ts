/** What a program's own tsconfig.json says of its JSX, its decorators and its paths holds in the executable, too. */
import { expect, test } from "bun:test";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { runApp, writeApp } from "../kit/scale-app.ts";

const LIFE_MS = 30_000;
const PACKAGES = join(import.meta.dir, "../../node_modules");

const METADATA = `
const types: string[] = [];
Reflect.metadata = (name, type) => () => { if (name === "design:type") types.push(type.name); };
const field = (target: object, name: string): void => { types.push(typeof target + " " + name); };
class Shop { @field name: string = "x"; @field count: number = 1; }
`;

interface Program {
  readonly what: string;
  readonly tsconfig: object;
  readonly file: string;
  readonly source: string;
  readonly more?: Readonly<Record<string, string>>;
  readonly answer: string;
}

const programs: readonly Program[] = [
  {
    what: "JSX of hono, said by the file that it extends",
    tsconfig: { extends: "./base" },
    file: "server.tsx",
    source:
      'import { hi } from "./hi.tsx";\nexport default { fetch: () => new Response(String(<p class="a">{hi}</p>)) };\n',
    more: {
      "base.json": '{ /* shared */ "compilerOptions": { "jsx": "react-jsx", "jsxImportSource": "hono/jsx", }, }',
      "hi.tsx": "export const hi = <b>hello</b>; // the end",
    },
    answer: '<p class="a"><b>hello</b></p>',
  },
  {
    what: "JSX with a factory of its own",
    tsconfig: { compilerOptions: { jsx: "react", jsxFactory: "make" } },
    file: "server.tsx",
    source:
      "const make = (name: string, _: unknown, ...in_: string[]) => `${name}(${in_.join()})`;\nexport default { fetch: () => new Response(<i>x</i>) };\n",
    answer: "i(x)",
  },
  {
    what: "old decorators with metadata, paths, and a CommonJS file",
    tsconfig: {
      compilerOptions: { experimentalDecorators: true, emitDecoratorMetadata: true, paths: { "@/*": ["./lib/*"] } },
    },
    file: "server.ts",
    source: `import { word } from "@/word";\nimport old from "./old.ts";${METADATA}
      export default { fetch: () => Response.json([word, old.word, ...types, import.meta.main, new Shop().name]) };\n`,
    more: { "lib/word.ts": 'export const word: string = "new";', "old.ts": 'module.exports = { word: "old" };' },
    answer: '["new","old","String","object name","Number","object count",true,"x"]',
  },
];

test.each(programs.map((program) => [program.what, program] as const))(
  "%s",
  async (_what, { tsconfig, file, source, more, answer }) => {
    const app = writeApp({ ...more, [file]: source, "tsconfig.json": JSON.stringify(tsconfig) });
    mkdirSync(join(app.folder, "node_modules"));
    symlinkSync(join(PACKAGES, "hono"), join(app.folder, "node_modules/hono"));
    const port = freePort();
    const box = runApp({ words: ["--listen", String(port), join(app.folder, file)] });
    await box.ready();
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe(answer);
    expect(await box.stop()).toBe(0);
    app.remove();
  },
  LIFE_MS,
);

test.each([
  ["old decorators", "server.ts", { experimentalDecorators: true }, `${METADATA}\n\nthrow new Error("no stock");\n`, 8],
  ["JSX", "server.tsx", { jsxImportSource: "hono/jsx" }, '\n\nthrow new Error("no stock");\n', 3],
])(
  "an error in a file with %s names its line",
  async (_what, file, compilerOptions, source, line) => {
    const app = writeApp({ [file]: source, "tsconfig.json": JSON.stringify({ compilerOptions }) });
    const box = runApp({ words: ["--listen", String(freePort()), join(app.folder, file)] });
    expect(await box.exited).toBe(1);
    expect(box.said()).toContain(`${join(app.folder, file)}:${line}:`);
    app.remove();
  },
  LIFE_MS,
);
