import { expect, test } from "bun:test";
import { listenFds } from "../../../../src/run/listen-fds.ts";

const PID = 42;
const two = (a: string, b: string) => [
  { fd: 3, name: a },
  { fd: 4, name: b },
];

const rows: readonly [string, Record<string, string>, ReturnType<typeof listenFds>][] = [
  ["nothing was passed", {}, []],
  ["only a count", { LISTEN_FDS: "2" }, []],
  ["only an owner", { LISTEN_PID: "42" }, []],
  ["they are another process's", { LISTEN_PID: "43", LISTEN_FDS: "2" }, []],
  ["none of ours", { LISTEN_PID: "42", LISTEN_FDS: "0" }, []],
  ["two without names", { LISTEN_PID: "42", LISTEN_FDS: "2" }, two("unknown", "unknown")],
  ["two with names", { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "http:https" }, two("http", "https")],
  ["one name is empty", { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: ":b" }, two("", "b")],
  ["none, with empty names", { LISTEN_PID: "42", LISTEN_FDS: "0", LISTEN_FDNAMES: "" }, []],
  ["too few names", { LISTEN_PID: "42", LISTEN_FDS: "2", LISTEN_FDNAMES: "http" }, "names do not match"],
  ["too many names", { LISTEN_PID: "42", LISTEN_FDS: "1", LISTEN_FDNAMES: "a:b" }, "names do not match"],
  ["the owner is no number", { LISTEN_PID: "4x", LISTEN_FDS: "1" }, "bad LISTEN_PID"],
  ["the owner is 0", { LISTEN_PID: "0", LISTEN_FDS: "1" }, "bad LISTEN_PID"],
  ["the owner is empty", { LISTEN_PID: "", LISTEN_FDS: "1" }, "bad LISTEN_PID"],
  ["the count is negative", { LISTEN_PID: "42", LISTEN_FDS: "-1" }, "bad LISTEN_FDS"],
  ["the count is no number", { LISTEN_PID: "42", LISTEN_FDS: "one" }, "bad LISTEN_FDS"],
  ["the count is too large", { LISTEN_PID: "42", LISTEN_FDS: "1025" }, "bad LISTEN_FDS"],
];

for (const [what, env, wanted] of rows) {
  test(`listenFds: when ${what}`, () => expect(listenFds(env, PID)).toEqual(wanted));
}
