/** The same programs at tier 2, unchanged: two workers behind the front, one database pool for both. */
import { appSuiteOfTier } from "./app-tiers.ts";

appSuiteOfTier(2);
