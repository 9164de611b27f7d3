/** Tests of proxy/base/byte-queue.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Budget, ByteQueue } from "../../../../proxy/base/byte-queue.ts";

const BLOCK = 4096;

function counting(from: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => (from + index) & 0xff);
}

/** What stands in the first run. */
function run(queue: ByteQueue): number[] {
  return [...queue.bytes.slice(queue.start, queue.end)];
}

function takeAll(queue: ByteQueue, step = Number.POSITIVE_INFINITY): number[] {
  const taken: number[] = [];
  while (queue.length > 0) {
    const some = run(queue).slice(0, step);
    taken.push(...some);
    queue.shift(some.length);
  }
  return taken;
}

describe("ByteQueue", () => {
  test("gives the bytes in order, and only those of the range that was pushed", () => {
    const queue = new ByteQueue(100, new Budget(1e6));
    expect(queue.push(Uint8Array.of(9, 1, 2, 9), 1, 3)).toBe(true);
    expect(queue.push(Uint8Array.of(3), 0, 1)).toBe(true);
    expect([queue.length, run(queue)]).toEqual([3, [1, 2, 3]]);
    queue.shift(2);
    expect([queue.length, run(queue)]).toEqual([1, [3]]);
  });

  test("push: copies, so the chunk may be used again", () => {
    const queue = new ByteQueue(10_000, new Budget(1e6));
    for (const count of [3, 500]) {
      const chunk = counting(0, count);
      queue.push(chunk, 0, count);
      chunk.fill(0xee);
    }
    expect(takeAll(queue)).toEqual([...counting(0, 3), ...counting(0, 500)]);
  });

  test("push: refuses what does not fit, and changes nothing", () => {
    const queue = new ByteQueue(10, new Budget(1e6));
    expect(queue.push(counting(0, 11), 0, 11)).toBe(false);
    expect([queue.length, queue.start, queue.end]).toEqual([0, 0, 0]);
    expect(queue.push(counting(0, 10), 0, 10)).toBe(true);
    expect(queue.push(counting(0, 1), 0, 1)).toBe(false);
    expect(queue.push(counting(0, 1), 1, 1)).toBe(true);
    queue.shift(1);
    expect(queue.push(Uint8Array.of(77), 0, 1)).toBe(true);
    expect(takeAll(queue)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 77]);
  });

  test("hands out two runs, one after the other, when the bytes go around the end of the block", () => {
    const queue = new ByteQueue(BLOCK, new Budget(1e6));
    queue.push(counting(0, BLOCK), 0, BLOCK);
    queue.shift(BLOCK - 2);
    queue.push(Uint8Array.of(7, 8, 9), 0, 3);
    expect([queue.start, queue.end, queue.length]).toEqual([BLOCK - 2, BLOCK, 5]);
    queue.shift(2);
    expect(run(queue)).toEqual([7, 8, 9]);
  });

  test("keeps the order when it grows while the bytes go around the end", () => {
    const queue = new ByteQueue(4 * BLOCK, new Budget(1e6));
    queue.push(counting(0, BLOCK), 0, BLOCK);
    queue.shift(BLOCK - 10);
    queue.push(counting(100, 1000), 0, 1000);
    queue.push(counting(5, BLOCK), 0, BLOCK);
    expect(takeAll(queue)).toEqual([...counting(BLOCK - 10, 10), ...counting(100, 1000), ...counting(5, BLOCK)]);
  });

  test("shift and push: are a Bug beyond what there is", () => {
    const queue = new ByteQueue(10, new Budget(1e6));
    queue.push(counting(0, 2), 0, 2);
    for (const count of [3, -1, Number.NaN]) expect(() => queue.shift(count)).toThrow(Bug);
    for (const [start, end] of [
      [-1, 1],
      [0, 3],
      [2, 1],
      [0, Number.NaN],
    ] as const) {
      expect(() => queue.push(counting(0, 2), start, end)).toThrow(Bug);
    }
    expect(queue.length).toBe(2);
  });

  test.each([0, -1, 2.5])("new: throws a Bug for bytesMax %p", (bytesMax) => {
    expect(() => new ByteQueue(bytesMax, new Budget(1))).toThrow(Bug);
    expect(() => new Budget(bytesMax)).toThrow(Bug);
  });
});

