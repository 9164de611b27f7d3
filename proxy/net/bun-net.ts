/**
 * The Net of a real process, on Bun.listen and Bun.connect: TCP, unix sockets, and listening descriptors that the process
 * inherited. Each connection is a `BunWire`; TLS starts on it later, on either side, by `startTls`.
 */
import { formatAddress, type Address } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { Arrivals } from "./bun-arrivals.ts";
import { codeOf, lostFault, slowDialFault } from "./bun-faults.ts";
import { BUN_EVENTS, plainAddress, type BunSocket, type SocketEars } from "./bun-socket.ts";
import { BunWire, type BunSurroundings } from "./bun-wire.ts";
import type { PeekSeam } from "./peek-seam.ts";
import { ListenError, type Fd, type Listener, type Net, type Wire, type WireEvents } from "./wire.ts";

export interface BunNetOptions {
  readonly clock: Clock;
  readonly seam: PeekSeam;
}

/** What Bun's types leave out of a listener. */
interface RawListener {
  readonly fd: number;
  readonly port?: number;
  stop(): void;
}

type Accept = (wire: Wire) => WireEvents;

/** Sockets keep their own direction open when the peer ends; nothing else is right for a proxy. */
const HALF_OPEN = { allowHalfOpen: true } as const;

/** Where a dialled wire stands before it is open. */
const UNBOUND: Address = { host: "0.0.0.0", port: 0 };

export class BunNet implements Net {
  readonly #clock: Clock;
  readonly #around: BunSurroundings;
  #afterTurn: (() => void)[] = [];

  constructor({ clock, seam }: BunNetOptions) {
    this.#clock = clock;
    this.#around = { seam, arrivals: new Arrivals(clock) };
  }

  listen(at: Address | Fd, accept: Accept): Listener {
    return new BunListener(this.#around, at, accept);
  }

  dial(target: Address, deadlineMs: number, events: WireEvents): Wire {
    const local = target.path === undefined ? UNBOUND : target;
    const wire = new BunWire(this.#around, { origin: "dialled", remote: target, local });
    wire.dialled(events);
    const timer = this.#clock.after(deadlineMs, () => wire.unopened(slowDialFault(deadlineMs)));
    const socket = {
      ...BUN_EVENTS,
      open(opened: BunSocket) {
        timer.cancel();
        if (!wire.opened(opened)) opened.terminate();
      },
      connectError() {},
    };
    const place = target.path === undefined ? { hostname: target.host, port: target.port } : { unix: target.path };
    connect({ ...place, ...HALF_OPEN, data: wire, socket }).catch((error: unknown) => {
      timer.cancel();
      wire.unopened(lostFault("dialled", "dialing", error));
    });
    return wire;
  }

  afterTurn(run: () => void): void {
    if (this.#afterTurn.push(run) === 1) setImmediate(() => this.#endTurn());
  }

  #endTurn(): void {
    const runs = this.#afterTurn;
    this.#afterTurn = [];
    for (const run of runs) {
      try {
        run();
      } catch (thrown) {
        rethrowLater(thrown);
      }
    }
  }
}

class BunListener implements Listener {
  readonly address: Address;
  #listener: RawListener | undefined;

  constructor(around: BunSurroundings, at: Address | Fd, accept: Accept) {
    const asked = "fd" in at ? at.address : at;
    const handlers = { ...BUN_EVENTS, open: (socket: BunSocket) => this.#born(around, socket, accept) };
    try {
      this.#listener = Bun.listen({ ...placeOf(at), ...HALF_OPEN, socket: handlers }) as unknown as RawListener;
    } catch (error) {
      throw new ListenError(formatAddress(asked), codeOf(error), error);
    }
    // Of a descriptor that it adopted Bun knows no port.
    const port = this.#listener.port ?? asked.port;
    this.address = asked.path === undefined && port !== undefined ? { host: asked.host, port } : asked;
  }

  get fd(): number | undefined {
    return this.#listener?.fd;
  }

  stop(): void {
    this.#listener?.stop();
    this.#listener = undefined;
  }

  #born(around: BunSurroundings, socket: BunSocket, accept: Accept): void {
    const remote = plainAddress(socket.remoteAddress, socket.remotePort) ?? this.address;
    const wire = new BunWire(around, { origin: "accepted", remote, local: this.address });
    socket.data = wire;
    try {
      wire.born(socket, accept);
    } catch (thrown) {
      wire.close();
      rethrowLater(thrown);
    }
  }
}

/** Bun rejects for most that is wrong, and throws for some. */
async function connect(options: object): Promise<void> {
  await Bun.connect(options as Parameters<typeof Bun.connect<SocketEars>>[0]);
}

/** Not in Bun's types: `fd` adopts a listening descriptor. */
function placeOf(at: Address | Fd): { hostname: string; port: number } {
  if ("fd" in at) return { fd: at.fd } as unknown as { hostname: string; port: number };
  if (at.path !== undefined) return { unix: at.path } as unknown as { hostname: string; port: number };
  return { hostname: at.host, port: at.port };
}

/** It belongs to no conversation that could tell it: the process does. */
function rethrowLater(thrown: unknown): void {
  queueMicrotask(() => {
    throw thrown;
  });
}
