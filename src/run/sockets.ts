/**
 * The listening sockets that the keeper holds for its workers. They are opened once, before any worker is there, and every
 * worker inherits them: a connection that comes while none lives waits in the kernel for the next. The keeper never
 * accepts.
 * Invariant: a change is all or nothing; what is opened for a plan that is refused is closed again.
 */
import { lstatSync, renameSync, unlinkSync } from "node:fs";
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Clock } from "../../proxy/base/clock.ts";
import { Bug } from "../../proxy/base/assert.ts";
import { ListenError, type Net } from "../../proxy/net/wire.ts";
import { Problem } from "../problem/problem.ts";
import { claim } from "./claim.ts";
import { BACKLOG } from "./inherited-net.ts";
import type { Plan } from "./plan.ts";

export interface HeldSocket {
  readonly crew: string;
  readonly asked: Address;
  /** With the port that the kernel chose, where 0 was asked for. */
  readonly address: Address;
  readonly fd: number;
  /** systemd opened it: its path is not ours to remove. */
  readonly foreign?: true;
}

export interface SocketSeams {
  readonly net: Net;
  readonly clock: Clock;
  dup(fd: number): number;
  close(fd: number): void;
  /** How many connections may wait to be accepted. */
  setBacklog(fd: number, backlog: number): void;
  /** The chance in the name under which a unix socket is bound. */
  random(): number;
}

/** A change of the sockets that is not decided yet. */
export interface SocketChange {
  /** Closes what the new plan no longer names. */
  commit(): void;
  /** Closes what was opened for it. */
  abort(): void;
}

export class Sockets {
  readonly #seams: SocketSeams;
  #held: HeldSocket[] = [];

  constructor(seams: SocketSeams) {
    this.#seams = seams;
  }

  get held(): readonly HeldSocket[] {
    return this.#held;
  }

  /** Takes over what is open already: from systemd, or from the generation before. */
  adopt(sockets: readonly HeldSocket[]): void {
    this.#held.push(...sockets);
  }

  /** Opens what the plan names and is not there; throws Problems, and then nothing has changed. */
  async change(plan: Plan): Promise<SocketChange> {
    const opened: HeldSocket[] = [];
    try {
      for (const { crew, asked } of wantedBy(plan)) {
        if (this.#find(crew, asked) !== undefined) continue;
        const socket = await this.#open(crew, asked);
        opened.push(socket);
        this.#held.push(socket);
      }
    } catch (error) {
      this.#close(opened);
      throw error;
    }
    return {
      commit: () => {
        const wanted = wantedBy(plan).map(({ crew, asked }) => keyOf(crew, asked));
        this.#close(this.#held.filter(({ crew, asked }) => !wanted.includes(keyOf(crew, asked))));
      },
      abort: () => this.#close(opened),
    };
  }

  /** At the end of a box. Paths that a next generation answers on are not ours to remove. */
  closeAll({ keepPaths }: { readonly keepPaths: boolean }): void {
    for (const { fd } of this.#held) this.#seams.close(fd);
    if (!keepPaths) for (const socket of this.#held) this.#unlink(socket);
    this.#held = [];
  }

  #find(crew: string, asked: Address): HeldSocket | undefined {
    return this.#held.find((socket) => keyOf(socket.crew, socket.asked) === keyOf(crew, asked));
  }

  #close(sockets: readonly HeldSocket[]): void {
    for (const socket of sockets) {
      this.#seams.close(socket.fd);
      this.#unlink(socket);
    }
    this.#held = this.#held.filter((socket) => !sockets.includes(socket));
  }

  #unlink({ address, foreign }: HeldSocket): void {
    if (foreign === true) return;
    if (address.path !== undefined && isSocket(address.path)) unlinkSync(address.path);
  }

  async #open(crew: string, asked: Address): Promise<HeldSocket> {
    try {
      if (asked.path === undefined) return { crew, asked, ...this.#bind(asked) };
      const { path } = asked;
      return await claim(path, { clock: this.#seams.clock, code: "RUN_ADDRESS_IN_USE" }, () => {
        // The listener unlinks the path that it knew when it stops; by then the socket has another name.
        const temporary = `${path}.${this.#seams.random().toString(36).slice(2, 10)}`;
        const { fd } = this.#bind({ path: temporary }, () => renameSync(temporary, path));
        return { crew, asked, address: asked, fd };
      });
    } catch (error) {
      throw error instanceof Problem ? error : cannotListen(asked, error);
    }
  }

  #bind(at: Address, before?: () => void): { readonly address: Address; readonly fd: number } {
    const listener = this.#seams.net.listen(at, () => {
      throw new Bug("the keeper accepts no connection");
    });
    try {
      before?.();
      const fd = this.#seams.dup(listener.fd ?? -1);
      this.#seams.setBacklog(fd, BACKLOG);
      return { address: listener.address, fd };
    } finally {
      listener.stop();
    }
  }
}

function wantedBy(plan: Plan): { readonly crew: string; readonly asked: Address }[] {
  return plan.crews.flatMap(({ name, sockets }) => sockets.map((asked) => ({ crew: name, asked })));
}

function keyOf(crew: string, asked: Address): string {
  return `${crew} ${formatAddress(asked)}`;
}

function isSocket(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true;
}

function cannotListen(asked: Address, error: unknown): Problem {
  const address = formatAddress(asked);
  const code = error instanceof ListenError ? error.code : codeOf(error);
  if (code === "EADDRINUSE") {
    return new Problem("RUN_ADDRESS_IN_USE", {
      what: `Cannot listen on "${address}": another process does`,
      fix: "Stop it (`ss -ltnp` shows it), or choose another address",
    });
  }
  return new Problem("RUN_CANNOT_LISTEN", {
    what: `Cannot listen on "${address}": ${REASONS[code] ?? code}`,
    ...(code === "ENOENT" ? { fix: "Make the folder, as a service by RuntimeDirectory= of its unit" } : {}),
  });
}

const REASONS: { readonly [code: string]: string } = {
  EACCES: "this user may not; ports below 1024 want CAP_NET_BIND_SERVICE",
  EADDRNOTAVAIL: "it is not an address of this machine",
  ENOENT: "its folder does not exist",
};

function codeOf(error: unknown): string {
  if (error instanceof Error && "code" in error) return String(error.code);
  return error instanceof Error ? error.message : String(error);
}
