import { describe, expect, test } from "bun:test";
import { type Address, parseAddress } from "../../../../proxy/base/address.ts";
import { activate, addressFrom } from "../../../../src/run/activation.ts";
import { Problem } from "../../../../src/problem/problem.ts";
import type { Crew, Plan } from "../../../../src/run/plan.ts";

const NAMELESS = "unknown";

function addressOf(text: string): Address {
  const address = parseAddress(text);
  if (typeof address === "string") throw new Error(`Cannot test with "${text}": ${address}`);
  return address;
}

function planOf(role: string, crews: Readonly<Record<string, readonly string[]>>): Plan {
  const made = Object.entries(crews).map(([name, sockets]): Crew => ({
    name,
    options: {},
    workers: 1,
    environment: {},
    sockets: sockets.map(addressOf),
  }));
  return { role, crews: made } as unknown as Plan;
}

type Passed = readonly [address: string | undefined, name?: string];

function activated(plan: Plan, passed: readonly Passed[]): string[] {
  const fds = passed.map(([, name], at) => ({ fd: 3 + at, name: name ?? NAMELESS }));
  const held = activate(fds, plan, {
    addressOf: (fd) => {
      const text = passed[fd - 3]?.[0];
      return text === undefined ? undefined : addressOf(text);
    },
  });
  return held.map(({ crew, fd, foreign }) => `${crew} ${fd} ${foreign}`);
}

const APP = planOf("app", { app: [], lb: ["127.0.0.1:3000"], pool: ["unix:/run/b/.s.PGSQL.6432", "127.0.0.1:0"] });
const LB = planOf("lb", { lb: ["0.0.0.0:80", "0.0.0.0:443"] });

describe("activate", () => {
  test.each<[string, Plan, readonly Passed[], string[]]>([
    ["nothing is passed", LB, [], []],
    ["by address", LB, [["0.0.0.0:443"], ["0.0.0.0:80"]], ["lb 3 true", "lb 4 true"]],
    ["all addresses of both families", LB, [["[::]:80"]], ["lb 3 true"]],
    ["the socket of an app is its front's", APP, [["127.0.0.1:3000"]], ["lb 3 true"]],
    ["by the name of the crew", planOf("lb", { lb: ["0.0.0.0:80"] }), [["10.0.0.1:80", "lb"]], ["lb 3 true"]],
    [
      "by the name of the role",
      planOf("app", { app: [], lb: ["127.0.0.1:3000"] }),
      [["10.0.0.1:80", "app"]],
      ["lb 3 true"],
    ],
    ["an address before a name", LB, [["10.0.0.1:1", "lb"], ["0.0.0.0:80"]], ["lb 4 true", "lb 3 true"]],
    ["a unix socket by its path", APP, [["unix:/run/b/.s.PGSQL.6432"]], ["pool 3 true"]],
  ])("activate: %s", (_what, plan, passed, wanted) => expect(activated(plan, passed)).toEqual(wanted));

  test.each<[string, Plan, readonly Passed[]]>([
    ["another port", LB, [["0.0.0.0:81"]]],
    ["another host", planOf("lb", { lb: ["127.0.0.1:80"] }), [["0.0.0.0:80"]]],
    ["a name that could be either of two", LB, [["10.0.0.1:80", "lb"]]],
    ["the same twice", LB, [["0.0.0.0:80"], ["0.0.0.0:80"]]],
    ["no listening socket", LB, [[undefined, "lb"]]],
    ["a box without sockets", planOf("app", { app: [] }), [["127.0.0.1:3000", "app"]]],
  ])("activate: refuses %s", (_what, plan, passed) => {
    expect(() => activated(plan, passed)).toThrow(Problem);
  });

  test("activate: refuses variables that make no sense", () => {
    expect(() => activate("bad LISTEN_FDS", LB, { addressOf: () => undefined })).toThrow("bad LISTEN_FDS");
  });
});

const v4 = [2, 0, 0x0b, 0xb8, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
const v6 = [10, 0, 0x1f, 0x90, 0, 0, 0, 0, ...Array<number>(15).fill(0), 1, 0, 0, 0, 0];
const path = [1, 0, ...new TextEncoder().encode("/run/x\0")];

describe("addressFrom", () => {
  test.each<[string, readonly number[], Address | undefined]>([
    ["sockaddr_in", v4, { host: "127.0.0.1", port: 3_000 }],
    ["sockaddr_in6", v6, { host: "::1", port: 8_080 }],
    ["sockaddr_un", path, { path: "/run/x" }],
    ["an abstract name", [1, 0, 0, 0x61], undefined],
    ["an unnamed socket", [1, 0], undefined],
    ["another family", [16, 0, 1, 2, 3, 4], undefined],
    ["nothing", [], undefined],
  ])("addressFrom: %s", (_what, bytes, wanted) => expect(addressFrom(Uint8Array.from(bytes))).toEqual(wanted as never));
});
