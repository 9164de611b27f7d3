import { expect, test } from "bun:test";
import { CancelKeys } from "../../../../proxy/pool/cancel-keys.ts";
import { SeededRng } from "../../../kit/rng.ts";

const MASK = 0x5eed_1234;

test("CancelKeys: finds its client by number and secret, and nobody by less", () => {
  const keys = new CancelKeys<string>(new SeededRng(1), 3, MASK);
  const [bob, eve] = [keys.issue("bob"), keys.issue("eve")];
  expect(keys.find(bob.processId, bob.secret)).toBe("bob");
  expect(keys.find(eve.processId, eve.secret)).toBe("eve");
  expect(keys.find(bob.processId, eve.secret)).toBeUndefined();
  expect(keys.find(bob.processId, bob.secret.subarray(0, 3))).toBeUndefined();
  expect(keys.find(bob.processId, new Uint8Array([...bob.secret, 0]))).toBeUndefined();
  keys.forget(bob);
  expect(keys.find(bob.processId, bob.secret)).toBeUndefined();
});

test("CancelKeys: a number says which process gave it, whatever the secret is", () => {
  const [one, other] = [3, 4].map((owner) => new CancelKeys<string>(new SeededRng(owner), owner, MASK));
  const key = one?.issue("bob");
  expect(key).toBeDefined();
  expect(one?.isOurs(key?.processId ?? 0)).toBe(true);
  expect(other?.isOurs(key?.processId ?? 0)).toBe(false);
  expect(other?.find(key?.processId ?? 0, key?.secret ?? new Uint8Array(4))).toBeUndefined();
});

test("CancelKeys: numbers are positive, never shared, and used again only when they are free", () => {
  const keys = new CancelKeys<number>(new SeededRng(2), 2_047, MASK);
  const issued = Array.from({ length: 5_000 }, (_, index) => keys.issue(index));
  expect(new Set(issued.map(({ processId }) => processId)).size).toBe(5_000);
  expect(issued.every(({ processId }) => processId >= 0 && processId <= 0x7fffffff)).toBe(true);
  for (const [index, key] of issued.entries()) expect(keys.find(key.processId, key.secret)).toBe(index);
});
