/** Tests of proxy/http/fields.ts. */
import { describe, expect, test } from "bun:test";
import { FIELD, FIELD_OTHER, knownField, type KnownField } from "../../../../proxy/http/fields.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

const names = Object.keys(FIELD) as KnownField[];

function idOf(name: string): number {
  return knownField(bytesOf(`:${name}:`), 1, name.length + 1);
}

describe("knownField", () => {
  test.each(names)("%s: is found in any case", (name) => {
    const mixed = [...name].map((letter, index) => (index % 2 === 0 ? letter.toUpperCase() : letter)).join("");
    expect([idOf(name), idOf(name.toUpperCase()), idOf(mixed)]).toEqual([FIELD[name], FIELD[name], FIELD[name]]);
  });

  test.each(names)("%s: no name that is nearly the same is taken for it", (name) => {
    const letters = "abcdefghijklmnopqrstuvwxyz-_.0!~";
    for (let at = 0; at < name.length; at++) {
      const without = name.slice(0, at) + name.slice(at + 1);
      for (const letter of letters) {
        for (const other of [
          without.slice(0, at) + letter + without.slice(at),
          name.slice(0, at) + letter + name.slice(at),
        ]) {
          if (other !== name) expect(idOf(other)).toBe(FIELD_OTHER);
        }
      }
      if (without !== "") expect(idOf(without)).toBe(FIELD_OTHER);
    }
  });

  test("ids fit into the bits of one word", () => {
    expect(Math.max(...Object.values(FIELD))).toBeLessThanOrEqual(31);
    expect(new Set(Object.values(FIELD)).size).toBe(names.length);
  });
});
