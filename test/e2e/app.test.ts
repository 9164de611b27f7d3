/** The app role at tier 1, as the built executable: everyone's program runs unchanged, and bad ones are told why. */
import { afterAll, beforeAll, describe } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { installApp, runApp } from "../kit/scale-app.ts";
import { freePort } from "../kit/free-port.ts";
import { scaleUp, type Up } from "../kit/scale-up.ts";
import { needs } from "../kit/needs.ts";
import { appSection, type Fixture } from "./app-fixtures.ts";
import { appSuite, type Running } from "./app-suite.ts";

const START_MS = 60_000;
let folder = "";
let store: Up;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "scale-app-db-"));
  store = await scaleUp({ folder, words: ["--ephemeral"] });
}, START_MS);
afterAll(async () => {
  await store.stop();
  rmSync(folder, { recursive: true, force: true });
}, START_MS);

const python = needs("python3");

appSuite({
  tier: "tier 1",
  start: startTier1,
  db: true,
  describe: (fixture) => (fixture.command === "python3" ? python.describe : describe),
});

async function startTier1(fixture: Fixture): Promise<Running> {
  const installed = installApp(fixture.name, fixture.packages);
  const port = freePort();
  const file = join(installed.folder, "scale.toml");
  const section = appSection(fixture, installed.folder);
  writeFileSync(file, `[postgres.main]\nprimary = ${JSON.stringify(store.databaseUrl)}\n${section}listen = ${port}\n`);
  const box = runApp({ words: ["--config", file] });
  await box.ready();
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stop: async () => {
      const code = await box.stop();
      installed.remove();
      return code;
    },
  };
}
