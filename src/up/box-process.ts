/**
 * One box as a child of `up`: this executable with the words a person would use, its output in a log file, its news
 * over IPC. It dies with `up`, and Ctrl-C in the terminal does not reach it.
 */
import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { Problem, Problems } from "../problem/problem.ts";
import type { BoxNews } from "../run/news.ts";
import { CHILD_VARIABLE, childEnvironment, selfCommand, type ChildOrder } from "../run/self.ts";
import { sendSignal } from "../run/signals.ts";
import { readLine } from "./log-lines.ts";
import { type LogFile, openLog, tailOf } from "./postgres/log-file.ts";

export interface BoxOrder {
  readonly name: string;
  /** The words behind `scale`. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Its output goes to the terminal, and a start that failed is not the end: the next change of a file tries again. */
  readonly development: boolean;
}

const STDERR = 2;

export type BoxReady = BoxNews & { readonly event: "ready" };

export class BoxProcess {
  readonly name: string;
  readonly pid: number;
  /** Where its output goes, and where that of this run begins. */
  readonly log: Pick<LogFile, "path" | "from">;
  /** Settles when the box is ready, or with the reason why it never will be. */
  readonly ready: Promise<BoxReady>;
  readonly exited: Promise<number>;

  constructor(order: BoxOrder) {
    this.name = order.name;
    const ready = Promise.withResolvers<BoxReady>();
    this.ready = ready.promise;
    mkdirSync(dirname(order.logFile), { recursive: true, mode: 0o700 });
    const log = openLog(order.logFile);
    this.log = log;
    // Not stdout: that is for what `up` itself has to say.
    const output = order.development ? STDERR : log.fd;
    const told: ChildOrder = { kind: "box", parent: process.pid, argv: order.argv };
    const child = Bun.spawn(selfCommand(), {
      stdio: ["ignore", output, output],
      env: { ...childEnvironment(), ...order.env, [CHILD_VARIABLE]: JSON.stringify(told) },
      serialization: "advanced",
      ipc: (news: BoxNews) => {
        if (news.event === "ready") ready.resolve(news);
        else if (!order.development) ready.reject(problemOf(news));
      },
    });
    log.close();
    this.pid = child.pid;
    this.exited = child.exited.then((code) => {
      ready.reject(
        new Problem("UP_BOX_ENDED", {
          what: `Cannot start box "${order.name}": it ended with exit code ${code}`,
          ...this.#lastLines(),
          fix: `Look into ${order.logFile}`,
        }),
      );
      return code;
    });
  }

  /** Resolves when it has drained and is gone. */
  async stop(): Promise<void> {
    sendSignal(this.pid, "SIGTERM");
    await this.exited;
  }

  #lastLines(): { readonly why?: string } {
    const lines = tailOf(this.log)
      .split("\n")
      .map((line) => readLine(line, false).text);
    return lines.join("") === "" ? {} : { why: `Its last lines:\n${lines.join("\n")}` };
  }

  reload(): void {
    sendSignal(this.pid, "SIGHUP");
  }

  kill(): void {
    sendSignal(this.pid, "SIGKILL");
  }
}

function problemOf({ problems }: BoxNews & { readonly event: "failed" }): Error {
  const all = problems.map((problem) => Problem.fromWire(problem));
  const [first, ...others] = all;
  if (first === undefined) return new Error("Cannot start a box: it gave no reason");
  return others.length === 0 ? first : new Problems(all);
}
