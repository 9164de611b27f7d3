/** Which connection an exchange gets: one that was kept, unless what has to be found out is whether the server can be dialled. */
import { expect, test } from "bun:test";
import { Budget } from "../../../../proxy/base/byte-queue.ts";
import { HTTP_LIMITS } from "../../../../proxy/http/limits.ts";
import { Group, type IdleOrigin } from "../../../../proxy/lb/groups.ts";
import { Origins } from "../../../../proxy/lb/origins.ts";
import { Turns } from "../../../../proxy/lb/turns.ts";
import type { Net, Wire } from "../../../../proxy/net/wire.ts";
import { Tries } from "../../../../proxy/upstream/tries.ts";
import { FakeClock } from "../../../kit/clock.ts";
import { upstreamOf } from "../../../kit/lb-rig.ts";
import { SeededRng } from "../../../kit/rng.ts";

function world() {
  const clock = new FakeClock();
  const leaver = { idle: () => undefined, gone: () => undefined };
  const servers = ["10.0.0.1", "10.0.0.2"].map((host) => ({ host, port: 80 }));
  const group = new Group(upstreamOf("app", servers), { clock, rng: new SeededRng(1), leaver });
  const dialled: string[] = [];
  const wire = { close: () => undefined } as unknown as Wire;
  const net = { dial: ({ host }: { host: string }) => (dialled.push(host), wire) } as unknown as Net;
  const turns = new Turns({ net, clock, failed: () => undefined });
  const origins = new Origins({
    net,
    limits: HTTP_LIMITS,
    budget: new Budget(1_000_000),
    turns,
    failed: () => undefined,
    unreachable: () => undefined,
  });
  return { clock, group, origins, dialled };
}

const kept = (): IdleOrigin => ({ discard: () => undefined });

test("Origins: what was kept is used again, and a fresh one is dialled when it is asked for", () => {
  const { group, origins, dialled } = world();
  const [target] = group.upstream.targets;
  if (target === undefined) throw new Error("there is no target");
  target.own.idle.push(kept());
  origins.take(group, target, true);
  expect(dialled).toEqual(["10.0.0.1"]);
  origins.take(group, target, false);
  expect(dialled).toEqual(["10.0.0.1"]);
  expect(target.own.idle).toEqual([]);
});

test("Origins: a target on trial is dialled, whatever was kept of it", () => {
  const { clock, group, origins, dialled } = world();
  const { upstream } = group;
  const [sick] = upstream.targets;
  if (sick === undefined) throw new Error("there is no target");
  sick.own.idle.push(kept());
  upstream.failed(sick);
  expect(sick.state.now).toBe("ejected");
  clock.advance(60_000);
  for (let picks = 0; picks < 100 && sick.state.now === "ejected"; picks++) upstream.pick(new Tries());
  expect(sick.state.now).toBe("trial");
  origins.take(group, sick, false);
  expect(dialled).toEqual(["10.0.0.1"]);
});
