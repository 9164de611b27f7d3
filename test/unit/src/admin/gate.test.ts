import { expect, test } from "bun:test";
import { adminAddress } from "../../../../src/admin/address.ts";
import { makeGate } from "../../../../src/admin/gate.ts";

const TOKEN = "correct-horse.battery~staple+/==";

interface Ask {
  readonly listen?: string;
  readonly token?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
}

function statusOf({ listen = "127.0.0.1:9900", token, method = "GET", headers = {} }: Ask): number | "in" {
  const host = listen.startsWith("unix:") ? "localhost" : listen;
  return makeGate(adminAddress(listen), token)(method, new Headers({ host, ...headers }))?.status ?? "in";
}

for (const method of ["GET", "HEAD"]) {
  test(`gate: lets ${method} in`, () => expect(statusOf({ method })).toBe("in"));
}

for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", ""]) {
  test(`gate: refuses the method "${method}"`, () => {
    expect(statusOf({ method })).toBe(405);
    expect(makeGate(adminAddress("1"), undefined)(method, new Headers())?.headers).toEqual({ allow: "GET, HEAD" });
  });
}

const posts: readonly [Ask, number | "in"][] = [
  [{ listen: "unix:/tmp/x" }, "in"],
  [{ listen: "unix:/tmp/x", token: TOKEN }, "in"],
  [{ listen: "127.0.0.1:9900" }, 405],
  [{ listen: "127.0.0.1:9900", headers: { origin: "http://127.0.0.1:9900" } }, 405],
  [{ listen: "127.0.0.1:9900", token: TOKEN }, 401],
  [{ listen: "127.0.0.1:9900", token: TOKEN, headers: { authorization: `Bearer ${TOKEN}` } }, "in"],
  [{ listen: "0.0.0.0:9900", token: TOKEN, headers: { authorization: "Bearer wrong" } }, 401],
  [{ listen: "unix:/tmp/x", headers: { "content-length": "5" } }, 400],
];

for (const [ask, wanted] of posts) {
  test(`gate: is ${wanted} to a command (POST) with ${JSON.stringify(ask)}`, () =>
    expect(statusOf({ ...ask, method: "POST" })).toBe(wanted));
}

const bodies: readonly [Record<string, string>, number | "in"][] = [
  [{ "content-length": "0" }, "in"],
  [{ "content-length": "5" }, 400],
  [{ "content-length": "00" }, 400],
  [{ "content-length": "0, 5" }, 400],
  [{ "transfer-encoding": "chunked" }, 400],
  [{ "transfer-encoding": "identity" }, 400],
];

for (const [headers, wanted] of bodies) {
  test(`gate: is ${wanted} to a request with ${JSON.stringify(headers)}`, () => {
    expect(statusOf({ headers })).toBe(wanted);
    expect(statusOf({ listen: "unix:/tmp/x", headers })).toBe(wanted);
  });
}

const hosts: readonly [listen: string, host: string, wanted: number | "in"][] = [
  ["127.0.0.1:9900", "127.0.0.1:9900", "in"],
  ["127.0.0.1:9900", "127.0.0.1", "in"],
  ["127.0.0.1:9900", "localhost:9900", "in"],
  ["127.0.0.1:9900", "LocalHost", "in"],
  ["127.0.0.1:9900", "[::1]:9900", "in"],
  ["127.0.0.7:9900", "127.0.0.7:9900", "in"],
  ["[::1]:9900", "[::1]", "in"],
  ["127.0.0.1:9900", "evil.example", 403],
  ["127.0.0.1:9900", "evil.example:9900", 403],
  ["127.0.0.1:9900", "127.0.0.1.evil.example:9900", 403],
  ["127.0.0.1:9900", "localhost.evil.example", 403],
  ["127.0.0.1:9900", "localhost@evil.example", 403],
  ["127.0.0.1:9900", "evil.example, localhost", 403],
  ["127.0.0.1:9900", "127.0.0.7", 403],
  ["127.0.0.1:9900", "0.0.0.0", 403],
  ["127.0.0.1:9900", "[::ffff:127.0.0.1]", 403],
  ["127.0.0.1:9900", ":9900", 403],
  ["127.0.0.1:9900", "", 403],
  ["unix:/tmp/x", "anything.example", "in"],
];

for (const [listen, host, wanted] of hosts) {
  test(`gate: on ${listen} is ${wanted} to the host "${host}"`, () =>
    expect(statusOf({ listen, headers: { host } })).toBe(wanted));
}

test("gate: a token does not make up for a wrong host on loopback", () => {
  const headers = { host: "evil.example", authorization: `Bearer ${TOKEN}` };
  expect(statusOf({ token: TOKEN, headers })).toBe(403);
});

test("gate: beyond loopback any host is asked, and the token decides", () => {
  const listen = "10.0.0.1:9900";
  expect(statusOf({ listen, token: TOKEN, headers: { host: "box.example", authorization: `Bearer ${TOKEN}` } })).toBe(
    "in",
  );
  expect(statusOf({ listen, token: TOKEN, headers: { host: "box.example" } })).toBe(401);
});

const authorizations: readonly [string, number | "in"][] = [
  [`Bearer ${TOKEN}`, "in"],
  [`bearer ${TOKEN}`, "in"],
  [`Bearer ${TOKEN}x`, 401],
  [`Bearer ${TOKEN.slice(0, -1)}`, 401],
  [`Bearer ${TOKEN.toUpperCase()}`, 401],
  [`Bearer  ${TOKEN}`, 401],
  [`Bearer ${TOKEN}, Bearer other`, 401],
  [`Bearer other, Bearer ${TOKEN}`, 401],
  [`Basic ${btoa(`a:${TOKEN}`)}`, 401],
  [TOKEN, 401],
  ["Bearer", 401],
  ["Bearer ", 401],
  ["", 401],
];

for (const [authorization, wanted] of authorizations) {
  test(`gate: is ${wanted} to "${authorization.replaceAll(TOKEN, "TOKEN")}"`, () =>
    expect(statusOf({ token: TOKEN, headers: { authorization } })).toBe(wanted));
}

test("gate: says how to come in, and nothing about the token", () => {
  const refusal = makeGate(adminAddress("9900"), TOKEN)("GET", new Headers({ host: "localhost" }));
  expect(refusal?.headers).toEqual({ "www-authenticate": 'Bearer realm="scale admin"' });
  expect(JSON.stringify(refusal)).not.toContain(TOKEN);
});

test("gate: an empty token is a token that nobody can present", () => {
  expect(statusOf({ token: "", headers: { authorization: "Bearer " } })).toBe(401);
  expect(statusOf({ token: "" })).toBe(401);
});

test("gate: on a unix socket the file's mode decides, not the token", () => {
  expect(statusOf({ listen: "unix:/tmp/x", token: TOKEN })).toBe("in");
});
