/** Codes of the room `src/cli`. */
import type { CodePage } from "./codes.ts";

export const cliCodes = {
  CLI_NOTHING_TO_DO: {
    title: "Neither a command nor a role was given",
    why: "scale is told what to do by a command (scale up) or is one box of a diagram (scale --role app).",
    fix: "See scale --help.",
    exit: 2,
  },
  CLI_USAGE: {
    title: "The words are not those that the command takes",
    why: "An option is unknown, belongs to another command, lacks its value, or there is a word too many. Nothing is ignored: what cannot be obeyed is refused.",
    fix: "scale help COMMAND lists what it takes. The flags of a box stand behind scale --role ROLE.",
    exit: 2,
  },
  CLI_UNKNOWN_COMMAND: {
    title: "There is no such command",
    why: "Commands are not guessed and not abbreviated, so that a script means the same tomorrow.",
    fix: "See scale --help for the list.",
    exit: 2,
  },
  CLI_UNKNOWN_ROLE: {
    title: "There is no such role",
    why: "A box is an app (your program), a pool (Postgres connections), an lb (load balancer) or a router (shards).",
    fix: "Use --role app, pool, lb or router.",
    exit: 2,
  },
  CLI_BAD_OPTION: {
    title: "An option has a value it cannot have",
    why: "Options are checked before anything is started.",
    fix: "The error says what is wanted; scale help COMMAND lists all options.",
    exit: 2,
  },
  CLI_NO_BOX: {
    title: "A running box could not be asked",
    why: "reload sends SIGHUP and then reads the outcome from the box's admin listener, which did not answer as expected.",
    fix: "Check the name of the box, and that you are the user that runs it (or root). A box with a token wants it: --token-file, SCALE_ADMIN__TOKEN, or the file of the box with --config.",
    exit: 1,
  },
  CLI_INIT_FOLDER: {
    title: "A file of a new app cannot be written",
    why: "init writes scale.toml, scale.d.ts and a program into one folder, and keeps every file that is there already.",
    fix: "Name a folder that you may write to, and look whether its disk is full.",
    exit: 1,
  },
  CLI_UNKNOWN_WORD: {
    title: "There is nothing to explain under that word",
    why: "scale explain knows the knobs and sections of the config file and the codes of problems.",
    fix: 'Run "scale explain" for the sections, "scale explain app" for the knobs of one.',
    exit: 2,
  },
} as const satisfies Record<string, CodePage>;
