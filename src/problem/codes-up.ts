/** Codes of the room `src/up`. */
import type { CodePage } from "./codes.ts";

export const upCodes = {
  UP_PORT_IN_USE: {
    title: "No free port was found",
    why: "scale up takes the port you name, or the next free one above it, and looks at a hundred of them.",
    fix: "Stop what listens there, or name another port with --port.",
    exit: 1,
  },
  UP_PORT_REFUSED: {
    title: "The system does not let this address be listened on",
    why: "The address is not one of this machine, or the port is below 1024 and the user is not root.",
    fix: "Use a port above 1023 and an address of this machine, such as 127.0.0.1.",
    exit: 1,
  },
  UP_BOX_ENDED: {
    title: "A box ended before it was ready",
    why: "scale up starts each box as a process of its own. This one went away without saying why.",
    fix: "Look into its log, which is named with the error; `scale logs` shows it.",
    exit: 1,
  },
  UP_NOT_RUNNING: {
    title: "Nothing is up in this folder",
    why: "status, logs, stop and reload look for the .scale folder that a running `scale up` keeps beside the file it was started with.",
    fix: "Go to the folder in which scale up runs, or start it.",
    exit: 1,
  },
  UP_NO_LOG: {
    title: "There is no such log",
    why: "Each box that scale up starts writes .scale/logs/NAME.log.",
    fix: "Name one of the boxes that are listed with the error.",
    exit: 1,
  },
} as const satisfies Record<string, CodePage>;
