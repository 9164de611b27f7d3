/**
 * The demo: a link shortener, and the program that `scale up` runs when no app is named. It is a user's program like any
 * other, bundled into one file and run from disk by the app role: it knows nothing of `scale` but the module "scale".
 * It is the same at every tier.
 */
import { db, log } from "scale";
import { makeApp } from "./app.ts";
import { prepareTables } from "./tables.ts";

if (await prepareTables(db)) log.info("demo_tables_made");

makeApp({ db, log, tier: process.env["SCALE_TIER"], worker: process.pid }).listen(process.env["PORT"] ?? 3000);