describe("Budget", () => {
  test("counts the memory of all queues, and gets it back when they are empty or cleared", () => {
    const budget = new Budget(1e6);
    const one = new ByteQueue(1e6, budget);
    const other = new ByteQueue(1e6, budget);
    one.push(counting(0, 1), 0, 1);
    other.push(counting(0, BLOCK + 1), 0, BLOCK + 1);
    expect(budget.lentBytes).toBe(3 * BLOCK);
    one.shift(1);
    expect(budget.lentBytes).toBe(2 * BLOCK);
    other.clear();
    other.clear();
    expect([budget.lentBytes, other.length]).toEqual([0, 0]);
  });

  test("one queue can exhaust it for the others, until it lets go", () => {
    const budget = new Budget(2 * BLOCK);
    const greedy = new ByteQueue(1e6, budget);
    const other = new ByteQueue(1e6, budget);
    expect(greedy.push(counting(0, 2 * BLOCK), 0, 2 * BLOCK)).toBe(true);
    expect(other.push(counting(0, 1), 0, 1)).toBe(false);
    expect(greedy.push(counting(0, 1), 0, 1)).toBe(false);
    greedy.clear();
    expect(other.push(counting(0, 1), 0, 1)).toBe(true);
  });

  test("a queue may grow into all of it, because the smaller block goes back at once", () => {
    const budget = new Budget(2 * BLOCK);
    const queue = new ByteQueue(1e6, budget);
    expect(queue.push(counting(0, BLOCK), 0, BLOCK)).toBe(true);
    expect(queue.push(counting(0, BLOCK), 0, BLOCK)).toBe(true);
    expect(budget.lentBytes).toBe(2 * BLOCK);
  });

  test("lends a block again that was given back, and nobody has meanwhile", () => {
    const budget = new Budget(1e6);
    const first = budget.lend(1);
    const second = budget.lend(1);
    expect(first?.length).toBe(BLOCK);
    expect(second).not.toBe(first as Uint8Array);
    budget.giveBack(first as Uint8Array);
    expect(budget.lend(BLOCK)).toBe(first as Uint8Array);
    expect(budget.lend(BLOCK + 1)?.length).toBe(2 * BLOCK);
  });

  test("keeps at most 16 MiB of what was given back, and counts it out when it is lent again", () => {
    const budget = new Budget(1e9);
    const blocks = Array.from({ length: 5 }, () => budget.lend(4_194_304) as Uint8Array);
    for (const block of blocks) budget.giveBack(block);
    expect([budget.lentBytes, budget.spareBytes]).toEqual([0, 16_777_216]);
    for (let count = 0; count < 5; count += 1) budget.lend(4_194_304);
    expect([budget.lentBytes, budget.spareBytes]).toEqual([5 * 4_194_304, 0]);
  });

  test("is a Bug to give back more than was lent", () => {
    const budget = new Budget(1e6);
    const block = budget.lend(1) as Uint8Array;
    budget.giveBack(block);
    expect(() => budget.giveBack(block)).toThrow(Bug);
  });
});

/** Whether a push of `count` bytes must be taken, said in another way than the queue does. */
function hasRoom(queue: ByteQueue, budget: Budget, count: number): boolean {
  const total = queue.length + count;
  const block = queue.bytes.length;
  const needed = total <= block ? block : BLOCK * 2 ** Math.max(0, Math.ceil(Math.log2(total / BLOCK)));
  return count === 0 || (total <= queue.bytesMax && budget.lentBytes - block + needed <= budget.bytesMax);
}

test("two queues on one budget: behave as plain arrays, and the budget is never exceeded or leaked", () => {
  const size = fc.oneof(fc.nat(40), fc.nat(3 * BLOCK));
  const step = fc.record({ who: fc.constantFrom(0, 1), what: fc.constantFrom("push", "push", "shift", "clear"), size });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 6 }), (steps, blocks) => {
      const budget = new Budget(blocks * BLOCK);
      const sides = [0, 1].map(() => ({ queue: new ByteQueue(4 * BLOCK, budget), model: [] as number[] }));
      for (const [index, { who, what, size: count }] of steps.entries()) {
        const { queue, model } = sides[who] as (typeof sides)[number];
        const chunk = counting(index * 17, count + 2);
        const room = hasRoom(queue, budget, count);
        const gone = what === "clear" ? model.length : Math.min(count, model.length);
        if (what === "push") expect(queue.push(chunk, 1, count + 1)).toBe(room);
        if (what === "shift") queue.shift(gone);
        if (what === "clear") queue.clear();
        if (what !== "push") model.splice(0, gone);
        else if (room) model.push(...chunk.subarray(1, count + 1));
        expect(queue.length).toBe(model.length);
        expect(run(queue)).toEqual(model.slice(0, queue.end - queue.start));
        expect(budget.lentBytes).toBe(sides.reduce((sum, side) => sum + side.queue.bytes.length, 0));
        expect(budget.lentBytes).toBeLessThanOrEqual(budget.bytesMax);
        if (queue.length === 0) expect(queue.bytes.length).toBe(0);
      }
      for (const { queue, model } of sides) expect(takeAll(queue, 1000)).toEqual(model);
      expect(budget.lentBytes).toBe(0);
    }),
    { numRuns: 100 },
  );
});
