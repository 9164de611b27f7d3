/** Codes of the room `src/app`. */
import type { CodePage } from "./codes.ts";

export const appCodes = {
  APP_NO_PROGRAM: {
    title: "Nothing says which program to run",
    why: "The app role runs a program of yours: a JavaScript or TypeScript file (entry), or any command that serves HTTP. Neither was named, or both were.",
    fix: 'Write `entry = "./server.ts"` or `command = ["python3", "server.py"]` into [app], or name the file: `scale --role app server.ts`.',
    exit: 2,
  },
  APP_NO_STORE: {
    title: "[app] names a store that there is not",
    why: "app.db, app.cache and app.queue point at sections of the same file. The one that is named has no such section.",
    fix: "Add the section, or name one that exists.",
    exit: 2,
  },
  APP_ENTRY_MISSING: {
    title: "The program's file does not exist or is not a file",
    why: "app.entry must be a file that can be read. A folder is not searched for one, because guessing which file was meant could start the wrong program.",
    fix: "Name the file itself. A path in a configuration file is relative to that file.",
    exit: 2,
  },
  APP_NOT_A_PROGRAM: {
    title: "The file was loaded, but it is not a program that serves",
    why: "A program listens by itself (app.listen, Bun.serve, Deno.serve), or its default export is something to serve: an object with a fetch method, or an Express, Fastify, Hono or Koa app. This file did neither.",
    fix: "Export the app as the default export, or let the file call listen. If another file does that, make that file the entry.",
    exit: 2,
  },
  APP_LOAD_FAILED: {
    title: "The program threw while it was loaded",
    why: "Code at the top level of the program, or of a file it imports, threw an error or awaited something that failed.",
    fix: "Mend the line that is named. Very often it is a variable of the environment that is not set, or a server that cannot be reached.",
    exit: 1,
  },
  APP_SYNTAX: {
    title: "The program cannot be parsed",
    why: "A file of the program is not valid JavaScript or TypeScript.",
    fix: "Mend the line that is named.",
    exit: 1,
  },
  APP_MODULE_MISSING: {
    title: "The program imports something that cannot be found",
    why: "The name is looked for in the node_modules folders above the file that imports it, and nothing is ever downloaded by itself. A path is looked for relative to that file.",
    fix: "Install the package in the program's folder, or correct the path.",
    exit: 1,
  },
  APP_NEVER_LISTENED: {
    title: "The program was loaded, but did not listen in time",
    why: "After start_timeout the program had not called listen (or Bun.serve, or Deno.serve), and its default export is nothing that could be served. Often it waits for a server that does not answer before it listens.",
    fix: "See what it waits for before it listens. If it needs the time, raise start_timeout.",
    exit: 1,
  },
  APP_LISTENS_TWICE: {
    title: "The program listens a second time",
    why: "app.listen says where the one server of the program is reached, whatever port the program asks for. With two servers it cannot be known which one is meant.",
    fix: "Let the program have one server; serve metrics and health on paths of it (scale has its own on the admin listener), or run the other one as a box of its own.",
    exit: 1,
  },
  APP_STOPPED_LISTENING: {
    title: "The program closed its own server",
    why: "The process lives, but nothing listens any more, so it could not be reached by anyone.",
    fix: "Do not close the server before the program is asked to stop (SIGTERM).",
    exit: 1,
  },
  APP_PORT_IN_USE: {
    title: "The address is taken",
    why: "Another process listens at the address in app.listen. It may be an earlier copy of this box.",
    fix: "Stop the other process (`ss -ltnp` shows it), or choose another address with --listen or app.listen.",
    exit: 1,
  },
  APP_CANNOT_BIND: {
    title: "The address cannot be listened at",
    why: "The system refused: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE), a host must be an address of this machine, and the folder of a unix socket must exist and be writable.",
    fix: "Choose another address in app.listen. Under systemd: AmbientCapabilities=CAP_NET_BIND_SERVICE.",
    exit: 1,
  },
  APP_CRASHED: {
    title: "An error in the program was caught by nobody",
    why: "An exception or a rejected promise reached the event loop. What state the program is in then is unknown, so, as in Node, the process ends; the keeper starts another.",
    fix: "Catch the error where it is thrown. A program that wants to live on can listen for `uncaughtException` or `unhandledRejection`.",
    exit: 1,
  },
  APP_EXITED: {
    title: "The program ended itself",
    why: "It called process.exit (or Deno.exit) without having been asked to stop. A server that ends serves nobody, whatever the exit code; the keeper starts another.",
    fix: "Look at the line that is named. In a handler of SIGTERM the call is welcome.",
    exit: 1,
  },
  APP_NO_DATABASE: {
    title: 'The program uses `db` from "scale", and there is no database',
    why: "No [postgres.NAME] is configured, or there are several and app.db names none, and DATABASE_URL is not set.",
    fix: 'Add `[postgres.main]` with `primary = "postgres://…"`, set DATABASE_URL, or run `scale up`, which brings a Postgres along.',
    exit: 1,
  },
  APP_NO_POOL: {
    title: 'app.db = "pool" leads nowhere',
    why: "The app is given the URL of the pool that [pool] describes: its database, the address by which others reach it (advertise, or listen when it names one host), and a user with a password in the clear. One of them is missing.",
    fix: "Complete [pool]: advertise, [pool.databases.NAME], and the password of the store or of [pool.users].",
    exit: 2,
  },
  APP_TLS_BEHIND_FRONT: {
    title: "The program serves TLS, and has several workers",
    why: "With more than one worker a balancer stands before them, which has to read the requests. It does not have the certificate that the program gave to its own server.",
    fix: "Let the program serve plain HTTP and give the certificate to an [lb] before it, or run it with workers = 1.",
    exit: 2,
  },
  APP_COMMAND_WORKERS: {
    title: "A command cannot have several workers",
    why: "A program of app.command listens by itself, on the port that it finds in PORT; two of them cannot have the same one. Only programs that scale loads (app.entry) can share an address.",
    fix: "Write workers = 1. For more, start several boxes with a port each, and let [lb] balance them.",
    exit: 2,
  },
  APP_COMMAND_MISSING: {
    title: "The program of app.command cannot be found",
    why: "Its name is looked for in the folders of PATH. With a slash in it, it is a path relative to the folder of the configuration file.",
    fix: "Install it, or write its absolute path. A service often has a shorter PATH than your shell.",
    exit: 2,
  },
  APP_COMMAND_NEEDS_PORT: {
    title: "A command needs a TCP port",
    why: "A program of app.command binds its address by itself, and all it is told is the port in PORT. A unix socket or port 0 cannot be said that way.",
    fix: "Give app.listen a host and a port.",
    exit: 2,
  },
  APP_COMMAND_EXITED: {
    title: "The program of app.command ended",
    why: "It ended without having been asked to. Its own last lines are in the log just above. The keeper starts it again.",
    fix: "Run the command by hand with PORT set, and see what it says.",
    exit: 1,
  },
} as const satisfies Record<string, CodePage>;
