/** Tests of proxy/pg/tag.ts. */
import { describe, expect, test } from "bun:test";
import { BACKEND, FRONTEND, lengthRules, tagName, type Side, type TaggedPhase } from "../../../../proxy/pg/tag.ts";

const tables = [
  ["frontend", FRONTEND],
  ["backend", BACKEND],
] as const;
const phases = ["login", "steady"] as const;

function allowed(side: Side, phase: TaggedPhase): string[] {
  const { limits } = lengthRules(side, phase);
  const tags = Array.from({ length: 256 }, (_, tag) => tag);
  return tags.filter((tag) => limits[tag]! <= limits[tag + 256]!).map((tag) => tagName(side, tag));
}

describe("lengthRules", () => {
  test.each(tables)("%s: every message is allowed in some phase, and no two share a tag", (side, tags) => {
    const names = new Set(phases.flatMap((phase) => allowed(side, phase)));
    expect([...names].sort()).toEqual(Object.keys(tags).sort());
    expect(new Set(Object.values(tags)).size).toBe(Object.keys(tags).length);
  });

  test.each(tables)("%s: no length is below that of the length field, or overflows", (side, tags) => {
    for (const phase of phases) {
      const { limits } = lengthRules(side, phase);
      for (const tag of Object.values(tags)) expect(limits[tag]).toBeGreaterThanOrEqual(4);
      expect(Math.max(...limits.subarray(256))).toBeLessThan(2 ** 30);
    }
  });

  test("login: a client may only answer or go, and a server may only log it in", () => {
    expect(allowed("frontend", "login").sort()).toEqual(["password", "terminate"]);
    expect(allowed("backend", "login").sort()).toEqual([
      "authentication",
      "backendKeyData",
      "error",
      "negotiateVersion",
      "notice",
      "parameterStatus",
      "ready",
    ]);
    expect(Math.max(...lengthRules("backend", "login").limits.subarray(256))).toBe(65_535);
  });

  test("steady: nothing of the login comes again", () => {
    expect(allowed("frontend", "steady")).not.toContain("password");
    for (const name of ["authentication", "backendKeyData", "negotiateVersion"]) {
      expect(allowed("backend", "steady")).not.toContain(name);
    }
  });
});

test("tagName: names a message, or shows the byte", () => {
  expect(tagName("frontend", FRONTEND.sync)).toBe("sync");
  expect(tagName("backend", FRONTEND.sync)).toBe("parameterStatus");
  expect(tagName("backend", 0x07)).toBe("0x07");
});
