/** Codes of the room `src/run`. */
import type { CodePage } from "./codes.ts";

export const runCodes = {
  RUN_UNEXPECTED: {
    title: "Something happened that this program did not foresee",
    why: "An error without a code of its own reached the place where a process ends. It is a defect in scale, or in a library it carries.",
    fix: "Report it with the stack that stands with it. The keeper restarts the process meanwhile.",
    exit: 1,
  },
  RUN_NO_ANSWER: {
    title: "A process of the box did not answer another one in time",
    why: "The processes of a box talk over a channel. A process that computes for seconds without returning to its event loop cannot answer.",
    fix: "Look in the log for worker_stalled or for a machine without free CPU; raise start_timeout if the work is legitimate.",
    exit: 1,
  },
  RUN_CHILD_DIED: {
    title: "A worker or steward ended by itself",
    why: "It was killed from outside (often by the kernel for lack of memory), crashed, or its program called exit. The keeper starts it again after a delay that doubles with every crash in a row.",
    fix: "Read the last lines before it in the log. Signal SIGKILL without a reason usually means memory: see memory_max.",
    exit: 1,
  },
  RUN_START_TIMEOUT: {
    title: "A process was not ready in time and does not answer",
    why: "The keeper waits start_timeout for a new process. One that does not even answer is blocked: its event loop has not turned since it began to load the program.",
    fix: "Move long synchronous work out of the program's top level, or raise start_timeout.",
    exit: 1,
  },
  RUN_STOPPING: {
    title: "Nothing new is started while the box stops",
    why: "A reload or restart was under way when the box was told to stop. Stopping wins.",
    fix: "Nothing, if you wanted it to stop.",
    exit: 1,
  },
  RUN_CRASH_LOOP: {
    title: "A worker ended several times in a row within seconds",
    why: "Five lives in a row, each shorter than ten seconds, say that the program cannot live. Going on would only fill the log and the CPU, so the box stops, drains what still works and exits with 1: systemd or Kubernetes then see it.",
    fix: "Fix the reason that is printed with it. Under systemd, Restart= and RestartSec= decide whether the box is tried again.",
    exit: 1,
  },
  RUN_WORKER_STALLED: {
    title: "A worker's event loop stopped turning",
    why: "A handler computes or waits synchronously. Such a worker serves nobody, so the keeper kills it after stall_timeout and starts another. The request it had begun last is named.",
    fix: "Make the handler asynchronous, move the work to a Worker, or raise stall_timeout if such pauses are wanted.",
    exit: 1,
  },
  RUN_WORKER_TOO_LARGE: {
    title: "A worker uses more memory than it may",
    why: "A program that leaks ends by being killed by the kernel in the middle of its requests. The keeper replaces it before that: a new worker starts beside it, then the old one finishes what it has. One far above the limit is killed.",
    fix: "Find what the program keeps and never lets go, or raise memory_max.",
    exit: 1,
  },
  RUN_RELOAD_BROKEN: {
    title: "A process could not do what it had agreed to",
    why: "At a reload every process first says whether it can change over. One that said yes and then failed is killed and started again on the configuration that holds.",
    fix: "Report it: this is a defect in scale.",
    exit: 1,
  },
  RUN_ADDRESS_IN_USE: {
    title: "The address is taken by another process",
    why: "The keeper opens the listening sockets of a box before its first worker, and once for all of them. Another process has the address: often the box that was not stopped, or another server on the same port. At a reload nothing has changed.",
    fix: "Find it with `ss -ltnp` (for a unix socket `ss -lxp`) and stop it, or choose another address.",
    exit: 1,
  },
  RUN_CANNOT_LISTEN: {
    title: "A listening socket cannot be opened",
    why: "The address is not one of this machine, this user may not have it (ports below 1024), or the folder of the socket does not exist. At a reload nothing has changed.",
    fix: "Choose an address of this machine, give the unit AmbientCapabilities=CAP_NET_BIND_SERVICE, or let systemd open it (configs/systemd, socket activation).",
    exit: 1,
  },
  RUN_LISTEN_FDS: {
    title: "A socket that systemd passed is of no use to this box",
    why: "The box takes over each socket of its socket unit by its address, or by FileDescriptorName= when that is an address. One that no [app], [lb] or [pool] listens on would accept connections that nobody ever answers, so the box does not start.",
    fix: "Let ListenStream= of the socket unit name the same address as listen, or remove the line.",
    exit: 2,
  },
  RUN_NEEDS_FRONT: {
    title: "A box that began with one worker has no front for more",
    why: "With one worker the program owns its port itself. More workers stand behind a balancer that owns it, and a port cannot change hands without losing connections.",
    fix: "Restart the box with the number of workers it is to have; from then on it changes while it runs, also down to one.",
    exit: 1,
  },
  RUN_COUNT: {
    title: "The number of workers cannot be changed like that",
    why: "A box runs between 1 and 256 workers of its own role, and a command of another language runs in one.",
    fix: "Give a number that the box can have, as in: scale app --count 4",
    exit: 2,
  },
  RUN_UPGRADE_REFUSED: {
    title: "The binary of this box cannot be replaced while it runs",
    why: "An upgrade starts a new keeper beside this one, which then ends. That cannot be when this one is the first process of a container (pid 1: the container ends with it), when `scale up` watches over it, or while another upgrade, a start or a stop is under way.",
    fix: "In a container start a new one and stop this one; under scale up stop and start it; else try again when the box is ready.",
    exit: 1,
  },
  RUN_UPGRADE_FAILED: {
    title: "The new binary could not take over, and the old one goes on",
    why: "The executable on disk was started as the next generation of this box. It ended, refused the configuration, or was not ready in time, and was stopped. No connection was lost.",
    fix: "Read the reason that is printed with it; try the new file with `scale check` and the same configuration.",
    exit: 1,
  },
  RUN_ADMIN_IN_USE: {
    title: "The admin address is taken by another process",
    why: "A box shows its health, metrics and status there. Another process answers at that address: usually a box of the same name, or the previous process of this one that has not ended yet. Traffic is served all the same, and the listener is tried again every second.",
    fix: "Give each box a name of its own (--name), or set admin.listen.",
    exit: 1,
  },
  RUN_ADMIN_ADDRESS: {
    title: "The admin listener cannot be opened at its address",
    why: "The address is not one of this machine, the folder of the socket does not exist or may not be written, or the path is too long for a unix socket. Traffic is served all the same, and the listener is tried again every second.",
    fix: "Set admin.listen to a loopback address and port, or to unix:PATH in a folder that this user may write.",
    exit: 1,
  },
  RUN_ADMIN_SILENT: {
    title: "No box answers at that admin address",
    why: "The box does not run, runs under another name or user, or its steward is just being started again.",
    fix: "Look with systemctl status or ps whether the box runs, and compare admin.listen and --name. Its socket can be opened by the user that runs the box, and by root.",
    exit: 1,
  },
  RUN_ADMIN_TOKEN: {
    title: "The admin listener would be open to other machines without a token",
    why: "Whoever reaches it can read the state of the box. A unix socket and a loopback address are reached from this machine only; any other address needs a token.",
    fix: 'Set admin.token, best from a file: token = "${file:/etc/scale/token}".',
    exit: 2,
  },
  RUN_FOLDER: {
    title: "The runtime folder cannot be trusted or made",
    why: "Admin sockets and leases live in a folder of this user (/run/scale, $XDG_RUNTIME_DIR/scale or /tmp/scale-UID). If another user could write into it or owns it, a foreign process could stand in for a box.",
    fix: "Remove the folder if it is not yours, or take the write permission of others from it; under systemd use RuntimeDirectory=scale.",
    exit: 1,
  },
  RUN_LEASE_FILE: {
    title: "The file of a lease cannot be used",
    why: "A lease says which box of this machine does what only one may do. Its file is written whole or not at all, so a file that cannot be read or makes no sense was changed by someone else. It is not guessed at: two boxes doing the same would be worse than none.",
    fix: "Look at the file that is named. When no box of this machine runs, it may be removed.",
    exit: 1,
  },
} as const satisfies Record<string, CodePage>;
