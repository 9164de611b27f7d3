/** Tests of proxy/pg/framer.ts. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { Bug } from "../../../../proxy/base/assert.ts";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { BEGIN, Framer, NOTHING, WHOLE } from "../../../../proxy/pg/framer.ts";
import { BACKEND, FRONTEND, lengthRules, type Side, type TaggedPhase } from "../../../../proxy/pg/tag.ts";
import { ascii, faultCode, frame, joined, Watched, WHOLE_BYTES_MAX, written } from "./part.ts";

const SIDES = [
  ["frontend", FRONTEND],
  ["backend", BACKEND],
] as const;

interface TypeRow {
  readonly side: Side;
  readonly phase: TaggedPhase;
  readonly name: string;
  readonly tag: number;
  readonly min: number;
  readonly max: number;
}

/** Every message that there is, in every phase that it may come in. */
const TYPES: readonly TypeRow[] = SIDES.flatMap(([side, tags]) =>
  Object.entries(tags).flatMap(([name, tag]) =>
    (["login", "steady"] as const).flatMap((phase) => {
      const { limits } = lengthRules(side, phase);
      const [min, max] = [limits[tag]!, limits[tag + 256]!];
      return min > max ? [] : [{ side, phase, name, tag, min, max }];
    }),
  ),
);

function header(tag: number, length: number): Uint8Array {
  return written((writer) => writer.beginPart(tag, length | 0).close());
}

function body(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}

describe("every type of message", () => {
  test.each(TYPES)("$side $name in $phase: comes whole at every split point", ({ side, phase, tag, min, max }) => {
    for (const length of [min, Math.min(max, min + 3), Math.min(max, WHOLE_BYTES_MAX - 1)]) {
      if (length < min) continue;
      const one = frame(tag, body(length - 4));
      for (let cut = 0; cut <= one.length; cut++) {
        const watched = new Watched(side, phase);
        for (const piece of [one.subarray(0, cut), one.subarray(cut)]) if (piece.length > 0) watched.feed(piece);
        expect(watched.frames).toEqual([{ tag, bytes: one }]);
        expect(watched.framer.inside).toBe(false);
        expect(watched.budget.lentBytes).toBe(0);
      }
    }
  });

  test.each(TYPES)("$side $name in $phase: is not complete when it is truncated", ({ side, phase, tag, min }) => {
    const one = frame(tag, body(min - 4));
    for (let cut = 1; cut < one.length; cut++) {
      const watched = new Watched(side, phase);
      watched.feed(one.subarray(0, cut));
      expect(watched.frames).toEqual([]);
      expect(watched.framer.inside).toBe(true);
      watched.framer.close();
      expect(watched.budget.lentBytes).toBe(0);
    }
  });

  test.each(TYPES)("$side $name in $phase: is refused when its length lies", ({ side, phase, tag, min, max }) => {
    for (const length of [min - 1, 3, 0, -1, max + 1, 0x7fffffff, -0x80000000]) {
      const lie = header(tag, length);
      for (let cut = 0; cut < lie.length; cut++) {
        const watched = new Watched(side, phase);
        if (cut > 0) watched.feed(lie.subarray(0, cut));
        const code = faultCode(() => watched.feed(joined([lie.subarray(cut), body(20)])));
        const tooLarge = side === "frontend" && length > max && min < max;
        expect(code).toBe(side === "backend" ? "SERVER_PROTOCOL" : tooLarge ? "CLIENT_TOO_LARGE" : "CLIENT_PROTOCOL");
        expect(watched.frames).toEqual([]);
      }
    }
  });

  test.each(TYPES.filter(({ max }) => max < 300_000))(
    "$side $name in $phase: of the longest length passes, in constant memory",
    ({ side, phase, tag, max }) => {
      const one = frame(tag, new Uint8Array(max - 4));
      const watched = new Watched(side, phase);
      for (let at = 0; at < one.length; at += 1000) {
        watched.feed(one.subarray(at, at + 1000));
        expect(watched.budget.lentBytes).toBeLessThanOrEqual(4096);
      }
      expect(watched.frames).toEqual([{ tag, bytes: one }]);
    },
  );
});

