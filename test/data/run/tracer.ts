/**
 * Takes, traces and gives places of a traced limit as fast as it can. The trace of a place tells its owner, so that whoever
 * reads it can see whether it is right.
 */
import { Page } from "../../../src/run/page.ts";

const [owner, max] = process.argv.slice(2).map(Number) as [number, number];
const limit = Page.adopt(3, owner).traced("links", max);
console.log("started");
for (;;) {
  const held = [limit.take(max), limit.take(max)].filter((place) => place >= 0);
  for (const place of held) limit.trace(place, { processId: owner, secret: -owner });
  for (const place of held) limit.give(place);
}
