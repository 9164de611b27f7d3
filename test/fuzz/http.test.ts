/**
 * Messages that are almost right, cut anywhere, through both codecs. Whatever comes: no bug of ours, no memory held, the same
 * verdict however it is cut, and a server gets nothing but whole, plain requests, as a reader that knows no tolerance sees
 * them. The seed is printed; SCALE_SEED repeats a run, SCALE_ROUNDS makes it longer.
 */
import { describe, expect, test } from "bun:test";
import { HttpRelay } from "../kit/http-relay.ts";
import { SeededRng } from "../kit/rng.ts";
import { GOOD_CHUNKS, GOOD_REQUESTS } from "../unit/proxy/http/good-requests.ts";
import { HOSTILE_BODIES, HOSTILE_HEADS } from "../unit/proxy/http/hostile-requests.ts";
import { GOOD_RESPONSES, HOSTILE_RESPONSES } from "../unit/proxy/http/response-rows.ts";
import { readRequests, readResponses } from "./plain-http.ts";

const seed = Number(process.env["SCALE_SEED"] ?? Math.floor(Math.random() * 2 ** 32));
const ROUNDS = Number(process.env["SCALE_ROUNDS"] ?? 4_000);
const CHUNKED_HEAD = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

const REQUESTS = [
  ...GOOD_REQUESTS.map(([, sent]) => sent),
  ...GOOD_CHUNKS.map(([, sent]) => CHUNKED_HEAD + sent),
  ...HOSTILE_HEADS.map(([, , text]) => text),
  ...HOSTILE_BODIES.map(([, , text]) => CHUNKED_HEAD + text),
];
const RESPONSES = [...GOOD_RESPONSES.map(({ sent }) => sent), ...HOSTILE_RESPONSES.map(([, text]) => text)];

/** What a mutation puts in: bytes that mean something, and lines that frame. */
const PIECES = [
  ...'\0\t\n\v\f\r !"#%(),/0159:;=@AZ[\\]_az{|}~\x7f\x80\x85\xa0\xff',
  "\r\n",
  "\r\n\r\n",
  "\n\r",
  "\r\n ",
  "Content-Length: 5\r\n",
  "Content-Length: 0\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Transfer-Encoding\x0b: chunked\r\n",
  "Connection: close\r\n",
  "Connection: upgrade\r\nUpgrade: x\r\n",
  "Expect: 100-continue\r\n",
  "Host: b\r\n",
  "HTTP/1.0",
  "chunked",
  "0\r\n\r\n",
  GET,
];

class Chance {
  readonly #rng: SeededRng;

  constructor(seedOfRun: number) {
    this.#rng = new SeededRng(seedOfRun);
  }

  below(count: number): number {
    return Math.floor(this.#rng.next() * count);
  }

  one<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }

  /** Some bytes dropped, doubled, replaced or put in. */
  mutate(text: string): string {
    let mutated = text;
    for (let count = this.below(4); count > 0; count--) {
      const at = this.below(mutated.length + 1);
      const end = at + this.below(4);
      const piece = this.below(3) === 0 ? mutated.slice(at, end) : this.below(4) === 0 ? "" : this.one(PIECES);
      mutated = mutated.slice(0, at) + piece + mutated.slice(this.below(2) === 0 ? at : end);
    }
    return mutated;
  }

  cuts(length: number): number[] {
    return Array.from({ length: this.below(6) }, () => this.below(length + 1)).sort((one, other) => one - other);
  }
}

function talk(asked: string, cuts: readonly number[], answered: string): HttpRelay {
  const relay = new HttpRelay({ aheadBytesMax: 1_000 });
  relay.say(asked, ...cuts);
  for (let exchanges = 0; exchanges < 20 && relay.client.state === "exchange"; exchanges++) relay.answer(answered);
  return relay;
}

function letGo(relay: HttpRelay): void {
  relay.client.close();
  relay.origin?.close();
  expect([relay.heldBytes, relay.log.filter((line) => line.includes("BUG"))]).toEqual([0, []]);
}

describe(`fuzz http, seed ${seed}`, () => {
  console.log(`fuzz http: SCALE_SEED=${seed}`);

  test("requests: whole and plain at the server, and the same however they are cut", () => {
    for (let run = 0; run < ROUNDS; run++) {
      const chance = new Chance(seed + run);
      const text = chance.mutate(chance.one(REQUESTS)) + chance.mutate(chance.one(REQUESTS)) + GET;
      const whole = talk(text, [], OK);
      const cut = talk(text, chance.cuts(text.length), OK);
      const [served, servedCut] = [readRequests(whole.served), readRequests(cut.served)];
      const accepted = whole.log.filter((line) => line.startsWith("request")).length;
      tell(run, text, () => {
        expect([served.flaw, servedCut.flaw]).toEqual([undefined, undefined]);
        expect([served.starts, served.content]).toEqual([servedCut.starts, servedCut.content]);
        // One that was refused in its body never becomes complete, and may not even have left.
        expect(accepted - served.starts.length).toBeOneOf([0, 1]);
        expect(cut.clientWire.text).toBe(whole.clientWire.text);
        expect(readResponses(whole.clientWire.text, "GET").flaw).toBeUndefined();
        letGo(whole);
        letGo(cut);
      });
    }
  });

  test("responses: plain at the client, never more than were asked for", () => {
    for (let run = 0; run < ROUNDS; run++) {
      const chance = new Chance(seed + run);
      const text = chance.mutate(chance.one(RESPONSES)) + (chance.below(3) === 0 ? chance.mutate(OK) : "");
      const method = chance.one(["GET", "HEAD"]);
      const asked = GET.replace("GET", method)
        .replace("1.1", chance.one(["1.1", "1.0"]))
        .repeat(1 + chance.below(2));
      const relay = new HttpRelay();
      relay.say(asked);
      relay.answer(text, ...chance.cuts(text.length));
      relay.serverEnds();
      tell(run, asked + text, () => {
        const got = readResponses(relay.clientWire.text, method);
        const finals = got.starts.filter((start) => !start.startsWith("HTTP/1.1 1"));
        expect(got.flaw).toBeUndefined();
        expect(finals.length).toBeLessThanOrEqual(relay.log.filter((line) => line.startsWith("request")).length);
        // What is cut for the client is cut visibly.
        if (got.cut) expect(relay.clientWire.closed).toBe(true);
        letGo(relay);
      });
    }
  });
});

/** A failure says what was said. */
function tell(run: number, text: string, check: () => void): void {
  try {
    check();
  } catch (thrown) {
    throw new Error(`SCALE_SEED=${seed + run} SCALE_ROUNDS=1 fails on ${JSON.stringify(text)}`, {
      cause: thrown,
    });
  }
}
