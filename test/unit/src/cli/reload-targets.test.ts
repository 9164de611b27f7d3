import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultAdminAddress } from "../../../../src/admin/address.ts";
import { targetsOf, type TargetWords } from "../../../../src/cli/reload-targets.ts";
import { startTicks } from "../../../../src/run/proc.ts";

const TOML = `[app]
entry = "./server.ts"
[admin]
listen = "127.0.0.1:9901"
token = "of the file"
`;

let folder = "";
let upFolder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scale-reload-"));
  upFolder = join(folder, "up");
  mkdirSync(join(upFolder, ".scale"), { recursive: true });
  // As a running `up` leaves it; we stand for that process.
  const state = { boxes: ["a", "b"].map((name) => ({ role: "app", name, admin: `unix:/${name}` })) };
  const written = { pid: process.pid, born: startTicks(process.pid), state };
  writeFileSync(join(upFolder, ".scale", "up.json"), JSON.stringify(written));
  writeFileSync(join(folder, "server.ts"), "");
  writeFileSync(join(folder, "token"), "of its own\n");
  writeFileSync(join(folder, "scale.toml"), TOML);
  writeFileSync(join(folder, "own.toml"), `${TOML}[app.admin]\nlisten = "127.0.0.1:9902"\ntoken = "of the role"\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const targets = (words: Partial<TargetWords>) => targetsOf({ folder, env: {}, ...words });

describe("targetsOf", () => {
  test("targetsOf: all that are up in the folder, or the one that is named", async () => {
    const [a, b] = ["a", "b"].map((name) => ({ name, admin: `unix:/${name}` }));
    expect(await targets({ folder: upFolder })).toEqual([a, b] as never);
    expect(await targets({ folder: upFolder, box: "b" })).toEqual([b] as never);
    expect(await targets({ folder: upFolder, admin: "9900" })).toEqual([{ admin: "9900" }]);
    const elsewhere = { folder: upFolder, config: "../scale.toml" };
    expect(await targets(elsewhere)).toEqual([{ admin: "127.0.0.1:9901", token: "of the file" }]);
    expect(await targets({ folder: upFolder, env: { SCALE_ADMIN__LISTEN: "9900" } })).toHaveLength(2);
  });

  test("targetsOf: a box by its name", async () => {
    expect(await targets({ box: "shop" })).toEqual([{ name: "shop", admin: defaultAdminAddress("shop") }]);
    await expect(targets({})).rejects.toThrow("nothing is up");
  });

  test("targetsOf: the token comes from a file of its own, the environment or the file of the box", async () => {
    const env = { SCALE_ADMIN__TOKEN: "of the shell", SCALE_APP__WORKERS: "no number, and not ours to judge" };
    const at = { admin: "127.0.0.1:9900" };
    expect(await targets({ ...at, env })).toEqual([{ ...at, token: "of the shell" }]);
    expect(await targets({ ...at, env, tokenFile: "token" })).toEqual([{ ...at, token: "of its own" }]);
    expect(await targets({ ...at, config: "scale.toml" })).toEqual([{ ...at, token: "of the file" }]);
    const own = { config: "own.toml", tokenFile: "token" };
    expect(await targets(own)).toEqual([{ admin: "127.0.0.1:9902", token: "of its own" }]);
  });

  test("targetsOf: the file says where, too", async () => {
    expect(await targets({ config: "scale.toml" })).toEqual([{ admin: "127.0.0.1:9901", token: "of the file" }]);
    expect(await targets({ config: "own.toml" })).toEqual([{ admin: "127.0.0.1:9902", token: "of the role" }]);
  });

  test.each(["192.0.2.1:9900", "example.com:9900"])("targetsOf: refuses %s, which is elsewhere", async (admin) => {
    await expect(targets({ admin })).rejects.toThrow("it is not an address of this machine");
  });

  test("targetsOf: a token file that is not there is named", async () => {
    await expect(targets({ admin: "9900", tokenFile: "none" })).rejects.toThrow('the file "none" does not exist');
  });
});
