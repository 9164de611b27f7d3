/** The simulated network under the contract, plain and stingy; what it does beyond it: chance that repeats, and accidents. */
import { expect, test } from "bun:test";
import { ListenError } from "../../../../proxy/net/wire.ts";
import type { Peer } from "../../../kit/net-peer.ts";
import { engines, SimRig } from "../../../kit/net-rig.ts";
import type { SimPlan } from "../../../kit/net-sim.ts";
import { content, echo } from "./contract-flow.ts";
import { contract } from "./contract.ts";

for (const engine of [engines.simulated, engines.stingySimulated]) contract(engine);

async function trace(seed: number): Promise<string> {
  const rig = new SimRig(seed);
  const lines: string[] = [];
  const note = (peer: Peer): void => void lines.push(`${rig.clock.now()} ${peer.bytes} ${peer.told.at(-1)}`);
  const { client, server } = await rig.pair({ server: { ...echo, close: note }, client: { data: note, close: note } });
  client.send(content(200_000));
  client.end();
  await rig.until("both are closed", () => client.closed && server.closed);
  expect(await rig.end()).toEqual([]);
  expect([rig.sim.openWires, rig.clock.waiting]).toEqual([0, 0]);
  return lines.join("\n");
}

test("SimNet: a seed is one story to the byte and the millisecond, another seed is another", async () => {
  const [one, again, other] = [await trace(1), await trace(1), await trace(2)];
  expect(again).toBe(one);
  expect(other).not.toBe(one);
});

function planned(plan: SimPlan): SimRig {
  return new SimRig(3, undefined, { plan: () => plan });
}

const HELLO = "hello world";

test("SimNet: resets both sides at any byte, in either direction, with what came before", async () => {
  for (let at = 0; at < HELLO.length; at += 1) {
    for (const up of [true, false]) {
      const rig = planned(up ? { upResetAtByte: at } : { downResetAtByte: at });
      const { client, server } = await rig.pair();
      const [from, to] = up ? [client, server] : [server, client];
      from.send(HELLO);
      await rig.until("both are closed", () => client.closed && server.closed);
      expect([to.text, client.fault?.code, server.fault?.code]).toEqual([
        HELLO.slice(0, at),
        "SERVER_GONE",
        "CLIENT_GONE",
      ]);
      expect(await rig.end()).toEqual([]);
    }
  }
});

test("SimNet: stalls at a byte, and stays open", async () => {
  const rig = planned({ upStallAtByte: 5 });
  const { client, server } = await rig.pair({ server: echo });
  for (const letter of HELLO) client.send(letter);
  client.end();
  await rig.settle();
  expect([server.text, server.ended, client.text, server.closed]).toEqual(["hello", false, "hello", false]);
  expect(await rig.end()).toEqual([]);
});

test("SimNet: refuses, or is silent until the deadline", async () => {
  const refusing = planned({ refused: true });
  const refused = refusing.dial(refusing.listen(refusing.fresh("tcp")).address);
  await refusing.until("it is refused", () => refused.closed);
  const mute = planned({ silent: true });
  const silent = mute.dial(mute.listen(mute.fresh("tcp")).address, {}, 700);
  mute.clock.advance(699);
  expect(silent.closed).toBe(false);
  mute.clock.advance(1);
  expect([refused.fault?.code, silent.fault?.code]).toEqual(["SERVER_UNREACHABLE", "SERVER_DIAL_SLOW"]);
  expect([...(await refusing.end()), ...(await mute.end())]).toEqual([]);
});

test("SimNet: a direction takes its window and no more until it is read", async () => {
  const rig = new SimRig(4, undefined, { windowBytes: 1_000 });
  const { client, server } = await rig.pair();
  server.pause();
  expect([client.write(content(1_500)), client.write(content(500))]).toEqual([1_000, 0]);
  await rig.settle();
  server.resume();
  await rig.until("there is room", () => client.drains === 2);
  expect([server.bytes, client.write(content(1))]).toEqual([1_000, 1]);
  expect(await rig.end()).toEqual([]);
});

test("SimNet: knows no descriptors", () => {
  const rig = planned({});
  expect(() => rig.listen({ fd: 3, address: { host: "127.0.0.1", port: 1 } })).toThrow(ListenError);
});
