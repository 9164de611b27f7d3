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
  UP_NOT_EMBEDDED: {
    title: "This build of scale carries no Postgres (or no demo)",
    why: "A slim build (build.ts --slim) leaves both out, for servers and images where the real Postgres is somewhere else. A run from source needs `npm run build` once.",
    fix: 'Name your own Postgres: [postgres.main] primary = "postgres://user@host:5432/db", or use the full executable.',
    exit: 1,
  },
  UP_NO_CACHE: {
    title: "No folder can be used to unpack what the executable carries",
    why: "Programs are run from that folder, so only you and root may be able to write to it and to the folders above it. ~/.cache and the temporary folder were tried (as root: /var/lib/scale/cache).",
    fix: "Set XDG_CACHE_HOME to a folder on a local disk that only you can write to.",
    exit: 1,
  },
  UP_UNPACK_FAILED: {
    title: "The embedded archive could not be unpacked",
    why: "The disk is full, something else has the folder's name, or the executable is damaged: the archive is checked against its hash.",
    fix: "Free 60 MB, remove the folder that is named, or fetch the executable again.",
    exit: 1,
  },
  UP_ALREADY_RUNNING: {
    title: "Another scale up has this project's database open",
    why: "Two Postgres servers on one data folder would destroy it, so the folder is locked for as long as an up runs. The lock ends with its process, even after kill -9.",
    fix: "Use the one that runs (scale status), stop it (scale stop), or give --ephemeral for a second, empty database.",
    exit: 1,
  },
  UP_DATA_FOREIGN: {
    title: "The data folder is not one that this Postgres can open",
    why: "It belongs to another user, lacks files every data folder has, or was damaged. scale never writes over data it does not understand.",
    fix: "Move the folder away to start with an empty database, or bring the right one back from a backup.",
    exit: 1,
  },
  UP_DATA_VERSION: {
    title: "The data folder was made by another major version of Postgres",
    why: "The files of one major version cannot be read by another.",
    fix: "Dump the data with the scale that made it (pg_dump of that version) and load it into a new folder.",
    exit: 1,
  },
  UP_DATA_GONE: {
    title: "The data that should be there is not",
    why: "A note or a copy says that there is a database, and its folder is missing. An empty database in its place would hide the loss.",
    fix: "Bring the folder back, or remove the note (or copy) that is named to start anew.",
    exit: 1,
  },
  UP_DATA_OTHER_USER: {
    title: "The project's database belongs to another user",
    why: "An earlier scale up ran as that user (often root). Opened as another one, its files would no longer be readable for the first; a second, empty database would hide the first.",
    fix: "Run scale up as that user, give the files to yours (chown -R, with scale stopped), or give --ephemeral.",
    exit: 1,
  },
  UP_DATA_UNREACHABLE: {
    title: "Postgres' user cannot get to the data",
    why: "As root, Postgres runs as the user nobody, and a folder above the data does not let that user pass. The data was made when it could.",
    fix: "chmod o+x the folders above the data, or run scale up as an ordinary user.",
    exit: 1,
  },
  UP_DATA_UNWRITABLE: {
    title: "The folder for the data cannot be made",
    why: "The project's folder is read-only, belongs to another user, or the disk is full.",
    fix: "Make the folder writable, or give --ephemeral for a database in a temporary folder.",
    exit: 1,
  },
  UP_NO_PLAIN_USER: {
    title: "There is no unprivileged user to run Postgres as",
    why: "Postgres refuses to run as root. As root, scale runs it as nobody, and /etc/passwd has no such user.",
    fix: "Run scale as an ordinary user, or add the line nobody:x:65534:65534::/:/bin/false to /etc/passwd.",
    exit: 1,
  },
  UP_INITDB_FAILED: {
    title: "A new database could not be made",
    why: "initdb, the program that makes one, failed; its last words stand with the error. Usual reasons: a full disk, a file system without permissions, a user without a line in /etc/passwd, a missing libstdc++6.",
    fix: "Mend what it says. Nothing half-made is left behind, so the next scale up tries again.",
    exit: 1,
  },
  UP_POSTGRES_FAILED: {
    title: "A Postgres server did not come up, or did not stay up",
    why: "Its last words stand with the error. The data is as it was.",
    fix: "Read the log that is named. `password authentication failed` means that the password file beside the data is not the one the data was made with.",
    exit: 1,
  },
  UP_POSTGRES_RUNNING: {
    title: "A Postgres that this scale did not start runs on the data",
    why: "Someone started one by hand, or one of an earlier run does not end. Two servers on one folder would destroy it.",
    fix: "Stop it with kill -INT and the pid that is named.",
    exit: 1,
  },
  UP_NO_FREE_PORT: {
    title: "No port could be had for Postgres",
    why: "The one it had last time and those from 15432 upwards are all taken.",
    fix: "Stop some of the programs that listen there.",
    exit: 1,
  },
  UP_REPLICA_FAILED: {
    title: "A replica could not be made, or does not stream",
    why: "Copying the primary failed, or the copy did not connect to it. The primary is not affected.",
    fix: "Read the replica's log; look whether the disk is full. A database with table spaces cannot be copied.",
    exit: 1,
  },
  UP_PROMOTE_FAILED: {
    title: "A replica did not become a primary in time",
    why: "It has to replay what it received first; that can take long on a slow disk.",
    fix: "Read its log. The next scale up finishes the promotion.",
    exit: 1,
  },
} as const satisfies Record<string, CodePage>;
