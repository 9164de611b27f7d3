/** The app role at a tier, as the built executable: what `app-suite.ts` starts, with an embedded Postgres for all of it. */
import { afterAll, beforeAll, describe } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../kit/free-port.ts";
import { needs } from "../kit/needs.ts";
import { installApp, runApp } from "../kit/scale-app.ts";
import { scaleUp, type Up } from "../kit/scale-up.ts";
import { appSection, type Fixture } from "./app-fixtures.ts";
import { appSuite, type Running } from "./app-suite.ts";

const START_MS = 60_000;
const python = needs("python3");

/** What the file says of workers; a command has one, whatever the machine has. */
const WORKERS = {
  1: () => 1,
  2: (fixture: Fixture) => (fixture.command === undefined ? 2 : "auto"),
} as const;

export function appSuiteOfTier(tier: keyof typeof WORKERS): void {
  let folder = "";
  let store: Up;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "scale-app-db-"));
    store = await scaleUp({ folder, words: ["--ephemeral", "--tier", "1"] });
  }, START_MS);
  afterAll(async () => {
    await store.stop();
    rmSync(folder, { recursive: true, force: true });
  }, START_MS);

  appSuite({
    tier: `tier ${tier}`,
    start: (fixture) => startBox(fixture, store.databaseUrl, WORKERS[tier](fixture)),
    db: true,
    describe: (fixture) => (fixture.command === "python3" ? python.describe : describe),
  });
}

async function startBox(fixture: Fixture, databaseUrl: string, workers: number | string): Promise<Running> {
  const installed = installApp(fixture.name, fixture.packages);
  const port = freePort();
  const file = join(installed.folder, "scale.toml");
  const lines = [
    `[postgres.main]\nprimary = ${JSON.stringify(databaseUrl)}`,
    `${appSection(fixture, installed.folder)}listen = ${port}\nworkers = ${JSON.stringify(workers)}`,
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
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
