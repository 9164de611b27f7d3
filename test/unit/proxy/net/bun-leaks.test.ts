/** What ten thousand connections that came and went leave behind: nothing, whether they ended well or badly. */
import { heapStats } from "bun:jsc";
import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import type { Address } from "../../../../proxy/base/address.ts";
import { BunNet } from "../../../../proxy/net/bun-net.ts";
import type { Wire, WireEvents } from "../../../../proxy/net/wire.ts";
import { clock } from "../../../../src/run/clock.ts";
import { peekSeam } from "../../../../src/run/os.ts";
import { until } from "../../../kit/until.ts";
import { clientContext, serverContext } from "./contract-tls.ts";

const AT_ONCE = 100;
/** Until the allocators have what so many at once need. */
const WARM = 3_000;

interface Kind {
  readonly count: number;
  readonly tls?: boolean;
  /** Nobody listens: the dial is all there is. */
  readonly refused?: boolean;
}

/** One client after the other, some at once; each says one word, hears it back, and leaves by its number. */
class Crowd {
  readonly #net = new BunNet({ clock, seam: peekSeam });
  readonly #tls: boolean;
  readonly #target: Address;
  readonly #stop: () => void;
  readonly #word = new TextEncoder().encode("word");
  #left = 0;
  open = 0;

  constructor({ tls = false, refused = false }: Kind) {
    this.#tls = tls;
    const listener = this.#net.listen({ host: "127.0.0.1", port: 0 }, () => this.#server());
    this.#target = listener.address;
    this.#stop = () => listener.stop();
    if (refused) listener.stop();
  }

  async pass(count: number): Promise<void> {
    this.#left = count;
    for (let index = 0; index < AT_ONCE; index += 1) this.#next();
    await until("all have left", () => this.#left === 0 && this.open === 0);
  }

  stop(): void {
    this.#stop();
  }

  #next(): void {
    if (this.#left === 0) return;
    this.#left -= 1;
    this.open += 1;
    this.#net.dial(this.#target, 30_000, this.#client(this.#left));
  }

  #client(number: number): WireEvents {
    return {
      data: (wire) => leave(wire, number),
      drain: (wire) => {
        if (this.#tls && wire.tls === undefined) wire.startTls(clientContext, "client");
        else wire.write(this.#word, 0, this.#word.length);
      },
      end: (wire) => wire.end(),
      close: () => {
        this.open -= 1;
        this.#next();
      },
    };
  }

  #server(): WireEvents {
    this.open += 1;
    return {
      data: (wire, bytes, start, end) => void wire.write(bytes, start, end),
      drain: () => {},
      end: (wire) => wire.end(),
      close: () => void (this.open -= 1),
      ...(this.#tls ? { arrive: (wire: Wire) => wire.startTls(serverContext, "server") } : {}),
    };
  }
}

function leave(wire: Wire, number: number): void {
  if (number % 2 === 0) wire.close();
  else wire.end();
}

interface Left {
  readonly objects: number;
  readonly descriptors: number;
  readonly residentBytes: number;
}

function weigh(): Left {
  Bun.gc(true);
  return {
    objects: heapStats().objectCount,
    descriptors: readdirSync("/proc/self/fd").length,
    residentBytes: process.memoryUsage.rss(),
  };
}

/** Far from an object for each connection; and a lost wire weighs more than a kilobyte. */
const OBJECTS_MAX = 500;
const BYTES_EACH_MAX = 1_000;

test.each([
  ["plain", { count: 10_000 }],
  ["refused", { count: 10_000, refused: true }],
  ["under TLS", { count: 3_000, tls: true }],
] as const satisfies readonly (readonly [string, Kind])[])(
  "wires: %s ones that came and went leave no descriptor, no object and no memory",
  async (_name, kind: Kind) => {
    const crowd = new Crowd(kind);
    await crowd.pass(WARM);
    await Bun.sleep(50);
    const before = weigh();
    await crowd.pass(kind.count);
    await Bun.sleep(50);
    const after = weigh();
    crowd.stop();
    expect(after.descriptors).toBeLessThanOrEqual(before.descriptors);
    expect(after.objects - before.objects).toBeLessThan(OBJECTS_MAX);
    expect((after.residentBytes - before.residentBytes) / kind.count).toBeLessThan(BYTES_EACH_MAX);
  },
  60_000,
);
