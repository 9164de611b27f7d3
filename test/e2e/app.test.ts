/** The app role at tier 1: everyone's program runs unchanged. */
import { appSuiteOfTier } from "./app-tiers.ts";

appSuiteOfTier(1);
