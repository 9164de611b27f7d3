/** Two ends of the talk between a keeper and a child. */
import { expect, test } from "bun:test";
import { Problem } from "../../../../src/problem/problem.ts";
import { Peer, type Letter, type Verb } from "../../../../src/run/peer.ts";
import { FakeClock, turn } from "../../../kit/clock.ts";

type Handle = (verb: Verb, name: string, value: unknown) => unknown;

/** What `left` says `right` hears, and the other way round; `letters` is what has gone over the channel. */
function pair(
  handle: Handle,
  clock = new FakeClock(),
): { left: Peer; right: Peer; letters: Letter[]; clock: FakeClock } {
  const letters: Letter[] = [];
  const carry = (to: () => Peer) => (letter: Letter) => {
    letters.push(letter);
    to().receive(structuredClone(letter));
  };
  const left: Peer = new Peer({ clock, send: carry(() => right), handle: () => undefined });
  const right: Peer = new Peer({ clock, send: carry(() => left), handle });
  return { left, right, letters, clock };
}

/** What it rejects with, which must be a Problem. */
async function problemOf(asked: Promise<unknown>): Promise<Problem> {
  const reason = await asked.catch((error: unknown) => error);
  if (reason instanceof Problem) return reason;
  throw new Error(`Cannot see a problem: ${String(reason)}`);
}

test("ask: resolves with what the other end answers", async () => {
  const { left } = pair((verb, name, value) => `${verb} ${name} ${String(value)}`);
  expect(await left.ask("gather", "weather", "here", 100)).toBe("gather weather here");
});

test("ask: waits for an answer that is a promise", async () => {
  const answer = Promise.withResolvers<string>();
  const { left } = pair(() => answer.promise);
  const asked = left.ask("command", "pause", undefined, 100);
  answer.resolve("paused");
  expect(await asked).toBe("paused");
});

test("ask: rejects with the other end's problem, code and parts", async () => {
  const { left } = pair(() => {
    throw new Problem("RUN_CRASH_LOOP", { what: "Cannot", where: { file: "a.ts", line: 3 }, fix: "Do" });
  });
  const reason = await problemOf(left.ask("command", "start", undefined, 100));
  expect(reason.toJSON()).toEqual({
    code: "RUN_CRASH_LOOP",
    what: "Cannot",
    where: { file: "a.ts", line: 3 },
    fix: "Do",
  });
});

test("ask: rejects with an error that has no code as RUN_UNEXPECTED with its stack", async () => {
  const { left } = pair(() => Promise.reject(new TypeError("x is not a function")));
  const reason = await problemOf(left.ask("command", "start", undefined, 100));
  expect(reason.code).toBe("RUN_UNEXPECTED");
  expect(reason.message).toBe("x is not a function");
  expect(reason.parts.why).toContain("peer.test.ts");
});

test("ask: rejects after its time, and an answer that comes later is dropped", async () => {
  const late = Promise.withResolvers<string>();
  const { left, clock } = pair(() => late.promise);
  const asked = left.ask("gather", "weather", undefined, 100).catch((error) => error.code);
  clock.advance(99);
  await turn();
  clock.advance(1);
  expect(await asked).toBe("RUN_NO_ANSWER");
  late.resolve("sunny");
  await turn();
  expect(clock.waiting).toBe(0);
});

test("ask: answers that come in another order reach who asked", async () => {
  const answers = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const { left } = pair((_verb, name) => answers[Number(name)]?.promise);
  const asked = [left.ask("gather", "0", undefined, 100), left.ask("gather", "1", undefined, 100)];
  answers[1]?.resolve("second");
  answers[0]?.resolve("first");
  expect(await Promise.all(asked)).toEqual(["first", "second"]);
});

test("tell: expects no answer and sends none", () => {
  const heard: unknown[] = [];
  const { left, letters } = pair((verb, name, value) => heard.push([verb, name, value]));
  left.tell("push", "routes", [1]);
  expect(heard).toEqual([["push", "routes", [1]]]);
  expect(letters).toHaveLength(1);
});

test("lost: whoever waits and whoever asks later is told why, and nothing is sent any more", async () => {
  const { left, letters, clock } = pair(() => new Promise(() => undefined));
  const asked = left.ask("gather", "weather", undefined, 100).catch((error) => error.code);
  left.lost(new Problem("RUN_CHILD_DIED", { what: "gone" }));
  expect(await asked).toBe("RUN_CHILD_DIED");
  expect(await left.ask("gather", "weather", undefined, 100).catch((error) => error.code)).toBe("RUN_CHILD_DIED");
  left.tell("push", "routes", []);
  expect(letters).toHaveLength(1);
  expect(clock.waiting).toBe(0);
});
