/** Codes of the room `src/app`. */
import type { CodePage } from "./codes.ts";

export const appCodes = {} as const satisfies Record<string, CodePage>;
