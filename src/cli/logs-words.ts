/** The options of `scale logs`, checked. */
import type { LogsWords } from "../up/control.ts";
import { wholeNumber } from "./whole-number.ts";

export const LINES_MAX = 100_000;

export function logsWords(box: string | undefined, options: { follow?: boolean; lines: string }): LogsWords {
  const lines = wholeNumber(options.lines, { command: "logs", option: "--lines", min: 0, max: LINES_MAX });
  return {
    ...(box === undefined ? {} : { box }),
    follow: options.follow === true,
    lines,
  };
}
