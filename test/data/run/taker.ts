/**
 * Takes and gives places of a shared limit as fast as it can, and prints the most places it ever saw taken. It holds a
 * place that it checks to be its own alone: a place given to two would end it with 1.
 */
import { Page } from "../../../src/run/page.ts";

const [owner, max, rounds] = process.argv.slice(2).map(Number) as [number, number, number];
const limit = Page.adopt(3, owner).limit("links", max);
console.log("started");
let most = 0;
for (let round = 0; round < rounds; round += 1) {
  const held = [limit.take(max), limit.take(max), limit.take(max)].filter((place) => place >= 0);
  if (new Set(held).size !== held.length) process.exit(1);
  if (round % 16 === 0) most = Math.max(most, limit.taken());
  for (const place of held) limit.give(place);
}
console.log(most);
