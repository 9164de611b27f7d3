/**
 * The command line of the built executable, as a shell and as a script meet it: what is obeyed, what is refused, where
 * it is said and with which exit code.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProblemsObject } from "../../src/problem/print.ts";
import { freePort } from "../kit/free-port.ts";
import { type AppBox, runApp } from "../kit/scale-app.ts";
import { SCALE } from "../kit/scale-up.ts";

const LIMIT_MS = 20_000;
const PROGRAM = `require("node:http").createServer((_, answer) => answer.end("ok")).listen(process.env.PORT);\n`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-cli-"));
  writeFileSync(join(folder, "server.js"), PROGRAM);
  writeFileSync(join(folder, "shop.toml"), '[app]\nentry = "./server.js"\n');
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function scale(words: readonly string[], env: Readonly<Record<string, string>> = {}): Said {
  const order = { cwd: folder, env: { ...process.env, ...env }, timeout: LIMIT_MS } as const;
  const { exitCode, stdout, stderr } = Bun.spawnSync([SCALE, ...words], order);
  return { code: exitCode, out: stdout.toString(), err: stderr.toString() };
}

/** What it says to a machine: one object on one line of stdout, and nothing anywhere else. */
function json(words: readonly string[]): { readonly code: number | null; readonly said: unknown } {
  const { code, out, err } = scale(words);
  expect({ words, err }).toEqual({ words, err: "" });
  return { code, said: JSON.parse(out) };
}

describe("what is not obeyed is refused", () => {
  test.each([
    [["up", "--listen", "0.0.0.0:4555", "server.js"], 'unknown option "--listen"', "--listen is for one box"],
    [["up", "--set", "app.pool.max=3", "server.js"], 'unknown option "--set"', "scale help up"],
    [["dev", "--workers", "4"], 'unknown option "--workers"', "scale help dev"],
    [["status", "--name", "foo"], 'unknown option "--name"', "scale help status"],
    [["up", "--prot", "3000"], 'unknown option "--prot"', "Did you mean --port?"],
    [["up", "one", "two"], "too many arguments", "scale help up"],
    [["up", "--port"], "argument missing", "scale help up"],
    [["--config", "shop.toml", "up"], 'Cannot use --config before "up"', "scale up --config <file>"],
    [["--listen", "3000", "check"], 'Cannot use --listen before "check"', "scale help check"],
    [["--role", "app", "up"], 'Cannot use --role before "up"', "./up"],
    [["--rol", "app"], 'unknown option "--rol"', "Did you mean --role?"],
    [["config", "--listen", "3999"], "Cannot use --listen without --role", "--set app.listen=3000"],
    [["config", "shop.toml", "--name", "x"], 'unknown option "--name"', "scale help config"],
  ])("%j", (words, what, fix) => {
    const { code, out, err } = scale(words);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(what);
    expect(err).toContain(fix);
    expect(err).toContain("[CLI_USAGE]");
  });

  test.each(["abc", "-1", "1.5", "100001"])("logs -n %s", (lines) => {
    const { code, err } = scale(["logs", "-n", lines]);
    expect(code).toBe(2);
    expect(err).toContain(`Cannot take --lines "${lines}": wanted is a whole number from 0 to 100000`);
  });
});

