/**
 * What `proxy/net` costs above the sockets it hides, in nanoseconds per operation: first the wire's own steps over a socket
 * that does nothing, then an echo over loopback, the same handlers with and without a wire, CPU of both sides.
 * `bun test/bench/micro/net.ts`
 */
import { Budget } from "../../../proxy/base/byte-queue.ts";
import { Arrivals } from "../../../proxy/net/bun-arrivals.ts";
import { BunNet } from "../../../proxy/net/bun-net.ts";
import { BUN_EVENTS, type BunSocket } from "../../../proxy/net/bun-socket.ts";
import { BunWire } from "../../../proxy/net/bun-wire.ts";
import { Spill } from "../../../proxy/net/spill.ts";
import type { Wire, WireEvents } from "../../../proxy/net/wire.ts";
import { clock } from "../../../src/run/clock.ts";
import { peekSeam } from "../../../src/run/os.ts";

const ROUNDS = 7;
const TIMES = 2_000_000;

function measure(what: string, run: () => void, times = TIMES): void {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = Bun.nanoseconds();
    for (let count = 0; count < times; count += 1) run();
    best = Math.min(best, (Bun.nanoseconds() - from) / times);
  }
  console.log(`${best.toFixed(1).padStart(9)} ns  ${what}`);
}

const around = { seam: peekSeam, arrivals: new Arrivals(clock) };
const birth = {
  origin: "accepted",
  remote: { host: "127.0.0.1", port: 1 },
  local: { host: "127.0.0.1", port: 2 },
} as const;
const idle: WireEvents = { data() {}, drain() {}, end() {}, close() {} };
const bytes = new Uint8Array(4_096);

interface StillSocket {
  data: BunWire;
  sunk: number;
  write(chunk: Uint8Array, offset: number, length: number): number;
  pause(): void;
  resume(): void;
}

function still(events: WireEvents): { wire: BunWire; socket: BunSocket } {
  const wire = new BunWire(around, birth);
  const socket: StillSocket = {
    data: wire,
    sunk: 0,
    write(_chunk, _offset, length) {
      socket.sunk += length;
      return length;
    },
    pause() {},
    resume() {},
  };
  wire.born(socket as unknown as BunSocket, () => events);
  return { wire, socket: socket as unknown as BunSocket };
}

function steps(): void {
  const { wire, socket } = still(idle);
  const spill = new Spill(65_536, new Budget(1_048_576));
  const forward: WireEvents = { ...idle, data: (_wire, chunk, start, end) => void wire.write(chunk, start, end) };
  const source = still(forward);
  let sum = 0;
  measure("nothing: the loop itself", () => void (sum += 1));
  measure("write", () => void wire.write(bytes, 0, 200));
  measure("Spill.write, all taken", () => void spill.write(wire, bytes, 0, 200));
  measure("data, to an event", () => BUN_EVENTS.data?.(socket, bytes as Buffer<ArrayBuffer>));
  measure("data, to an event that writes to another wire", () =>
    BUN_EVENTS.data?.(source.socket, bytes as Buffer<ArrayBuffer>),
  );
  measure("pause and resume", () => (wire.pause(), wire.resume()));
  measure("a wire: made and born", () => void still(idle), 200_000);
}

/** CPU of this process for each message that goes there and back, 32 at once. */
async function echoed(listen: (echo: boolean) => { port: number; dial(): void; done: Promise<void> }): Promise<number> {
  const from = process.cpuUsage();
  const { done } = listen(true);
  await done;
  const { user, system } = process.cpuUsage(from);
  return ((user + system) * 1_000) / MESSAGES;
}

const MESSAGES = 100_000;
const WIRES = 32;
const message = new Uint8Array(200);

function rawEcho(): { port: number; dial(): void; done: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = MESSAGES;
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: { data: (socket, chunk) => void socket.write(chunk), drain() {} },
  });
  const dial = (): void =>
    void Bun.connect({
      hostname: "127.0.0.1",
      port: listener.port,
      socket: {
        open: (socket) => void socket.write(message),
        data(socket) {
          left -= 1;
          if (left === 0) resolve();
          else if (left > 0) socket.write(message);
        },
      },
    });
  for (let count = 0; count < WIRES; count += 1) dial();
  return { port: listener.port, dial, done: promise.finally(() => listener.stop(true)) };
}

const net = new BunNet({ clock, seam: peekSeam });

function wireEcho(): { port: number; dial(): void; done: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = MESSAGES;
  const wires: Wire[] = [];
  const echo: WireEvents = { ...idle, data: (wire, chunk, start, end) => void wire.write(chunk, start, end) };
  const listener = net.listen({ host: "127.0.0.1", port: 0 }, () => echo);
  const ask: WireEvents = {
    ...idle,
    drain: (wire) => void wire.write(message, 0, message.length),
    data(wire) {
      left -= 1;
      if (left === 0) resolve();
      else if (left > 0) wire.write(message, 0, message.length);
    },
  };
  const dial = (): void => void wires.push(net.dial(listener.address, 1_000, ask));
  for (let count = 0; count < WIRES; count += 1) dial();
  const stop = (): void => {
    listener.stop();
    for (const wire of wires) wire.close();
  };
  return { port: listener.address.port ?? 0, dial, done: promise.finally(stop) };
}

steps();
const rounds: [number, number][] = [];
for (let round = 0; round < ROUNDS; round += 1) rounds.push([await echoed(rawEcho), await echoed(wireEcho)]);
const ratios = rounds.map(([raw, wired]) => wired / raw).sort((one, other) => one - other);
const [raw, wired] = [0, 1].map((at) => Math.min(...rounds.map((round) => round[at] as number)));
console.log(
  `echo over loopback, both sides, per message: ${raw?.toFixed(0)} ns bare, ${wired?.toFixed(0)} ns by wires`,
);
console.log(`median of the rounds' ratios: ${ratios[Math.floor(ROUNDS / 2)]?.toFixed(3)}`);
