import { expect, test } from "bun:test";
import { ACCESS, commandLine, initdbWords, settingsFile, url } from "../../../../../src/up/postgres/settings.ts";

const upstream = { port: 1234, slot: "scale_node_1", passfile: "/tmp/it's a \\ path/x.passfile" };

test("settingsFile: a replica's quotes and backslashes survive both languages", () => {
  const line = settingsFile(upstream)
    .split("\n")
    .find((row) => row.startsWith("primary_conninfo"));
  const value = /^primary_conninfo = '(.*)'$/
    .exec(line ?? "")?.[1]
    ?.replaceAll("''", "'")
    .replaceAll("\\\\", "\\");
  const words = [...(value ?? "").matchAll(/(\w+)='((?:[^'\\]|\\.)*)'/g)];
  const found = Object.fromEntries(words.map(([, key, text]) => [key, text?.replace(/\\(.)/g, "$1")]));
  expect(found).toEqual({
    host: "127.0.0.1",
    port: "1234",
    user: "scale",
    passfile: upstream.passfile,
    application_name: "scale_node_1",
    sslmode: "disable",
  });
});

test("settingsFile: a primary follows nobody", () => {
  expect(settingsFile()).not.toContain("primary_");
  expect(settingsFile(upstream)).toStartWith(settingsFile());
  expect(settingsFile()).toContain("fsync = 'on'\n");
});

test("commandLine: who may connect, and where, cannot be changed from inside", () => {
  const words = commandLine({ program: "/p", data: "/d", config: "/c", access: "/h", port: 5 });
  expect(words).toEqual(
    "/p -D /d -c config_file=/c -c hba_file=/h -c listen_addresses=127.0.0.1 -c port=5 -c unix_socket_directories=".split(
      " ",
    ),
  );
});

test("ACCESS: every door asks for the password, and none is open to other machines", () => {
  const rules = ACCESS.trim()
    .split("\n")
    .map((line) => line.split(/\s+/));
  expect(rules.every((rule) => rule.at(-1) === "scram-sha-256")).toBe(true);
  expect(rules.filter(([kind]) => kind === "host").every((rule) => rule[3] === "127.0.0.1/32")).toBe(true);
  expect(rules.every(([kind]) => kind === "local" || kind === "host")).toBe(true);
});

test("initdbWords: the password is not among them", () => {
  const words = initdbWords("/bin/initdb", "/data", "/password-file");
  expect(words.filter((word) => word.includes("pw"))).toEqual(["--pwfile=/password-file"]);
});

test("url: is one that needs no escaping", () => {
  expect(url(15_432, "aZ09_-")).toBe("postgres://scale:aZ09_-@127.0.0.1:15432/app");
});
