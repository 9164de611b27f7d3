/** Tests of proxy/http/shelf.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { Shelf } from "../../../../proxy/http/shelf.ts";
import { bytesOf } from "../../../kit/http-wire.ts";

function textOf(shelf: Shelf): string {
  return String.fromCharCode(...shelf.bytes.slice(shelf.start, shelf.end));
}

function written(write: (shelf: Shelf) => void): string {
  const shelf = new Shelf(1000, new Budget(1e6));
  shelf.reserve(100);
  write(shelf);
  return textOf(shelf);
}

describe("Shelf", () => {
  test("keeps what was pushed, in order and together, whatever is let go in between", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(6000), fc.nat(6000)), { maxLength: 30 }), (steps) => {
        const budget = new Budget(1e6);
        const shelf = new Shelf(50_000, budget);
        let model = "";
        for (const [index, [count, leaves]] of steps.entries()) {
          const text = String.fromCharCode(0x41 + (index % 26)).repeat(count);
          const fits = model.length + count <= 50_000;
          expect(shelf.push(bytesOf(`<${text}>`), 1, count + 1)).toBe(fits);
          if (fits) model += text;
          const gone = Math.min(leaves, model.length);
          shelf.shift(gone);
          model = model.slice(gone);
          expect([shelf.length, textOf(shelf) === model]).toEqual([model.length, true]);
          expect(budget.lentBytes > 0).toBe(model.length > 0);
        }
      }),
    );
  });

  test("push: refuses what the budget has no room for, and changes nothing", () => {
    const shelf = new Shelf(100_000, new Budget(8192));
    expect(shelf.push(bytesOf("x".repeat(8192)), 0, 8192)).toBe(true);
    expect(shelf.push(bytesOf("x"), 0, 1)).toBe(false);
    expect(shelf.length).toBe(8192);
  });

  test("shift: is a Bug beyond what there is", () => {
    expect(() => new Shelf(10, new Budget(1e6)).shift(1)).toThrow("not as many");
  });

  test.each([0, 1, 9, 10, 15, 16, 255, 256, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER])(
    "decimal and hex: write %d",
    (value) => {
      expect(written((shelf) => shelf.decimal(value))).toBe(String(value));
      expect(written((shelf) => shelf.hex(value))).toBe(value.toString(16));
    },
  );

  test("ascii and run: write behind what is there", () => {
    expect(
      written((shelf) => {
        shelf.ascii("a: ");
        shelf.run(bytesOf("<value>"), 1, 6);
      }),
    ).toBe("a: value");
  });
});
