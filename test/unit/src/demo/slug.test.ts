import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Refusal } from "../../../../src/demo/refusal.ts";
import { chosenSlug, isSlug, makeSlug } from "../../../../src/demo/slug.ts";

describe("makeSlug", () => {
  test("makes seven letters that cannot be mistaken for others", () => {
    for (let draw = 0; draw < 200; draw += 1) expect(makeSlug()).toMatch(/^[2-9a-hjkmnp-zA-HJ-NP-Z]{7}$/);
  });

  test("is always a slug, whatever chance brings", () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 40 }).filter((drawn) => drawn.some((byte) => byte < 200));
    fc.assert(
      fc.property(bytes, (drawn) => {
        let next = 0;
        const slug = makeSlug((into) => into.forEach((_, at) => (into[at] = drawn[next++ % drawn.length] ?? 0)));
        return isSlug(slug) && slug.length === 7;
      }),
    );
  });

  test("passes over the bytes that would favour some letters", () => {
    const drawn = [255, 216, 0, 1, 254, 2, 3, 4, 5, 6];
    let next = 0;
    const slug = makeSlug((into) => into.forEach((_, at) => (into[at] = drawn[next++ % drawn.length] ?? 0)));
    expect(slug).toBe("2345678");
  });
});

describe("chosenSlug", () => {
  const good = ["ab", "my-link", "A_b-9", "2026", "a".repeat(40)];
  for (const slug of good) test(`takes ${slug}`, () => expect(chosenSlug(slug)).toBe(slug));

  const bad = [
    "",
    "a",
    "a".repeat(41),
    "-ab",
    "_ab",
    "a b",
    "a/b",
    "a.b",
    "a%2fb",
    "..",
    "ü-link",
    "a\nb",
    "a'b",
    null,
    7,
    {},
  ];
  for (const slug of bad) {
    test(`refuses ${JSON.stringify(slug)}`, () => {
      const said = chosenSlug(slug);
      expect(said).toBeInstanceOf(Refusal);
      expect(said).toMatchObject({ code: "bad_slug", status: 400 });
    });
  }

  for (const slug of ["links", "Links", "healthz", "READYZ", "favicon", "robots", "well-known"]) {
    test(`keeps ${slug} for the site`, () => {
      expect(chosenSlug(slug)).toMatchObject({ code: "slug_reserved", status: 409 });
      expect(isSlug(slug)).toBe(false);
    });
  }
});

describe("isSlug", () => {
  test("is what chosenSlug takes", () => {
    fc.assert(fc.property(fc.string({ maxLength: 45 }), (text) => isSlug(text) === (chosenSlug(text) === text)));
  });
});
