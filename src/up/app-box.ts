/**
 * The box that runs the program, with an address for it and for its health. An address that is free when it is looked at
 * may be another's a moment later: then the next one is tried.
 */
import type { Config } from "../config/config.ts";
import { Problem } from "../problem/problem.ts";
import { BoxProcess, type BoxReady } from "./box-process.ts";
import { freePort } from "./ports.ts";

export interface AppBoxOrder {
  readonly config: Config;
  readonly configFile: string | undefined;
  /** The program, unless the file names it. */
  readonly entry: string | undefined;
  /** The port a person asked for. */
  readonly port: number | undefined;
  /** How many workers the box is to have, unless the file says so. */
  readonly workers: number | undefined;
  readonly env: Readonly<Record<string, string>>;
  readonly development: boolean;
  readonly logFile: string;
  /** A process that must be ended if it is not wanted any more. */
  started(box: BoxProcess): void;
  say(line: string): void;
}

export interface AppBox {
  readonly box: BoxProcess;
  readonly ready: BoxReady & { readonly admin: string };
}

const LISTEN = "127.0.0.1:3000";
const ADMIN_HOST = "127.0.0.1";
const ADMIN_PORT = 3900;
const TRIES = 8;
/** Without a front the program says so, with one the keeper. */
const TAKEN: ReadonlySet<string> = new Set(["APP_PORT_IN_USE", "RUN_ADDRESS_IN_USE"]);

export async function startAppBox(order: AppBoxOrder): Promise<AppBox> {
  let wanted = addressOf(order.config.app?.listen ?? LISTEN, order.port);
  let adminPort = ADMIN_PORT;
  for (let tries = 1; ; tries += 1) {
    const listen = wanted.port === undefined ? undefined : await freePort(wanted.host, wanted.port);
    const admin = order.config.admin.listen === undefined ? await freePort(ADMIN_HOST, adminPort) : undefined;
    const box = new BoxProcess({ ...order, name: "app", argv: wordsOf(order, wanted, { listen, admin }) });
    order.started(box);
    const outcome = await settled(box);
    if ("admin" in outcome && outcome.admin !== undefined) {
      const { port } = wanted;
      if (listen !== undefined && port !== undefined && port !== 0 && listen !== port)
        order.say(`${port} is in use: using ${listen}`);
      return { box, ready: { ...outcome, admin: outcome.admin } };
    }
    await box.stop();
    const addressTaken = outcome instanceof Problem && TAKEN.has(outcome.code);
    if (tries === TRIES || (outcome instanceof Error && !addressTaken)) throw asFault(outcome, admin);
    if (addressTaken && listen !== undefined) wanted = { ...wanted, port: listen + 1 };
    if (!addressTaken && admin !== undefined) adminPort = admin + 1;
  }
}

interface Wanted {
  readonly host: string;
  /** Absent for a unix socket. */
  readonly port?: number;
  /** Whether the person, and not the file, says the port. */
  readonly named: boolean;
}

function addressOf(text: string, port: number | undefined): Wanted {
  if (text.startsWith("unix:")) return { host: text, named: false };
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { host, port: port ?? Number(text.slice(colon + 1)), named: port !== undefined };
}

interface Ports {
  readonly listen: number | undefined;
  readonly admin: number | undefined;
}

/** What the file says is not repeated as a flag: a flag would win over a changed file at the next reload. */
function wordsOf(order: AppBoxOrder, wanted: Wanted, { listen, admin }: Ports): string[] {
  const argv = ["--role", "app", "--name", "app"];
  const moved = wanted.named || listen !== Number(order.config.app?.listen.split(":").at(-1));
  if (listen !== undefined && (moved || order.configFile === undefined)) {
    argv.push("--listen", `${wanted.host.includes(":") ? `[${wanted.host}]` : wanted.host}:${listen}`);
  }
  if (admin !== undefined) argv.push("--admin", `${ADMIN_HOST}:${admin}`);
  if (order.workers !== undefined) argv.push("--workers", String(order.workers));
  if (order.development) argv.push("--dev");
  if (order.configFile !== undefined) argv.push("--config", order.configFile);
  if (order.entry !== undefined) argv.push(order.entry);
  return argv;
}

async function settled(box: BoxProcess): Promise<BoxReady | Error> {
  try {
    return await box.ready;
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

function asFault(outcome: BoxReady | Error, admin: number | undefined): Error {
  if (outcome instanceof Error) return outcome;
  return new Problem("UP_PORT_IN_USE", {
    what: `Cannot give box "app" an address for its health: ${admin ?? "the one in the file"} is taken again and again`,
    fix: "See what else starts here at the same time, or set admin.listen",
  });
}