describe("scale help", () => {
  test("a command by its name", () => {
    const { code, out, err } = scale(["help", "up"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toStartWith("Usage: scale up [options] [app]");
    expect(out).toBe(scale(["up", "--help"]).out);
    expect(scale(["help"]).out).toBe(scale(["--help"]).out);
  });

  test("an unknown command: what was probably meant", () => {
    const { code, out, err } = scale(["help", "upp"]);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain('Did you mean "scale up"?');
  });
});

describe("--json", () => {
  test.each([
    [["--version", "--json"], { version: expect.any(String), commit: expect.any(String), bun: expect.any(String) }],
    [["--json", "-v"], { version: expect.any(String) }],
    [["help", "up", "--json"], { help: expect.stringMatching(/^Usage: scale up/) }],
    [["up", "--help", "--json"], { help: expect.stringMatching(/^Usage: scale up/) }],
    [["explain", "--json"], { about: "sections", sections: expect.any(Array) }],
    [["explain", "app.workers", "--json"], { about: "knob", path: "app.workers" }],
    [["schema", "--json"], { $schema: expect.any(String) }],
    [["check", "shop.toml", "--json"], { ok: true, errors: 0 }],
    [["config", "shop.toml", "--json"], { values: expect.any(Array) }],
  ])("%j is an object", (words, said) => {
    expect(json(words)).toMatchObject({ code: 0, said });
  });

  test.each([
    [["up", "--bogus", "--json"], 2, "CLI_USAGE"],
    [["up", "--port", "many", "--json"], 2, "CLI_BAD_OPTION"],
    [["upp", "--json"], 2, "CLI_UNKNOWN_COMMAND"],
    [["help", "upp", "--json"], 2, "CLI_UNKNOWN_COMMAND"],
    [["--json"], 2, "CLI_NOTHING_TO_DO"],
    [["--json", "status"], 2, "CLI_USAGE"],
    [["--role", "ap", "--json"], 2, "CLI_UNKNOWN_ROLE"],
    [["--role", "app", "--json"], 2, "CONFIG_QUICK"],
    [["logs", "--json"], 2, "CLI_USAGE"],
    [["status", "--json"], 1, "UP_NOT_RUNNING"],
    [["stop", "--json"], 1, "UP_NOT_RUNNING"],
    [["reload", "--json"], 1, "UP_NOT_RUNNING"],
    [["explain", "nothing.at.all", "--json"], 2, "CLI_UNKNOWN_WORD"],
    [["init", "--template", "none", "--json"], 2, "CLI_BAD_OPTION"],
    [["check", "none.toml", "--json"], 2, "CONFIG_FILE_UNREADABLE"],
    [["config", "none.toml", "--json"], 2, "CONFIG_FILE_UNREADABLE"],
  ])("%j is an object, with exit code %d and %s", (words, exit, problem) => {
    const { code, said } = json(words);
    const { ok, errors, problems } = said as ProblemsObject;
    expect({ code, ok, errors, codes: problems.map((one) => one.code) }).toEqual({
      code: exit,
      ok: false,
      errors: 1,
      codes: [problem as ProblemsObject["problems"][number]["code"]],
    });
  });
});

describe("scale config", () => {
  test.each([
    [["shop.toml", "--set", "app.pool.max=11"], "app.pool.max", "11", "flag --set"],
    [["--config", "shop.toml", "--admin", "9900"], "admin.listen", '"127.0.0.1:9900"', "flag --admin"],
    [["shop.toml", "--role", "app", "--listen", "3999"], "app.listen", '"127.0.0.1:3999"', "flag --listen"],
  ])("obeys %j", (words, path, value, origin) => {
    const { said } = json(["config", "--resolved", "--json", ...words]);
    expect((said as { values: object[] }).values).toContainEqual(expect.objectContaining({ path, value, origin }));
  });
});

describe("scale logs", () => {
  test("-n says how many of the last lines, and 0 is none", () => {
    const logs = join(folder, ".scale", "logs");
    mkdirSync(logs, { recursive: true });
    writeFileSync(join(logs, "app.log"), "one\ntwo\nthree\n");
    expect(scale(["logs"]).out).toBe("one\ntwo\nthree\n");
    expect(scale(["logs", "-n", "2"]).out).toBe("two\nthree\n");
    expect(scale(["logs", "-n", "0"])).toEqual({ code: 0, out: "", err: "" });
    rmSync(join(folder, ".scale"), { recursive: true });
  });
});

describe("only regular files are read", () => {
  test("a pipe, a device", () => {
    expect(Bun.spawnSync(["mkfifo", join(folder, "pipe")]).exitCode).toBe(0);
    const secret = '[app]\nentry = "./server.js"\n[admin]\ntoken = "${file:./pipe}"\n';
    writeFileSync(join(folder, "secret.toml"), secret);
    expect(scale(["check", "pipe"])).toMatchObject({ code: 2, out: expect.stringContaining("it is a pipe") });
    expect(scale(["check", "/dev/zero"])).toMatchObject({ code: 2, out: expect.stringContaining("it is a device") });
    const { code, out } = scale(["check", "secret.toml"]);
    expect(code).toBe(2);
    expect(out).toContain("is not a regular file");
  });
});

describe("scale reload of a box with a token", () => {
  let box: AppBox;
  let admin = "";
  beforeAll(async () => {
    admin = `127.0.0.1:${freePort()}`;
    writeFileSync(join(folder, "token"), "open sesame\n");
    writeFileSync(join(folder, "wrong"), "open barley\n");
    const app = '[app]\nentry = "./server.js"\nlisten = "127.0.0.1:0"\n';
    // Not the unix socket of the fixture: a token is asked for on TCP.
    const knobs = `[app.admin]\nlisten = "${admin}"\ntoken = "\${file:./token}"\n`;
    writeFileSync(join(folder, "box.toml"), `${app}${knobs}`);
    box = runApp({ cwd: folder, words: ["--config", "box.toml", "--name", "guarded"] });
    await box.ready();
  });
  afterAll(async () => {
    expect(await box.stop()).toBe(0);
  });

  test("is refused without it, and says how it is given", () => {
    const { code, err } = scale(["reload", "--admin", admin]);
    expect(code).toBe(1);
    expect(err).toContain(`Cannot reload the box at ${admin}: it wants its token`);
    expect(err).toContain("--token-file FILE");
    expect(scale(["reload", "--admin", admin, "--token-file", "wrong"]).err).toContain("it has another token");
  });

  test("--token-file, --config, SCALE_ADMIN__TOKEN", () => {
    const told = (generation: number): Said => ({
      code: 0,
      out: `guarded: reloaded, configuration ${generation}\n`,
      err: "",
    });
    expect(scale(["reload", "--admin", admin, "--token-file", "token"])).toEqual(told(2));
    expect(scale(["reload", "--config", "box.toml"])).toEqual(told(3));
    expect(scale(["reload", "--admin", admin], { SCALE_ADMIN__TOKEN: "open sesame" })).toEqual(told(4));
    const { said } = json(["reload", "-c", "box.toml", "--json"]);
    expect(said).toEqual({ box: "guarded", ok: true, generation: 5 });
  });

  test("a box that is elsewhere is not reloaded", () => {
    const { code, err } = scale(["reload", "--admin", "192.0.2.1:9900"]);
    expect(code).toBe(2);
    expect(err).toContain("it is not an address of this machine");
  });
});
