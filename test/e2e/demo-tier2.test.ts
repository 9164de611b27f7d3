/** The demo behind the front, with two workers and their shared pool. */
import { scaleUp } from "../kit/scale-up.ts";
import { demoSuite } from "./demo-suite.ts";

demoSuite("tier 2", (folder) => scaleUp({ folder, words: ["--tier", "2"] }));