describe("what no row allows", () => {
  test.each(SIDES.map(([side]) => side))("%s: every other tag is refused in every phase", (side) => {
    for (const phase of ["login", "steady"] as const) {
      const known = TYPES.filter((row) => row.side === side && row.phase === phase).map(({ tag }) => tag);
      for (let tag = 0; tag < 256; tag++) {
        if (known.includes(tag)) continue;
        const watched = new Watched(side, phase);
        const code = faultCode(() => watched.feed(header(tag, 4)));
        expect(code).toBe(side === "frontend" ? "CLIENT_PROTOCOL" : "SERVER_PROTOCOL");
      }
    }
  });

  test("a fault stands: the framer throws again and shows nothing", () => {
    for (const cut of [0, 3]) {
      const watched = new Watched("frontend", "steady");
      const lie = header(FRONTEND.sync, 5);
      if (cut > 0) watched.feed(lie.subarray(0, cut));
      expect(faultCode(() => watched.feed(lie.subarray(cut)))).toBe("CLIENT_PROTOCOL");
      expect(faultCode(() => watched.framer.next())).toBe("CLIENT_PROTOCOL");
      expect(watched.frames).toEqual([]);
    }
  });

  test("HTTP and TLS on this port are refused at their first bytes", () => {
    const hello = Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01);
    for (const bytes of [ascii("GET / HTTP/1.1\r\n\r\n"), hello]) {
      for (const phase of ["startup", "login", "steady"] as const) {
        expect(faultCode(() => new Watched("frontend", phase).feed(bytes))).toBe("CLIENT_PROTOCOL");
      }
    }
  });
});

describe("start-up packets", () => {
  const packet = (length: number) => {
    const bytes = new Uint8Array(length);
    new DataView(bytes.buffer).setInt32(0, length);
    return bytes;
  };

  test("come whole at every split point, one after the other", () => {
    const [ssl, startup] = [packet(8), packet(80)];
    const both = joined([ssl, startup]);
    for (let cut = 0; cut <= both.length; cut++) {
      const watched = new Watched("frontend", "startup");
      for (const piece of [both.subarray(0, cut), both.subarray(cut)]) if (piece.length > 0) watched.feed(piece);
      expect(watched.frames).toEqual([
        { tag: 0, bytes: ssl },
        { tag: 0, bytes: startup },
      ]);
      expect(watched.ways).toEqual(["whole", "whole"]);
      expect(watched.budget.lentBytes).toBe(0);
    }
  });

  test("the longest is taken, and one more byte is not", () => {
    const watched = new Watched("frontend", "startup");
    for (const byte of packet(10_004)) watched.feed(Uint8Array.of(byte));
    expect(watched.ways).toEqual(["whole"]);
    for (const length of [10_005, 7, 4, 0, -1, 0x7fffffff]) {
      const lie = new Uint8Array(20);
      new DataView(lie.buffer).setInt32(0, length);
      expect(faultCode(() => new Watched("frontend", "startup").feed(lie))).toBe("CLIENT_PROTOCOL");
    }
  });

  test("enter: from the packet on the bytes have tags, also those of the same chunk", () => {
    const budget = new Budget(0x10000);
    const framer = new Framer({ side: "frontend", phase: "startup", wholeBytesMax: 64, budget });
    const chunk = joined([packet(20), frame(FRONTEND.password, [0x78, 0])]);
    framer.feed(chunk, 0, chunk.length);
    expect([framer.next(), framer.tag, framer.end - framer.start, framer.unread]).toEqual([WHOLE, 0, 20, 7]);
    framer.enter("login");
    expect(framer.bytes.slice(framer.start, framer.end)).toEqual(packet(20));
    expect([framer.next(), framer.tag, framer.bytes === chunk]).toEqual([WHOLE, FRONTEND.password, true]);
    expect(framer.next()).toBe(NOTHING);
    expect(budget.lentBytes).toBe(0);
  });

  test("enter: a backend has no start-up phase", () => {
    expect(() => new Watched("backend", "login").framer.enter("startup")).toThrow(Bug);
    expect(() => new Watched("backend", "startup")).toThrow(Bug);
  });
});

