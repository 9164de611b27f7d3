import { describe, expect, test } from "bun:test";
import { frontAddress, sharedPoolUrl } from "../../../../src/app/database.ts";

const asked = { host: "127.0.0.1", port: 0 } as const;
const sockets = [
  { crew: "lb", asked, address: { host: "127.0.0.1", port: 4_000 } },
  { crew: "pool", asked: { path: "/run/box/pool" }, address: { path: "/run/box/pool" } },
  { crew: "pool", asked, address: { host: "127.0.0.1", port: 5_000 } },
] as const;

describe("sharedPoolUrl", () => {
  const pool = { user: "sh op", password: "p@ss/", database: "a b", path: "/run/box/pool" };

  test("names the port that the keeper chose, and says the rest so that any driver reads it", () => {
    const url = sharedPoolUrl(pool, { sockets });
    expect(url).toBe("postgres://sh%20op:p%40ss%2F@127.0.0.1:5000/a%20b");
    expect(decodeURIComponent(new URL(url).password)).toBe("p@ss/");
  });

  test("fails when the box has no pool", () => {
    expect(() => sharedPoolUrl(pool, { sockets: [] })).toThrow("the keeper holds no port");
  });
});

describe("frontAddress", () => {
  test("is where the keeper listens for the balancer", () => {
    expect(frontAddress(asked, { sockets })).toEqual({ host: "127.0.0.1", port: 4_000 });
    const other = { host: "127.0.0.1", port: 80 };
    expect(frontAddress(other, { sockets })).toEqual(other);
  });
});
