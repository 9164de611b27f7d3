/** That the stingy engine is: under the contract it stands in `bun-net.test.ts` and `simulated.test.ts`. */
import { expect, test } from "bun:test";
import { SimRig } from "../../../kit/net-rig.ts";
import { StingyNet } from "../../../kit/net-stingy.ts";
import { SeededRng } from "../../../kit/rng.ts";
import { content } from "./contract-flow.ts";

test("StingyNet: gives chunks of one byte, and takes a few bytes or none", async () => {
  const rig = new SimRig(5, (net) => new StingyNet(net, { rng: new SeededRng(5), writeBytesMax: 8 }));
  const chunks: number[] = [];
  const { client, server } = await rig.pair({ server: { data: (_peer, bytes) => void chunks.push(bytes.length) } });
  const taken = Array.from({ length: 200 }, () => client.write(content(100)));
  expect([...new Set(taken)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  const all = taken.reduce((sum, count) => sum + count, 0);
  await rig.until("all has come", () => server.bytes === all);
  expect(new Set(chunks)).toEqual(new Set([1]));
  expect(await rig.end()).toEqual([]);
});
