import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { scaleTypes } from "../../../../src/app/scale-types.ts";

describe("scaleTypes", () => {
  test("is the text of scale.d.ts", () => {
    expect(scaleTypes).toBe(readFileSync(join(import.meta.dir, "../../../../src/app/scale.d.ts"), "utf8"));
  });
});
