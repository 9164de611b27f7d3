import { expect, test } from "bun:test";
import { choosePort, listeningPorts, parseListeners, PORT_FIRST } from "../../../../../src/up/postgres/ports.ts";

const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:3C48 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65534        0 1 1 0 100 0 0 10 0
   1: 0100007F:1F90 0100007F:3C48 01 00000000:00000000 00:00000000 00000000     0        0 2 1 0 20 4 30 10 -1
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:0 0 0 0 3 1
   bad line
`;

test("parseListeners: the ports that are listened on, of either family, and no others", () => {
  expect(parseListeners(TABLE)).toEqual([0x3c48, 0x50]);
  expect(parseListeners("")).toEqual([]);
});

test("choosePort: the preferred one, else the first free one, else none", () => {
  const all = new Set(Array.from({ length: 2_000 }, (_, i) => PORT_FIRST + i));
  expect(choosePort(20_000, new Set())).toBe(20_000);
  expect(choosePort(20_000, new Set([20_000, PORT_FIRST]))).toBe(PORT_FIRST + 1);
  expect(choosePort(undefined, new Set())).toBe(PORT_FIRST);
  expect(choosePort(undefined, all)).toBeUndefined();
  expect(choosePort(20_000, all)).toBe(20_000);
});

test("choosePort: never one that the kernel gives to outgoing connections", () => {
  const taken = new Set<number>();
  for (let port = choosePort(undefined, taken); port !== undefined; port = choosePort(undefined, taken)) {
    expect(port).toBeLessThan(32_768);
    taken.add(port);
  }
});

test("listeningPorts: reads the tables of this machine", () => {
  expect([...listeningPorts()].every((port) => port > 0 && port < 65_536)).toBe(true);
});
