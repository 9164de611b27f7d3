import { expect, test } from "bun:test";
import type { Address } from "../../../../proxy/base/address.ts";
import type { Fd, Listener, Net } from "../../../../proxy/net/wire.ts";
import { InheritedNet } from "../../../../src/run/inherited-net.ts";

const ASKED: Address = { host: "127.0.0.1", port: 0 };
const ADDRESS: Address = { host: "127.0.0.1", port: 4_711 };

function setUp() {
  const heard: (Address | Fd)[] = [];
  const engine = {
    listen(at: Address | Fd): Listener {
      heard.push(at);
      return { address: "fd" in at ? at.address : at, fd: undefined, stop: () => undefined };
    },
  } as unknown as Net;
  let copies = 0;
  const closed: number[] = [];
  const calls = {
    dup: (fd: number): number => {
      copies += 1;
      return fd * 100 + copies;
    },
    setBacklog: () => undefined,
    close: (fd: number) => void closed.push(fd),
  };
  const sockets = [
    { crew: "lb", asked: ASKED, address: ADDRESS, fd: 4 },
    { crew: "pool", asked: { path: "/run/p" }, address: { path: "/run/p" } },
  ];
  return { net: new InheritedNet(engine, sockets, calls), heard, closed };
}

const refuse = (): never => {
  throw new Error("Cannot accept: nobody dials in this test");
};

test("listen: adopts a duplicate of what was inherited, under the address that the kernel chose", () => {
  const { net, heard } = setUp();
  expect(net.listen({ ...ASKED }, refuse).address).toEqual(ADDRESS);
  expect(heard).toEqual([{ fd: 401, address: ADDRESS }]);
});

test("listen: an address that was left can be taken again", () => {
  const { net, heard } = setUp();
  net.listen(ASKED, refuse).stop();
  net.listen(ASKED, refuse);
  expect(heard.map((at) => ("fd" in at ? at.fd : undefined))).toEqual([401, 402]);
});

test("listen: opens what nobody holds, and what is another crew's", () => {
  const { net, heard } = setUp();
  net.listen({ host: "127.0.0.1", port: 1 }, refuse);
  net.listen({ path: "/run/p" }, refuse);
  expect(heard).toEqual([{ host: "127.0.0.1", port: 1 }, { path: "/run/p" }]);
});

test("release: gives up what was inherited, once, and holds nothing afterwards", () => {
  const { net, heard, closed } = setUp();
  net.listen(ASKED, refuse);
  net.release();
  net.release();
  expect(closed).toEqual([4]);
  net.listen(ASKED, refuse);
  expect(heard.at(-1)).toEqual(ASKED);
});