describe("frames longer than the chunk", () => {
  const rows = frame(BACKEND.dataRow, body(200));
  const columns = frame(BACKEND.rowDescription, body(200));

  test("bulk is shown as it comes, from its header on, and nothing is held", () => {
    const watched = new Watched("backend", "steady");
    for (let at = 0; at < rows.length; at += 50) {
      watched.feed(rows.subarray(at, at + 50));
      expect(watched.budget.lentBytes).toBe(0);
    }
    expect(watched.ways).toEqual(["begin", "more", "more", "more", "end"]);
    expect(watched.frames).toEqual([{ tag: BACKEND.dataRow, bytes: rows }]);
  });

  test("what is not bulk has wholeBytesMax bytes in its BEGIN, however it is cut", () => {
    for (const size of [1, 2, 3, 7, 31, 63, 64, 65, 150]) {
      const framer = new Framer({ side: "backend", phase: "steady", wholeBytesMax: 64, budget: new Budget(0x10000) });
      let first = 0;
      for (let at = 0; at < columns.length; at += size) {
        framer.feed(columns, at, Math.min(at + size, columns.length));
        for (let shown = framer.next(); shown !== NOTHING; shown = framer.next()) {
          if (shown === BEGIN) first = framer.end - framer.start;
        }
      }
      expect(first).toBeGreaterThanOrEqual(64);
      expect(framer.inside).toBe(false);
    }
  });

  test("a gigabyte of one row passes through one chunk", () => {
    const budget = new Budget(0x10000);
    const framer = new Framer({ side: "backend", phase: "steady", wholeBytesMax: 64, budget });
    const length = 0x3ffffffe;
    const chunk = new Uint8Array(0x1000000);
    chunk.set(header(BACKEND.dataRow, length));
    let seen = 0;
    for (let left = length + 1; left > 0; left -= Math.min(left, chunk.length)) {
      framer.feed(chunk, 0, Math.min(left, chunk.length));
      while (framer.next() !== NOTHING) seen += framer.end - framer.start;
    }
    expect([seen, framer.left, budget.lentBytes]).toEqual([length + 1, 0, 0]);
  });
});

describe("memory", () => {
  test("a budget that is used up ends the conversation, and nothing stays lent", () => {
    const budget = new Budget(4096);
    const [one, other] = [0, 1].map(
      () => new Framer({ side: "frontend", phase: "steady", wholeBytesMax: 64, budget }),
    ) as [Framer, Framer];
    const begun = frame(FRONTEND.query, body(30)).subarray(0, 20);
    one.feed(begun, 0, begun.length);
    expect(one.next()).toBe(NOTHING);
    other.feed(begun, 0, begun.length);
    expect(faultCode(() => other.next())).toBe("OVERLOADED");
    other.close();
    one.close();
    expect(budget.lentBytes).toBe(0);
  });
});

