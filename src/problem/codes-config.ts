/** Codes of the room `src/config`. */
import type { CodePage } from "./codes.ts";

export const configCodes = {} as const satisfies Record<string, CodePage>;
