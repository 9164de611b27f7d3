/**
 * Both sides of a wire do what chance says, in seeded scripts: write, pause, resume, end, close, wait. Whatever happened,
 * no rule is broken, what arrived is what was sent from its first byte on, and a side that was never reset got all of it.
 */
import { expect } from "bun:test";
import { digestOf, type Peer } from "../../../kit/net-peer.ts";
import type { Rig } from "../../../kit/net-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";
import { content } from "./contract-flow.ts";
import type { Row } from "./contract-rows.ts";
import { clientContext, serverContext } from "./contract-tls.ts";

const SCRIPTS = 24;
const STEPS = 30;

interface Side {
  readonly peer: Peer;
  /** What the wire has taken, and what it will. */
  readonly sent: Uint8Array[];
  ended: boolean;
}

async function script(rig: Rig, seed: number, bytesMax: number): Promise<void> {
  const rng = new SeededRng(seed);
  const kind = rng.next() < 0.5 ? "tcp" : "unix";
  const { client, server } = await rig.pair({ kind });
  if (rng.next() < 0.4) {
    server.startTls(serverContext, "server");
    client.startTls(clientContext, "client");
  }
  const sides: readonly [Side, Side] = [
    { peer: client, sent: [], ended: false },
    { peer: server, sent: [], ended: false },
  ];
  for (let step = 0; step < STEPS; step += 1) await act(rig, sides[rng.next() < 0.5 ? 0 : 1], rng, bytesMax);
  const cut = sides.some(({ peer }) => peer.closed && !(peer.ended && sides.every(({ ended }) => ended)));
  for (const side of sides) finish(side);
  await rig.until(`the script of seed ${seed} is over`, () => client.closed && server.closed);
  for (const [to, from] of [sides, [sides[1], sides[0]] as const]) judge(to, from, cut);
}

async function act(rig: Rig, side: Side, rng: SeededRng, bytesMax: number): Promise<void> {
  const { peer } = side;
  const dice = rng.next();
  if (dice < 0.45) write(side, content(1 + Math.floor(rng.next() * bytesMax), Math.floor(rng.next() * 1_000)));
  else if (dice < 0.6) peer.pause();
  else if (dice < 0.8) peer.resume();
  else if (dice < 0.83) finishOutput(side);
  else if (dice < 0.84) peer.close();
  else await rig.until("a little has passed", once());
}

function write(side: Side, bytes: Uint8Array): void {
  if (side.ended || side.peer.closed) return;
  const outcome = side.peer.send(bytes);
  if (outcome === "sent" || outcome === "waiting") side.sent.push(bytes);
}

function finishOutput(side: Side): void {
  if (side.peer.closed) return;
  side.ended = true;
  side.peer.end();
}

function finish(side: Side): void {
  finishOutput(side);
  side.peer.resume();
}

function judge(to: Side, from: Side, cut: boolean): void {
  const all = new Uint8Array(Buffer.concat(from.sent));
  expect(to.peer.bytes).toBeLessThanOrEqual(all.length);
  expect(to.peer.digest).toBe(digestOf(all.subarray(0, to.peer.bytes)));
  if (!cut && to.peer.fault === undefined && from.peer.fault === undefined && to.peer.ended)
    expect(to.peer.bytes).toBe(all.length);
}

/** False the first time. */
function once(): () => boolean {
  let asked = false;
  return () => {
    const before = asked;
    asked = true;
    return before;
  };
}

export const chance: readonly Row[] = [
  [
    `${SCRIPTS} scripts of chance break no rule and no byte`,
    async (rig, engine) => {
      for (let seed = 1; seed <= SCRIPTS; seed += 1) await script(rig, seed, Math.min(engine.bytesMax, 400_000) / 10);
    },
  ],
];
