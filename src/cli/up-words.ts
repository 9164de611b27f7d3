/** The options of `scale up` and `scale dev`, checked. */
import type { UpWords } from "../up/up.ts";
import { wholeNumber } from "./whole-number.ts";

const PORT_MAX = 65_535;
const TIERS = 4;

type Fixed = Pick<UpWords, "dev" | "version">;

export function upWords(app: string | undefined, options: Readonly<Record<string, unknown>>, fixed: Fixed): UpWords {
  const command = fixed.dev ? "dev" : "up";
  const { tier, port, config } = options;
  return {
    ...fixed,
    ephemeral: options["ephemeral"] === true,
    json: options["json"] === true,
    ...(app === undefined ? {} : { app }),
    ...(typeof tier === "string" ? { tier: wholeNumber(tier, { command, option: "--tier", min: 1, max: TIERS }) } : {}),
    ...(typeof port === "string"
      ? { port: wholeNumber(port, { command, option: "--port", min: 0, max: PORT_MAX }) }
      : {}),
    ...(typeof config === "string" ? { config } : {}),
  };
}
