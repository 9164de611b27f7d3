import { describe, expect, test } from "bun:test";
import { Fault } from "../../../../proxy/base/fault.ts";
import { BACKEND, type BackendName } from "../../../../proxy/pg/tag.ts";
import { ASK, DROP, EXPECT, FORGE, FORWARD, Replies, type Expect } from "../../../../proxy/pgconn/replies.ts";

type Kind = keyof typeof EXPECT;

/** What a message is answered with when all goes well. */
const ANSWERS: Partial<Record<Kind, readonly BackendName[]>> = {
  query: ["rowDescription", "dataRow", "commandComplete", "emptyQuery", "ready"],
  functionCall: ["functionResult", "ready"],
  sync: ["ready"],
  parse: ["parseComplete"],
  bind: ["bindComplete"],
  close: ["closeComplete"],
  describeStatement: ["parameterDescription", "rowDescription"],
  describePortal: ["noData"],
  execute: ["dataRow", "portalSuspended"],
};

const BATCH: readonly Kind[] = ["parse", "bind", "describeStatement", "describePortal", "execute", "close", "sync"];
const PIPELINE: readonly Kind[] = [...BATCH, "query", ...BATCH, "functionCall", ...BATCH];

function filled(kinds: readonly Kind[]): Replies {
  const replies = new Replies();
  for (const kind of kinds) push(replies, kind);
  return replies;
}

function push(replies: Replies, kind: Kind): void {
  if (kind === "sync") replies.pushSync(FORWARD);
  else replies.push(EXPECT[kind] as Expect, FORWARD);
}

function answer(replies: Replies, kind: Kind): void {
  for (const name of ANSWERS[kind] ?? []) expect(replies.answer(BACKEND[name])).toBe(FORWARD);
}

test("Replies: a pipeline that is answered is quiet at its end and nowhere before", () => {
  const replies = filled(PIPELINE);
  for (const kind of PIPELINE) {
    expect(replies.quiet).toBe(false);
    answer(replies, kind);
  }
  expect(replies.quiet).toBe(true);
});

describe("Replies: an error at every place of a pipeline", () => {
  for (const [at, failing] of PIPELINE.entries()) {
    test(`${at} ${failing}: the rest is answered as the server answers it`, () => {
      const replies = filled(PIPELINE);
      for (const kind of PIPELINE.slice(0, at)) answer(replies, kind);
      expect(replies.error()).toBe(FORWARD);
      const isSingle = failing === "query" || failing === "functionCall" || failing === "sync";
      const next = isSingle ? at : PIPELINE.indexOf("sync", at);
      expect(replies.answer(BACKEND.ready)).toBe(FORWARD);
      for (const kind of PIPELINE.slice(next + 1)) answer(replies, kind);
      expect(replies.quiet).toBe(true);
    });
  }
});

test("Replies: a query behind an error is skipped with the rest, when the Sync was not sent yet", () => {
  const replies = filled(["parse", "bind", "query"]);
  replies.error();
  expect(replies.length).toBe(0);
  expect(replies.skipping).toBe(true);
  expect(replies.quiet).toBe(false);
  replies.pushSync(FORWARD);
  expect(replies.skipping).toBe(false);
  replies.answer(BACKEND.ready);
  expect(replies.quiet).toBe(true);
});

test("Replies: what was slipped in is dropped, and what was not sent is forged, in its place", () => {
  const replies = new Replies();
  replies.push(EXPECT.parse, FORGE);
  replies.push(EXPECT.parse, DROP);
  replies.push(EXPECT.bind, FORWARD);
  replies.push(EXPECT.close, FORGE);
  replies.push(EXPECT.query, ASK);
  expect(replies.forged()).toBe(EXPECT.parse);
  expect(replies.forged()).toBe(EXPECT.none);
  expect(replies.answer(BACKEND.parseComplete)).toBe(DROP);
  expect(replies.forged()).toBe(EXPECT.none);
  expect(replies.answer(BACKEND.bindComplete)).toBe(FORWARD);
  expect(replies.forged()).toBe(EXPECT.close);
  expect(replies.answer(BACKEND.dataRow)).toBe(ASK);
});

test("Replies: the error of what was slipped in is the client's, that of a query of ours is not", () => {
  const slipped = new Replies();
  slipped.push(EXPECT.parse, DROP);
  slipped.push(EXPECT.bind, FORWARD);
  expect(slipped.error()).toBe(FORWARD);
  const ours = new Replies();
  ours.push(EXPECT.query, DROP);
  expect(ours.error()).toBe(DROP);
});