describe("takeAlike", () => {
  const row = frame(BACKEND.dataRow, body(10));

  function fed(bytes: Uint8Array): Framer {
    const framer = new Framer({ side: "backend", phase: "steady", wholeBytesMax: 64, budget: new Budget(0x10000) });
    framer.feed(bytes, 0, bytes.length);
    return framer;
  }

  test("takes the whole frames of the same tag that follow, and no more", () => {
    const framer = fed(joined([row, row, row, frame(BACKEND.ready, [0x49])]));
    expect([framer.next(), framer.takeAlike(), framer.start, framer.end]).toEqual([WHOLE, 2, 0, 3 * row.length]);
    expect([framer.takeAlike(), framer.next(), framer.tag, framer.next()]).toEqual([0, WHOLE, BACKEND.ready, NOTHING]);
  });

  test("stops before a frame that is cut off, and before one that lies", () => {
    const cut = fed(joined([row, row, row.subarray(0, 9)]));
    expect([cut.next(), cut.takeAlike(), cut.next(), cut.left]).toEqual([WHOLE, 1, BEGIN, row.length - 9]);
    const lie = fed(joined([row, row, header(BACKEND.dataRow, 3)]));
    expect([lie.next(), lie.takeAlike()]).toEqual([WHOLE, 1]);
    expect(faultCode(() => lie.next())).toBe("SERVER_PROTOCOL");
  });

  test("takes nothing when the frame was gathered, or when there is none", () => {
    const framer = fed(frame(BACKEND.commandComplete, ascii("SELECT 1\0")).subarray(0, 6));
    expect([framer.next(), framer.takeAlike()]).toEqual([NOTHING, 0]);
    const rest = joined([frame(BACKEND.commandComplete, ascii("SELECT 1\0")).subarray(6), row]);
    framer.feed(rest, 0, rest.length);
    expect([framer.next(), framer.takeAlike(), framer.end]).toEqual([WHOLE, 0, 14]);
    expect([framer.next(), framer.tag]).toEqual([WHOLE, BACKEND.dataRow]);
  });
});

describe("what an owner must not do", () => {
  const sync = frame(FRONTEND.sync, []);

  test("feed: before all was shown, or outside of the bytes", () => {
    const { framer } = new Watched("frontend", "steady");
    framer.feed(sync, 0, sync.length);
    expect(() => framer.feed(sync, 0, sync.length)).toThrow(Bug);
    framer.halt();
    expect(() => framer.feed(sync, 0, sync.length + 1)).toThrow(Bug);
    expect(() => framer.feed(sync, 3, 2)).toThrow(Bug);
  });

  test("enter: inside of a frame", () => {
    const { framer } = new Watched("frontend", "steady");
    framer.feed(sync, 0, 3);
    expect(framer.next()).toBe(NOTHING);
    expect(() => framer.enter("login")).toThrow(Bug);
  });

  test("halt: the rest of the chunk can be fed again from elsewhere", () => {
    const { framer } = new Watched("frontend", "steady");
    const chunk = joined([sync, sync, frame(FRONTEND.query, ascii("select 1\0"))]);
    framer.feed(chunk, 0, chunk.length);
    expect(framer.next()).toBe(WHOLE);
    const rest = chunk.slice(framer.halt());
    framer.feed(rest, 0, 7);
    expect([framer.next(), framer.tag, framer.next()]).toEqual([WHOLE, FRONTEND.sync, NOTHING]);
    framer.feed(rest, 7, rest.length);
    expect([framer.next(), framer.tag, framer.end - framer.start]).toEqual([WHOLE, FRONTEND.query, 14]);
  });
});

test("any frames, in any chunks: come out as they went in", () => {
  const some = fc.record({
    type: fc.constantFrom(...TYPES.filter(({ side, phase }) => side === "backend" && phase === "steady")),
    more: fc.nat(150),
  });
  fc.assert(
    fc.property(fc.array(some, { maxLength: 20 }), fc.array(fc.integer({ min: 1, max: 90 })), (types, sizes) => {
      const frames = types.map(({ type: { tag, min, max }, more }) => frame(tag, body(Math.min(max, min + more) - 4)));
      const all = joined(frames);
      const watched = new Watched("backend", "steady");
      for (let at = 0, turn = 0; at < all.length; turn++) {
        const size = sizes[turn % Math.max(1, sizes.length)] ?? 17;
        watched.feed(all.subarray(at, at + size));
        at += size;
      }
      expect(watched.frames.map(({ bytes }) => bytes)).toEqual(frames);
      expect(watched.framer.inside).toBe(false);
      expect(watched.budget.lentBytes).toBe(0);
    }),
  );
});
