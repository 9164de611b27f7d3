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
} as const satisfies Record<string, CodePage>;
