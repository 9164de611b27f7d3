/**
 * What taking and giving a link costs: `npm run --silent bun -- test/bench/micro/links.ts`. The links are logged in to a
 * fake server in a simulated network, and nothing is said over them. The best of several rounds, in nanoseconds. A
 * measurement, no test.
 */
import type { Fault } from "../../../proxy/base/fault.ts";
import type { Link } from "../../../proxy/pgconn/link.ts";
import type { LinkPool, LinkTicket, LinkWaiter } from "../../../proxy/pgconn/link-pool.ts";
import { Ticket } from "../../../proxy/pgconn/waiting-line.ts";
import { FakeClock } from "../../kit/clock.ts";
import { FakePostgres } from "../../kit/fake-postgres.ts";
import { LinkRig } from "../../kit/link-rig.ts";
import { SimNet } from "../../kit/net-sim.ts";
import { SeededRng } from "../../kit/rng.ts";
import { Page } from "../../../src/run/page.ts";

const ROUNDS = 9;
const CALLS = 200_000;

class User implements LinkWaiter {
  readonly ticket: LinkTicket = new Ticket<LinkWaiter>(this);
  link: Link | undefined;

  linked(link: Link): void {
    this.link = link;
  }
  refused(fault: Fault): void {
    throw fault;
  }
  received(): void {}
  drained(): void {}
  ended(): void {}
}

async function pools(size: number, users: number): Promise<readonly LinkPool[]> {
  const clock = new FakeClock();
  const net = new SimNet({ clock, rng: new SeededRng(1) });
  const server = new FakePostgres({ net });
  const limits = Page.create(1);
  const rig = new LinkRig({ net, clock, limits, target: { address: server.address }, knobs: { size } });
  const made = Array.from({ length: users }, (_, index) => rig.pool(`user${index}`));
  for (const pool of made) {
    const first = new User();
    first.link = pool.take(first);
    await clock.advanceAsync(50);
    if (first.link !== undefined) pool.give(first.link);
  }
  return made;
}

function measure(name: string, run: () => void, calls = CALLS): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = performance.now();
    for (let call = 0; call < calls; call++) run();
    best = Math.min(best, ((performance.now() - start) * 1e6) / calls);
  }
  console.log(`${name.padEnd(58)} ${best.toFixed(1).padStart(8)} ns`);
}

for (const users of [1, 3, 1_000]) {
  const [pool] = (await pools(users, users)) as [LinkPool];
  const user = new User();
  measure(`take and give an idle link, ${users} users of the database`, () => {
    const link = pool.take(user);
    if (link !== undefined) pool.give(link);
  });
}

const [pool] = (await pools(1, 1)) as [LinkPool];
const line = Array.from({ length: 500 }, () => new User());
for (const user of line) user.link = pool.take(user);
let turn = 0;
measure("give to the first of 500 who wait, and wait again", () => {
  const user = line[turn % line.length] as User;
  const link = user.link as Link;
  user.link = undefined;
  pool.give(link);
  user.link = pool.take(user);
  turn += 1;
});

const limit = Page.create(1).traced("links", 10_000);
measure("take, trace and give a place of the shared limit", () => {
  const place = limit.take();
  limit.trace(place, { processId: 1, secret: 2 });
  limit.give(place);
});
measure("count the orphans among 10 000 places", () => void limit.orphaned(), 1_000);