describe("Replies: notes", () => {
  function noted(): { replies: Replies; told: string[] } {
    const [replies, told] = [new Replies(), [] as string[]];
    for (const name of ["a", "b", "c"]) {
      const note = {
        answered: (good: boolean) => void told.push(`${name} ${good}`),
        undone: () => void told.push(`${name} undone`),
      };
      replies.push(EXPECT.parse, FORWARD, 0, note);
    }
    return { replies, told };
  }

  test("are told in order when all is well", () => {
    const { replies, told } = noted();
    for (let count = 0; count < 3; count++) replies.answer(BACKEND.parseComplete);
    expect(told).toEqual(["a true", "b true", "c true"]);
  });

  test("are undone from the newest on when the server skips", () => {
    const { replies, told } = noted();
    replies.answer(BACKEND.parseComplete);
    replies.error();
    expect(told).toEqual(["a true", "c undone", "b undone"]);
  });

  test("are undone when the link is gone", () => {
    const { replies, told } = noted();
    replies.abandon();
    expect(told).toEqual(["c undone", "b undone", "a undone"]);
    expect(replies.length).toBe(0);
  });

  test("of a query tell whether it failed", () => {
    const [replies, told] = [new Replies(), [] as boolean[]];
    const note = { answered: (good: boolean) => void told.push(good), undone: () => undefined };
    replies.push(EXPECT.query, FORWARD, 0, note);
    replies.push(EXPECT.query, FORWARD, 0, note);
    replies.error();
    replies.answer(BACKEND.ready);
    replies.answer(BACKEND.commandComplete);
    replies.answer(BACKEND.ready);
    expect(told).toEqual([false, true]);
  });
});

describe("Replies: COPY", () => {
  test("known from the start: Syncs before any data are swallowed by it, the one behind its end is answered", () => {
    const replies = filled(["execute", "sync", "sync"]);
    expect(replies.answer(BACKEND.copyIn)).toBe(FORWARD);
    expect(replies.copying).toBe(true);
    expect(replies.length).toBe(1);
    replies.pushCopyData();
    replies.pushCopyEnd();
    replies.pushSync(FORWARD);
    replies.answer(BACKEND.commandComplete);
    replies.answer(BACKEND.ready);
    expect(replies.quiet).toBe(true);
  });

  test("sent blindly, with a Sync in the middle of the data, and done: that Sync is not answered", () => {
    const replies = blind();
    replies.answer(BACKEND.copyIn);
    expect(replies.copying).toBe(false);
    replies.answer(BACKEND.commandComplete);
    replies.answer(BACKEND.ready);
    expect(replies.quiet).toBe(true);
  });

  test("the same, failed: that Sync ends the skipping", () => {
    const replies = blind();
    replies.answer(BACKEND.copyIn);
    replies.error();
    replies.answer(BACKEND.ready);
    expect(replies.quiet).toBe(false);
    replies.answer(BACKEND.ready);
    expect(replies.quiet).toBe(true);
  });

  test("there was none: its marks are nothing", () => {
    const replies = blind();
    replies.answer(BACKEND.commandComplete);
    replies.answer(BACKEND.ready);
    replies.answer(BACKEND.ready);
    expect(replies.quiet).toBe(true);
  });

  test("by a simple query, failed in the middle: one ReadyForQuery, and what comes late is nothing", () => {
    const replies = filled(["query"]);
    replies.answer(BACKEND.copyIn);
    replies.error();
    expect(replies.copying).toBe(false);
    replies.answer(BACKEND.ready);
    replies.pushCopyData();
    replies.pushCopyEnd();
    expect(replies.quiet).toBe(true);
  });

  function blind(): Replies {
    const replies = filled(["execute"]);
    replies.pushCopyData();
    replies.pushCopyData();
    replies.pushSync(FORWARD);
    replies.pushCopyEnd();
    replies.pushSync(FORWARD);
    return replies;
  }
});

describe("Replies: what answers nothing is refused", () => {
  const EMPTY_ALLOWS: readonly BackendName[] = ["notice", "notification", "parameterStatus", "error"];
  for (const name of Object.keys(BACKEND) as BackendName[]) {
    if (EMPTY_ALLOWS.includes(name)) continue;
    test(`${name} where nothing is expected`, () => {
      expect(() => new Replies().answer(BACKEND[name])).toThrow(Fault);
    });
    test(`${name} for a Parse`, () => {
      const run = () => filled(["parse", "sync"]).answer(BACKEND[name]);
      if (name === "parseComplete") expect(run()).toBe(FORWARD);
      else expect(run).toThrow(Fault);
    });
  }
});

test("Replies: grows, wraps around, and keeps its order", () => {
  const replies = new Replies();
  let [pushed, taken] = [0, 0];
  for (let round = 0; round < 50; round++) {
    for (let count = 0; count < 37; count++) replies.push(EXPECT.bind, FORWARD, ++pushed);
    for (let count = 0; count < 35; count++) {
      expect(replies.statement).toBe(++taken);
      replies.answer(BACKEND.bindComplete);
    }
  }
  expect(replies.length).toBe(100);
});
