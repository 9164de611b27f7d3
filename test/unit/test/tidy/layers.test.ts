/** Tests of test/tidy/layers.ts. */
import { describe, expect, test } from "bun:test";
import { findings, type Files } from "./small-tree.ts";

const BELOW = "export const below = 1;\nexport type Below = number;\n";

describe("layers", () => {
  const good: [string, Files][] = [
    [
      "down by one floor",
      { "proxy/pg/a.ts": 'import { below } from "../base/b.ts";\nexport const a = below;\n', "proxy/base/b.ts": BELOW },
    ],
    [
      "down by many",
      {
        "src/up/a.ts": 'export { below } from "../../proxy/base/b.ts";\nexport const a = 1;\n',
        "proxy/base/b.ts": BELOW,
      },
    ],
    [
      "within a room",
      {
        "proxy/pg/a.ts": 'import { below } from "./deep/b.ts";\nexport const a = below;\n',
        "proxy/pg/deep/b.ts": BELOW,
      },
    ],
    [
      "between rooms of src",
      { "src/up/a.ts": 'import { below } from "../run/b.ts";\nexport const a = below;\n', "src/run/b.ts": BELOW },
    ],
    [
      "a role takes the contract",
      {
        "proxy/lb/a.ts": 'import type { Below } from "../role.ts";\nexport const a: Below = 1;\n',
        "proxy/role.ts": BELOW,
      },
    ],
    [
      "the contract names a floor below",
      {
        "proxy/role.ts": 'import type { Below } from "./net/b.ts";\nexport const a: Below = 1;\n',
        "proxy/net/b.ts": BELOW,
      },
    ],
    [
      "a test may know everything",
      {
        "test/kit/a.ts": 'import { below } from "../../proxy/base/b.ts";\nexport const a = below;\n',
        "proxy/base/b.ts": BELOW,
      },
    ],
  ];
  test.each(good)("allows %s", (_name, files) => {
    expect(findings(files)).toEqual([]);
  });

  const bad: [string, Files, string[]][] = [
    [
      "up by a value",
      { "proxy/base/a.ts": 'import { below } from "../pg/b.ts";\nexport const a = below;\n', "proxy/pg/b.ts": BELOW },
      ["proxy/base/a.ts:1 [layers] imports proxy/pg/b.ts: proxy/pg is above proxy/base"],
    ],
    [
      "up by a type",
      {
        "proxy/pgconn/a.ts": '\nimport type { Below } from "../cluster/b.ts";\nexport const a: Below = 1;\n',
        "proxy/cluster/b.ts": BELOW,
      },
      ["proxy/pgconn/a.ts:2 [layers] imports proxy/cluster/b.ts: proxy/cluster is above proxy/pgconn"],
    ],
    [
      "up by a type in an expression",
      { "proxy/pg/a.ts": 'export type A = import("../pool/b.ts").Below;\n', "proxy/pool/b.ts": BELOW },
      ["proxy/pg/a.ts:1 [layers] imports proxy/pool/b.ts: proxy/pool is above proxy/pg"],
    ],
    [
      "up by a re-export",
      { "proxy/pg/a.ts": 'export type { Below } from "../lb/b.ts";\nexport const a = 1;\n', "proxy/lb/b.ts": BELOW },
      ["proxy/pg/a.ts:1 [layers] imports proxy/lb/b.ts: proxy/lb is above proxy/pg"],
    ],
    [
      "up by a dynamic import",
      { "proxy/cluster/a.ts": 'export const a = () => import("../../src/run/b.ts");\n', "src/run/b.ts": BELOW },
      ["proxy/cluster/a.ts:1 [layers] imports src/run/b.ts: src/run is above proxy/cluster"],
    ],
    [
      "up by require and by a worker's address",
      {
        "proxy/net/a.ts":
          'export const a = () => require("../pool/b.ts");\nexport const b = new URL("../pool/b.ts", import.meta.url);\n',
        "proxy/pool/b.ts": BELOW,
      },
      [
        "proxy/net/a.ts:1 [layers] imports proxy/pool/b.ts: proxy/pool is above proxy/net",
        "proxy/net/a.ts:2 [layers] imports proxy/pool/b.ts: proxy/pool is above proxy/net",
      ],
    ],
    [
      "sideways between rooms of one floor",
      { "proxy/pg/a.ts": 'import { below } from "../http/b.ts";\nexport const a = below;\n', "proxy/http/b.ts": BELOW },
      ["proxy/pg/a.ts:1 [layers] imports proxy/http/b.ts: proxy/http is on the floor of proxy/pg"],
    ],
    [
      "a role by a role",
      {
        "proxy/router/a.ts": 'import type { Below } from "../pool/b.ts";\nexport const a: Below = 1;\n',
        "proxy/pool/b.ts": BELOW,
      },
      ["proxy/router/a.ts:1 [layers] imports proxy/pool/b.ts: proxy/pool is on the floor of proxy/router"],
    ],
    [
      "the contract of the roles from below",
      {
        "proxy/upstream/a.ts": 'import type { Below } from "../role.ts";\nexport const a: Below = 1;\n',
        "proxy/role.ts": BELOW,
      },
      ["proxy/upstream/a.ts:1 [layers] imports proxy/role.ts: proxy/role.ts is above proxy/upstream"],
    ],
    [
      "a room that nobody knows",
      { "proxy/attic/a.ts": BELOW },
      ["proxy/attic/a.ts:1 [layers] proxy/attic is no room: give it a floor in test/tidy/rooms.ts"],
    ],
    [
      "tests and the build by the product",
      {
        "src/run/a.ts":
          'import { below } from "../../test/kit/b.ts";\nimport "../../build.ts";\nexport const a = below;\n',
        "test/kit/b.ts": BELOW,
        "build.ts": BELOW,
      },
      [
        "src/run/a.ts:1 [layers] imports test/kit/b.ts: the product does not know its tools",
        "src/run/a.ts:2 [layers] imports build.ts: the product does not know its tools",
      ],
    ],
    [
      "what is computed, in proxy",
      { "proxy/cluster/a.ts": "export const a = (name: string) => import(`./${name}.ts`);\n" },
      ["proxy/cluster/a.ts:1 [layers] imports what is computed"],
    ],
  ];
  test.each(bad)("finds %s", (_name, files, found) => {
    expect(findings(files)).toEqual(found);
  });
});

describe("packages", () => {
  test("allows the runtime's modules in proxy/net, and packages in src", () => {
    const files = {
      "proxy/net/a.ts":
        'import { hrtime } from "node:process";\nimport { Socket } from "bun";\nexport const a = [hrtime, Socket];\n',
      "src/app/a.ts": 'import postgres from "postgres";\nexport const a = postgres;\n',
    };
    expect(findings(files)).toEqual([]);
  });

  test("finds a package in proxy, also by its types", () => {
    const files = {
      "proxy/lb/a.ts":
        'import lru from "lru-cache";\nimport type { Sql } from "postgres";\nexport const a: Sql = lru;\n',
    };
    expect(findings(files)).toEqual([
      'proxy/lb/a.ts:1 [packages] imports "lru-cache": proxy has no dependency',
      'proxy/lb/a.ts:2 [packages] imports "postgres": proxy has no dependency',
    ]);
  });
});
