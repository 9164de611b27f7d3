/**
 * The net of a worker whose keeper holds listening sockets: `listen` of such an address adopts the inherited descriptor,
 * everything else is as the engine does it. A role does not notice.
 * Invariant: the inherited descriptor stays open until the process drains, so that an address can be left and taken again;
 * each listener has a duplicate of its own. From then on it must be closed: where no other process has the address any more,
 * clients are to be refused and not to wait for one that never accepts.
 */
import { type Address, formatAddress } from "../../proxy/base/address.ts";
import type { Fd, Listener, Net, Wire, WireEvents } from "../../proxy/net/wire.ts";

/** A listening socket as a child is told of it. */
export interface SocketOrder {
  readonly crew: string;
  readonly asked: Address;
  readonly address: Address;
  /** In the child that is told; absent when the socket is another crew's. */
  readonly fd?: number;
}

/** How many connections may wait to be accepted; above what the kernel allows it is cut to net.core.somaxconn. */
export const BACKLOG = 4_096;

export interface DescriptorCalls {
  dup(fd: number): number;
  setBacklog(fd: number, backlog: number): void;
  close(fd: number): void;
}

export class InheritedNet implements Net {
  readonly #net: Net;
  readonly #calls: DescriptorCalls;
  readonly #held = new Map<string, Fd>();

  constructor(net: Net, sockets: readonly SocketOrder[], calls: DescriptorCalls) {
    this.#net = net;
    this.#calls = calls;
    for (const { asked, address, fd } of sockets) {
      if (fd !== undefined) this.#held.set(formatAddress(asked), { fd, address });
    }
  }

  listen(at: Address | Fd, accept: (wire: Wire) => WireEvents): Listener {
    const held = "fd" in at ? undefined : this.#held.get(formatAddress(at));
    if (held === undefined) return this.#net.listen(at, accept);
    const listener = this.#net.listen({ fd: this.#calls.dup(held.fd), address: held.address }, accept);
    // The engine has listened once more, with a backlog of its own.
    this.#calls.setBacklog(held.fd, BACKLOG);
    return listener;
  }

  dial(...words: Parameters<Net["dial"]>): Wire {
    return this.#net.dial(...words);
  }

  /** This process takes no new address and accepts no more. */
  release(): void {
    for (const { fd } of this.#held.values()) this.#calls.close(fd);
    this.#held.clear();
  }

  afterTurn(run: () => void): void {
    this.#net.afterTurn(run);
  }
}
