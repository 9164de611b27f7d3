import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configText } from "../../../../../src/cli/init/config-text.ts";
import { load, type Loaded } from "../../../../../src/config/load.ts";

describe("configText", () => {
  let folder = "";
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "scale-config-"));
    writeFileSync(join(folder, "server.ts"), "");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  function loadText(text: string): Promise<Loaded> {
    const file = join(folder, "scale.toml");
    writeFileSync(file, text);
    return load({ file, flags: [], env: {} });
  }

  test("is a configuration that holds, without a warning", async () => {
    const { config, warnings } = await loadText(configText("./server.ts"));
    expect(warnings).toEqual([]);
    expect(config.app).toMatchObject({ entry: join(folder, "server.ts"), listen: "127.0.0.1:3000", workers: 1 });
  });

  test("still holds when every knob that is not set is set to what stands there", async () => {
    // command is instead of entry, and these examples name files of another machine.
    const lines = configText("./server.ts")
      .split("\n")
      .filter((line) => !/^#(command|env|token) = /.test(line))
      .map((line) => line.replace(/^#(?=\[|[a-z_]+ = )/, "").replace(/:\$\{file:[^}]+\}@/, "@"));
    const { config, warnings } = await loadText(lines.join("\n"));
    expect(warnings).toEqual([]);
    expect(config.postgres["main"]?.primary).toBe("postgres://shop@db1:5432/shop");
    expect(config.admin.listen).toBe("127.0.0.1:9900");
  });

  test("writes a path with strange characters so that it is read as it was", async () => {
    writeFileSync(join(folder, 'a"b\\c.ts'), "");
    const { config } = await loadText(configText('./a"b\\c.ts'));
    expect(config.app?.entry).toBe(join(folder, 'a"b\\c.ts'));
  });

  test("explains every knob it names, in lines that fit a screen", () => {
    const lines = configText("./server.ts").split("\n");
    expect(lines.filter((line) => line.length > 160)).toEqual([]);
    for (const [at, line] of lines.entries()) {
      if (/^#?[a-z_]+ = /.test(line) && !line.startsWith("#command")) expect(lines[at - 1]).toStartWith("# ");
    }
  });
});
