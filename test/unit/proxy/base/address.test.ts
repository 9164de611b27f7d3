import { describe, expect, test } from "bun:test";
import {
  type AddressFlaw,
  formatAddress,
  isLocal,
  parseAddress,
  UNIX_PATH_BYTES_MAX,
} from "../../../../proxy/base/address.ts";

describe("parseAddress", () => {
  test.each([
    ["127.0.0.1:3000", { host: "127.0.0.1", port: 3000 }],
    ["3000", { host: "127.0.0.1", port: 3000 }],
    ["0", { host: "127.0.0.1", port: 0 }],
    ["app1:65535", { host: "app1", port: 65535 }],
    ["my_host.example.:1", { host: "my_host.example.", port: 1 }],
    ["[::1]:3000", { host: "::1", port: 3000 }],
    ["[fe80::1%eth0]:3000", { host: "fe80::1%eth0", port: 3000 }],
    ["unix:/run/scale/app.sock", { path: "/run/scale/app.sock" }],
    ["unix:app.sock", { path: "app.sock" }],
  ])("parseAddress: takes %s, and formatAddress gives it back", (text, expected) => {
    const address = parseAddress(text);
    expect(address).toEqual(expected as never);
    if (typeof address === "string") throw new Error(address);
    expect(parseAddress(formatAddress(address))).toEqual(address);
  });

  test.each<[string, AddressFlaw]>([
    ["", "empty"],
    ["http://app1:3000", "url"],
    ["app1", "no port"],
    ["app1:", "no port"],
    ["[::1]", "no port"],
    [":3000", "no host"],
    ["app1:65536", "bad port"],
    ["app1:-1", "bad port"],
    ["app1:3000x", "bad port"],
    ["70000", "bad port"],
    ["9999999", "bad port"],
    ["::1:3000", "bad host"],
    ["[app1]:3000", "bad host"],
    ["a b:1", "bad host"],
    ["-app:1", "bad host"],
    ["unix:", "no path"],
    [`unix:/${"a".repeat(UNIX_PATH_BYTES_MAX)}`, "long path"],
    [`unix:/${"é".repeat(60)}`, "long path"],
  ])("parseAddress: refuses %s", (text, flaw) => {
    expect(parseAddress(text)).toBe(flaw);
  });

  test("parseAddress: takes a path of just the longest length", () => {
    expect(parseAddress(`unix:/${"a".repeat(UNIX_PATH_BYTES_MAX - 1)}`)).toHaveProperty("path");
  });
});

describe("isLocal", () => {
  test.each([
    ["127.0.0.1:1", true],
    ["127.1.2.3:1", true],
    ["localhost:1", true],
    ["[::1]:1", true],
    ["unix:/x", true],
    ["0.0.0.0:1", false],
    ["[::]:1", false],
    ["127.0.0.1.example:1", false],
    ["10.0.0.1:1", false],
    ["app1:1", false],
  ])("isLocal: %s is %p", (text, expected) => {
    const address = parseAddress(text);
    if (typeof address === "string") throw new Error(address);
    expect(isLocal(address)).toBe(expected);
  });
});
